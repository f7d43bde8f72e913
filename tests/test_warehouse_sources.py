"""What is met on several ways: which wording stands, whence its fields, which gap is left."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.pages import Coverage
from tests.support.warehouse_rows import (
    NOW,
    STAMP,
    counts,
    mark_copies,
    marks,
    opened,
    post,
    removals,
    save,
)
from warehouse import store

PORCH = "reddit/QuietPorch"
ARCHIVE = replace(STAMP, run_id="run-2", source="dumps", stream="dumps/1", route="reddit_archive")
BEFORE, AFTER = NOW - timedelta(days=90), NOW + timedelta(days=1)


def hours(first: float, last: float, **other: Any) -> Coverage:
    return Coverage(NOW + timedelta(hours=first), NOW + timedelta(hours=last), **other)


def gap(first: float, last: float, **other: Any) -> Coverage:
    return hours(first, last, kind="gap", reason="listing ends", **({"venue": PORCH} | other))


def open_gaps(warehouse: store.Warehouse) -> list[tuple[float, float]]:
    """Return what is left of gaps, in hours from NOW."""
    found = store.read_status(warehouse).gaps.select("from_at", "to_at").rows()
    return [tuple((at - NOW) / timedelta(hours=1) for at in row) for row in found]  # type: ignore[misc]


def test_a_gap_is_closed_by_what_an_archive_read_of_its_venue(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, covered=[gap(2, 10)])
        assert open_gaps(warehouse) == [(2, 10)]
        save(warehouse, stamp=ARCHIVE, covered=[hours(0, 4, venue="reddit/quietporch")])
        save(warehouse, stamp=ARCHIVE, covered=[hours(5, 6, venue="reddit/*")])
        assert open_gaps(warehouse) == [(4, 5), (6, 10)]
        save(warehouse, stamp=ARCHIVE, covered=[hours(3, 10, venue=PORCH)])
        assert open_gaps(warehouse) == []


@pytest.mark.parametrize("venue", [None, "reddit/SmallHours", "bluesky/*"])
def test_a_selection_or_another_venue_closes_no_gap(tmp_path: Path, venue: str | None) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, covered=[gap(2, 10, at_most_count=40)])
        save(warehouse, stamp=ARCHIVE, covered=[hours(0, 24, venue=venue)])
        assert open_gaps(warehouse) == [(2, 10)]
        assert store.read_status(warehouse).gaps["at_most_count"].to_list() == [40]


def test_a_gap_of_no_venue_stays(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, covered=[gap(2, 10, venue=None), hours(0, 24, venue="reddit/*")])
        assert open_gaps(warehouse) == [(2, 10)]


spans = st.tuples(st.integers(0, 20), st.integers(1, 8)).map(lambda s: (s[0], s[0] + s[1]))


@settings(max_examples=25)
@given(lacks=st.lists(spans, min_size=1, max_size=3), reads=st.lists(spans, max_size=5))
def test_what_is_left_is_exactly_what_nobody_read(
    tmp_path_factory: pytest.TempPathFactory,
    lacks: list[tuple[int, int]],
    reads: list[tuple[int, int]],
) -> None:
    with opened(tmp_path_factory.mktemp("gaps") / "w.duckdb") as warehouse:
        save(warehouse, covered=[gap(*span) for span in lacks])
        save(warehouse, stamp=ARCHIVE, covered=[hours(*span, venue=PORCH) for span in reads])
        left = open_gaps(warehouse)
    seen = {hour for first, last in reads for hour in range(first, last)}
    for first, last in set(lacks):
        wanted = {hour for hour in range(first, last) if hour not in seen}
        told = {
            hour
            for start, end in left
            for hour in range(int(start), int(end))
            if first <= start and end <= last
        }
        assert wanted <= told
    assert {h for a, b in left for h in range(int(a), int(b))} == {
        hour for first, last in lacks for hour in range(first, last)
    } - seen


def test_an_older_sight_never_replaces_a_newer_wording(tmp_path: Path) -> None:
    older = post(1, version_key=7, text="As it read long ago.", observed_at=BEFORE)
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1))
        saved = save(warehouse, older, stamp=ARCHIVE)
        assert saved == store.SaveCounts(new=0, updated=0, unchanged=1)
        [row] = warehouse.execute("select text_masked, source_route, edited from post")
    assert "kettle" in row[0]
    assert row[1:] == ("synthetic", False)


def test_a_newer_sight_of_another_way_is_an_edit(tmp_path: Path) -> None:
    newer = post(1, version_key=7, text="As it reads now.", observed_at=AFTER)
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), stamp=ARCHIVE)
        assert save(warehouse, newer).updated == 1
        [row] = warehouse.execute("select text_masked, source_route from post")
    assert "As it reads now." in row[0]
    assert row[1] == "synthetic"


def test_each_field_knows_where_it_comes_from_and_when(tmp_path: Path) -> None:
    archived = counts({"post_key": 1, "observed_at": BEFORE, "reddit_score": 3})
    live = counts({"post_key": 1, "observed_at": AFTER, "reddit_score": 9})
    with opened(tmp_path / "w.duckdb") as warehouse:
        for stamp in (ARCHIVE, STAMP):
            store.begin_run(warehouse, stamp, started_at=NOW)
        save(warehouse, post(1, observed_at=BEFORE), stamp=ARCHIVE, snapshots=archived)
        save(warehouse, post(1, observed_at=AFTER), snapshots=live)
        found = warehouse.execute(
            "select fields, source_route, source, observed_at from field_source order by fields"
        )
    assert found == [
        ("counts", "synthetic", "small-hours", AFTER.replace(tzinfo=None)),
        ("wording", "reddit_archive", "dumps", BEFORE.replace(tzinfo=None)),
    ]


def test_a_post_seen_standing_later_outlives_an_older_removal(tmp_path: Path) -> None:
    late = counts({"post_key": 2, "observed_at": AFTER, "reddit_score": 9})
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1, observed_at=BEFORE), post(2, observed_at=BEFORE), snapshots=late)
        gone = removals(1, 2, 3)  # all learned of at NOW
        assert store.is_seen_after(warehouse, gone).to_list() == [False, True, False]


def due(warehouse: store.Warehouse, rules: str = "invented") -> list[int]:
    """Return the keys of the posts due for comparison."""
    return store.duplicate_inputs(warehouse, rules)["post_key"].sort().to_list()


def test_marks_stand_until_a_post_or_a_rule_changes(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2))
        assert due(warehouse) == [1, 2]
        assert mark_copies(warehouse, (2, 1, 1)) == 1
        save(warehouse, post(1), post(2))  # nothing new
        assert due(warehouse) == []
    with opened(tmp_path / "w.duckdb") as warehouse:
        assert store.count_duplicates(warehouse) == 1
        assert due(warehouse, "others") == [1, 2]
        assert store.count_duplicates(warehouse) == 0


@pytest.mark.parametrize(
    ("change", "wanted"), [("new", [4]), ("edit", [3]), ("edit a copy", [1, 2]), ("removal", [1])]
)
def test_what_changed_is_due_with_its_cluster(
    tmp_path: Path, change: str, wanted: list[int]
) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2), post(3))
        mark_copies(warehouse, (2, 1, 1))
        if change == "new":
            save(warehouse, post(4))
        elif change.startswith("edit"):
            key = 3 if change == "edit" else 2
            save(warehouse, post(key, version_key=9, text="Other words.", observed_at=AFTER))
        else:
            store.remove(warehouse, removals(2), now=NOW)
        assert due(warehouse) == wanted
        assert all(count == 0 for _, count in store.run_checks(warehouse))


def test_what_another_pass_compared_meanwhile_is_left_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2))
        late = store.duplicate_inputs(warehouse, "invented")
        mark_copies(warehouse, (2, 1, 1))
        sketches = late.select("post_key", "version_key", "scrubber_version")
        standing = store.save_duplicates(
            warehouse, marks(), sketches=sketches, post_keys=late["post_key"]
        )
        assert standing == 1


def test_a_post_reworded_while_it_was_compared_stays_due(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2), post(3))
        late = store.duplicate_inputs(warehouse, "invented")
        save(warehouse, post(2, version_key=9, text="Other words.", observed_at=AFTER))
        sketches = late.select("post_key", "version_key", "scrubber_version")
        store.save_duplicates(
            warehouse, marks((2, 1, 1)), sketches=sketches, post_keys=late["post_key"]
        )
        assert store.count_duplicates(warehouse) == 0
        assert due(warehouse) == [1, 2]
