"""Recorded dumps, and every month's JSON types since 2005: all of it stored or set aside."""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zstandard

from connectors.reddit_archive_rows import ROWS
from tests.support.dumps import COMMENT, CREATED, SEEN, SUBMISSION, ids, read, read_items

pytestmark = pytest.mark.recordings

FILES = (
    "RC_2015-01.sample.ndjson",
    "RC_pushshift-2021.ndjson",
    "RC_pushshift-2022.sample.ndjson",
    "RC_pushshift-2022.zst",
    "RS_pushshift-2021.sample.ndjson",
    "RS_pushshift-2021.zst",
    "RS_pushshift-2022.sample.ndjson",
    "RS_pushshift-2022.zst",
)
MARKS = {"[deleted]", "[removed]", "[deleted by user]"}


def recorded(path: Path) -> list[dict[str, Any]]:
    """Read a dump in the plainest way."""
    data = path.read_bytes()
    if path.suffix == ".zst":
        reader = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(data)
        data = reader.read()
    return [json.loads(line) for line in data.splitlines()]


def is_gone(item: dict[str, Any]) -> bool:
    words = {str(item.get(name)).strip().lower() for name in ("body", "selftext", "title")}
    is_taken_down = any(one.startswith("[ removed by reddit") for one in words)
    has_left = item["author"] == "[deleted]"
    return bool(item.get("removed_by_category") or words & MARKS or is_taken_down or has_left)


@pytest.mark.parametrize("name", FILES)
def test_every_recorded_row_is_a_post_or_a_removal_and_the_counts_meet(shared: Path, name: str):
    path = shared / "recordings" / "reddit-dumps" / name
    items = recorded(path)
    kind = "t1" if name.startswith("RC") else "t3"
    by_id = {f"{kind}_{item['id']}": item for item in items}
    parsed = read(path)
    gone = {native_id for native_id, item in by_id.items() if is_gone(item)}
    assert parsed.set_aside == ()
    assert len(set(ids(parsed.posts))) == parsed.posts.height
    assert (set(ids(parsed.posts)) == by_id.keys() - gone) is True  # no id in a failure's message
    assert (set(parsed.removals["native_id"]) == gone) is True
    for post in parsed.posts.iter_rows(named=True):
        item = by_id[post["native_id"]]
        seen = item.get("retrieved_on") or item.get("retrieved_utc")
        assert post["created_at"].timestamp() == int(item["created_utc"])
        assert post["observed_at"].timestamp() == max(seen, int(item["created_utc"]))
        assert (post["author"] == item["author"], post["venue"] == item["subreddit"]) == (
            True,
            True,
        )
        assert post["is_edited"] == bool(item.get("edited"))
        hidden = item.get("score_hidden") or item.get("hide_score")
        assert post["reddit_score"] == (None if hidden else item["score"])
        assert (post["kind"] == "submission") == ("title" in item)


# --- drift ---------------------------------------------------------------------------------

VALUES: dict[str, dict[str, Any]] = {
    "created_utc": {"int": CREATED, "string": str(CREATED), "float": float(CREATED)},
    "edited": {"float": CREATED + 60.0, "int": CREATED + 60},
    "retrieved_on": {"int": SEEN},
    "retrieved_utc": {"int": SEEN},
    "parent_id": {"string": "t1_k0zzzz"},
    "link_id": {"string": "t3_1abcd2"},
    "gallery_data": {"object": {"items": [{"caption": "A cup"}]}},
    "poll_data": {"object": {"options": [{"text": "Tea"}]}},
    "media": {"object": {"oembed": {"title": "A card"}}},
    "crosspost_parent_list": {"array": [{"title": "A parent", "author": "dune-otter-9"}]},
    "_meta": {"object": {"retrieved_2nd_on": SEEN, "is_edited": True}},
    "url": {"string": "https://example.org/rest"},
    "removed_by_category": {"string": "moderator"},
    "link_flair_text": {"string": "Evening"},
}


def drifted(shared: Path) -> Iterator[tuple[str, str, dict[str, tuple[str, ...]]]]:
    """Yield kind, first month, and the JSON types of each field we read, for each period."""
    path = shared / "recordings" / "reddit-dumps" / "SCHEMA_DRIFT.tsv"
    with path.open() as file:
        table = [row for row in csv.DictReader(file, delimiter="\t") if row["field"] in ROWS]
    for kind in ("RC", "RS"):
        fields = {
            row["field"]: [
                (months.split("..")[0], months.split("..")[-1], types)
                for months, types in re.findall(r"([0-9.-]+) ([^;]+)", row["types_by_period"])
            ]
            for row in table
            if row["kind"] == kind
        }
        starts = {start for periods in fields.values() for start, _, _ in periods}
        for month in sorted(starts):
            types = {
                field: next(told for start, end, told in periods if start <= month <= end)
                for field, periods in fields.items()
            }
            there = {field: told.strip() for field, told in types.items() if told.strip() != "-"}
            yield kind, month, {field: tuple(told.split("|")) for field, told in there.items()}


def value(kind: str, field: str, json_type: str, number: int) -> Any:
    """Invent a value of a field's type."""
    if json_type in ("null", "bool"):
        return bool(number % 2) if json_type == "bool" else None
    if field == "id":
        return f"{number:x}"
    if field == "name":
        return f"{'t1' if kind == 'RC' else 't3'}_{number:x}"
    if field in VALUES:
        return VALUES[field][json_type]
    base = COMMENT if kind == "RC" else SUBMISSION
    return {"int": base.get(field, 1), "string": base.get(field)}[json_type]


def rows_of(kind: str, types: dict[str, tuple[str, ...]], first: int) -> list[dict[str, Any]]:
    """Invent a row for each type that a field has in a period, the others at their first."""
    plain = {
        field: next((one for one in told if one != "null"), "null")
        for field, told in types.items()
        if field != "removed_by_category"
    }
    picks = [plain] + [
        {**plain, field: one} for field, told in types.items() for one in told if len(told) > 1
    ]
    return [
        {field: value(kind, field, one, first + n) for field, one in pick.items()}
        for n, pick in enumerate(picks)
    ]


def expected(kind: str, item: dict[str, Any]) -> dict[str, Any]:
    """Say what an invented row has to give, by the facts about its fields alone."""
    is_root = kind == "RS"
    meta = item.get("_meta") or {}
    edited = item.get("edited") if item.get("edited") not in (None, False, True) else None
    parents = item.get("crosspost_parent_list") or []
    card = (item.get("media") or {}).get("oembed", {}).get("title")
    poll = item.get("poll_data")
    captions = ["A cup"] if item.get("gallery_data") else []
    captions += ["Tea"] if isinstance(poll, dict) else []
    url = item.get("url")
    hidden = item.get("score_hidden") or item.get("hide_score")
    look = item.get("retrieved_on") or item.get("retrieved_utc") or meta.get("retrieved_2nd_on")
    return {
        "native_id": f"{'t3' if is_root else 't1'}_{item['id']}",
        "kind": "submission" if is_root else "comment",
        "author": item["author"],
        "venue": "QuietPorch",
        "title": item["title"] if is_root else None,
        "text": item["selftext"] if is_root else item["body"],
        "flair": item.get("link_flair_text"),
        "parent_native_id": None if is_root else "t1_k0zzzz",
        "root_native_id": f"t3_{item['id']}" if is_root else "t3_1abcd2",
        "created_at": datetime.fromtimestamp(CREATED, UTC),
        "observed_at": datetime.fromtimestamp(look or CREATED, UTC),
        "edited_at": None if edited is None else datetime.fromtimestamp(edited, UTC),
        "is_edited": bool(item.get("edited") or meta.get("is_edited")),
        "is_nsfw": any(item.get(mark) for mark in ("over_18", "quarantine", "quarantined")),
        "reddit_score": None if hidden else item["score"],
        "replies_count": item.get("num_comments"),
        "reddit_crossposts_count": item.get("num_crossposts"),
        "links": [url] if url and item.get("is_self") is False else [],
        "mentions": ["dune-otter-9"] if parents else [],
        "alt_text": "\n".join(captions) or None,
        "quoted_text": "\n".join(filter(None, [*(one["title"] for one in parents), card])) or None,
    }


def test_every_period_s_types_of_every_field_we_read_give_the_right_values(
    shared: Path, tmp_path: Path
):
    periods = list(drifted(shared))
    items: list[tuple[str, dict[str, Any]]] = []
    for kind, _, types in periods:
        items += [(kind, item) for item in rows_of(kind, types, 4096 + len(items))]
    parsed = read_items(tmp_path, [item for _, item in items])
    went = [item["id"] for _, item in items if item.get("removed_by_category")]
    wanted = [expected(*one) for one in items if not one[1].get("removed_by_category")]
    assert parsed.set_aside == ()
    assert parsed.removals["native_id"].to_list() == [f"t3_{one}" for one in went]
    assert parsed.posts.select(wanted[0].keys()).to_dicts() == wanted
    months = Counter(kind for kind, _, _ in periods)
    assert (months["RC"] > 20, months["RS"] > 40, len(items) > 2 * len(periods)) == (True,) * 3
