"""Invented rows for the warehouse's tests, valid by contract."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import dataframely as dy
import polars as pl

from schema.coding import Coding, EvidenceSpan, Unit
from schema.posts import DuplicateMark, EngagementSnapshot, Post
from schema.removals import Removal
from warehouse import store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAMP = store.SaveStamp(
    run_id="run-1", source="small-hours", stream="small-hours", route="synthetic"
)
WEEK = date(2026, 1, 5)


def author(number: int) -> str:
    """Return the pseudonym of the nth invented account."""
    return f"{number:032x}"


def post(post_key: int, **other: Any) -> dict[str, Any]:
    """Return one post as a row; a reply where `parent_key` is given."""
    parent = other.get("parent_key")
    row: dict[str, Any] = {
        "platform": "reddit",
        "post_key": post_key,
        "version_key": post_key * 1000 + 1,
        "thread_key": other.get("thread_key", parent or post_key),
        "parent_key": None,
        "kind": "submission" if parent is None else "comment",
        "is_root": parent is None,
        "author_pseudonym": author(post_key),
        "community_key": "reddit/SmallHours",
        "title": f"Title {post_key}" if parent is None else None,
        "text": f"The kettle clicked off and nobody came, number {post_key}.",
        "alt_text": None,
        "quoted_text": None,
        "flair": None,
        "link_categories": [],
        "declared_languages": ["en"],
        "language": "en",
        "language_confidence": 0.9,
        "words_count": 9,
        "hashtags_count": 0,
        "masks": [],
        "scrubber_version": 1,
        "created_at": datetime(2026, 1, 6, 10, tzinfo=UTC) + timedelta(minutes=post_key % 10_000),
        "is_created_at_plausible": True,
        "indexed_at": None,
        "observed_at": datetime(2026, 1, 7, tzinfo=UTC),
        "edited_at": None,
        "is_edited": False,
        "is_nsfw": False,
        "is_visible_logged_out": True,
    }
    return row | other


def posts(*rows: dict[str, Any]) -> dy.DataFrame[Post]:
    """Return rows as a frame of posts."""
    return Post.validate(pl.DataFrame(list(rows), schema=Post.create_empty().schema), cast=True)


def counts(*rows: dict[str, Any]) -> dy.DataFrame[EngagementSnapshot]:
    """Return rows as a frame of counts; what is not given is null."""
    names = EngagementSnapshot.column_names()
    filled = [{name: row.get(name) for name in names} for row in rows]
    frame = pl.DataFrame(filled, schema=EngagementSnapshot.create_empty().schema)
    return EngagementSnapshot.validate(frame, cast=True)


def marks(*rows: tuple[int, int, int]) -> dy.DataFrame[DuplicateMark]:
    """Return duplicate marks of (post, cluster, canonical)."""
    frame = pl.DataFrame(
        [(*row, "copypasta", "exact", 1.0, None) for row in rows],
        schema=DuplicateMark.create_empty().schema,
        orient="row",
    )
    return DuplicateMark.validate(frame, cast=True)


def mark_copies(warehouse: store.Warehouse, *rows: tuple[int, int, int]) -> int:
    """Say of all posts due that they were compared, with these marks as the outcome."""
    due = store.duplicate_inputs(warehouse, "invented")
    return store.save_duplicates(
        warehouse,
        marks(*rows),
        sketches=due.select("post_key", "version_key", "scrubber_version"),
        post_keys=due["post_key"],
    )


def removals(
    *post_keys: int, authors: Sequence[str] = (), reason: str = "deleted_by_author"
) -> dy.DataFrame[Removal]:
    """Return removals of posts and of accounts, all on Reddit."""
    named = [(key, None) for key in post_keys] + [(None, name) for name in authors]
    frame = pl.DataFrame(
        [("reddit", key, name, reason, NOW) for key, name in named],
        schema=Removal.create_empty().schema,
        orient="row",
    )
    return Removal.validate(frame, cast=True)


def units(
    *rows: tuple[int, int], wave: str = "W1", round_: str = "R1", kind: str = "root"
) -> dy.DataFrame[Unit]:
    """Return drawn units of (unit_key, version_key), each drawn with chance one half."""
    frame = pl.DataFrame(
        [
            (wave, round_, kind, key, version, "reddit|2026-01-05", 0.5, 2.0, NOW)
            for key, version in rows
        ],
        schema=Unit.create_empty().schema,
        orient="row",
    )
    return Unit.validate(frame, cast=True)


def coding(unit_key: int, code_id: str, value: int, **other: Any) -> dict[str, Any]:
    """Return one coder's value for one code of one unit."""
    row: dict[str, Any] = {
        "wave": "W1",
        "round": "R1",
        "unit_kind": "root",
        "unit_key": unit_key,
        "coder": "c1",
        "code_id": code_id,
        "revised_at": NOW,
        "value": value,
        "certainty": 3,
        "codebook_version": "1.0.0",
        "coded_at": NOW,
        "lead_seconds": 20.0,
    }
    row |= other
    person = ("c1", "c2", "c3", "c4", "a1").index(row["coder"]) + 1
    annotation = unit_key * 100 + person
    return {"annotation_id": annotation} | row


def codings(*rows: dict[str, Any]) -> dy.DataFrame[Coding]:
    """Return rows as a frame of codings."""
    frame = pl.DataFrame(list(rows), schema=Coding.create_empty().schema)
    return Coding.validate(frame, cast=True)


def qualify(warehouse: store.Warehouse, *coders: str, version: str = "1.0.0") -> None:
    """Let coders have passed the quiz."""
    counts = {"asked_count": 9, "answered_count": 9, "right_count": 9, "crisis_missed_count": 0}
    rows = pl.DataFrame([{"coder": coder, **counts, "is_passed": True} for coder in coders])
    store.save_qualifications(warehouse, rows, codebook_version=version, now=NOW)


def spans(*rows: tuple[int, int, str, int, int]) -> dy.DataFrame[EvidenceSpan]:
    """Return spans of (annotation, unit, code, start, end)."""
    frame = pl.DataFrame(
        [(a, NOW, unit, code, start, end) for a, unit, code, start, end in rows],
        schema=EvidenceSpan.create_empty().schema,
        orient="row",
    )
    return EvidenceSpan.validate(frame, cast=True)


@cache
def _empty() -> bytes:
    """Make one empty store: to lay out its tables and views takes a second each time."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "empty.duckdb"
        with store.open_warehouse(path, now=NOW):
            pass
        return path.read_bytes()


def opened(path: Path, **other: Any) -> AbstractContextManager[store.Warehouse]:
    """Open a warehouse at the tests' clock; a new one is a copy of an empty one."""
    if not path.exists() and not other:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(_empty())
    return store.open_warehouse(path, **({"now": NOW} | other))


def save(warehouse: store.Warehouse, *rows: dict[str, Any], **other: Any) -> store.SaveCounts:
    """Save one page of posts."""
    page: dict[str, Any] = {"position": None, "stamp": STAMP, "snapshots": counts()} | other
    return store.save_page(
        warehouse, posts(*rows), page.pop("snapshots"), page.pop("stamp"), **page
    )
