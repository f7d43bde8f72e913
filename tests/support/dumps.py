"""Invented dumps on the disk, and what reading them gives."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl
import zstandard

from connectors.reddit_archive import ArchiveFilter, fetch_archive_pages, parse_archive_page
from schema.pages import CollectionQuery, ParsedPage, RawPage, SetAside
from schema.posts import CollectedPost
from schema.removals import CollectedRemoval

NOW = datetime(2026, 5, 1, tzinfo=UTC)
CREATED = 1_420_070_400
SEEN = CREATED + 86_400

SUBMISSION: dict[str, Any] = {
    "author": "fern-compass-4410",
    "created_utc": CREATED,
    "edited": False,
    "id": "1abcd2",
    "is_self": True,
    "num_comments": 4,
    "num_crossposts": 1,
    "over_18": False,
    "quarantine": False,
    "retrieved_on": SEEN,
    "score": 12,
    "selftext": "The kettle and I are both tired today.",
    "subreddit": "QuietPorch",
    "title": "A slow morning",
    "url": "https://www.reddit.com/r/QuietPorch/comments/1abcd2/a_slow_morning/",
}
COMMENT: dict[str, Any] = {
    "author": "quartz-heron-2208",
    "body": "Mine too. Tea helps.",
    "created_utc": CREATED,
    "edited": False,
    "id": "k0aaaa",
    "link_id": "t3_1abcd2",
    "parent_id": "t3_1abcd2",
    "retrieved_on": SEEN,
    "score": 3,
    "subreddit": "QuietPorch",
}
MISSING = object()


def row(base: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**base, **changes}.items() if value is not MISSING}


def line(item: object) -> bytes:
    return json.dumps(item, separators=(",", ":"), ensure_ascii=False).encode(
        errors="surrogatepass"
    )


def lines(items: Iterable[object]) -> bytes:
    return b"".join(line(item) + b"\n" for item in items)


def frame(data: bytes, *, window_log: int = 31, **options: Any) -> bytes:
    """Pack bytes as one frame that declares its window, as a stream's frame does."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        3, window_log=window_log, write_content_size=False, **options
    )
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return packer.compress(data) + packer.flush()


def query(**changes: Any) -> CollectionQuery:
    values = {"since": datetime(2005, 6, 1, tzinfo=UTC), "now": NOW, **changes}
    return CollectionQuery("dumps", "dumps", "dumps", **values)


def pages(path: Path, wanted: ArchiveFilter | None = None, **changes: Any) -> list[RawPage]:
    return list(fetch_archive_pages(path, query(**changes), wanted or ArchiveFilter()))


def read(path: Path, wanted: ArchiveFilter | None = None, **changes: Any) -> ParsedPage:
    """Read a whole dump and put its pages together."""
    return together(map(parse_archive_page, pages(path, wanted, **changes)))


def together(parsed: Iterable[ParsedPage]) -> ParsedPage:
    every = list(parsed)
    posts = [CollectedPost.create_empty(), *(one.posts for one in every)]
    removals = [CollectedRemoval.create_empty(), *(one.removals for one in every)]
    return ParsedPage(
        CollectedPost.validate(pl.concat(posts)),
        CollectedRemoval.validate(pl.concat(removals)),
        tuple(entry for one in every for entry in one.set_aside),
    )


def read_items(folder: Path, items: Sequence[object], **options: Any) -> ParsedPage:
    """Write items as a plain dump and read it."""
    path = folder / "RS_invented.ndjson"
    path.write_bytes(lines(items))
    return read(path, **options)


def counts(set_aside: Iterable[SetAside]) -> dict[str, int]:
    told: dict[str, int] = {}
    for entry in set_aside:
        told[entry.rule] = told.get(entry.rule, 0) + entry.count
    return told


def ids(posts: dy.DataFrame[CollectedPost]) -> list[str]:
    return posts["native_id"].to_list()
