"""How long posts stay up: counted in large cells alone, with nothing left of a single post."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.warehouse_rows import (
    NOW,
    coding,
    codings,
    counts,
    opened,
    post,
    removals,
    spans,
    units,
)
from tests.support.warehouse_rows import save as save_posts
from tests.test_warehouse_units import PLAN, frame_of
from warehouse import store

BORN = datetime(2026, 1, 5, 9, tzinfo=NOW.tzinfo)  # a Monday
DAY = timedelta(days=1)


def cohort(count: int, *, first: int = 1, seen_after: timedelta = DAY / 24) -> list[dict[str, Any]]:
    """Return posts of one week, each seen first so long after its creation."""
    return [
        post(key, created_at=BORN, indexed_at=BORN, observed_at=BORN + seen_after)
        for key in range(first, first + count)
    ]


def save(warehouse: store.Warehouse, *rows: dict[str, Any], days: int = 10) -> None:
    """Save posts, and that all of them were still up after so many days."""
    looked = BORN + days * DAY
    seen = [{"post_key": row["post_key"], "observed_at": looked} for row in rows]
    save_posts(warehouse, *rows, snapshots=counts(*seen))


def table(warehouse: store.Warehouse) -> list[tuple[Any, ...]]:
    """Read the published life table: cell, age, at risk, deleted, edited."""
    rows = warehouse.frame(
        "select code_cell, age_days, n_at_risk, n_deleted, n_edited from persistence_tally "
        "order by all"
    )
    return rows.rows()


def remove(warehouse: store.Warehouse, *keys: int, days: float, **other: Any) -> None:
    store.remove(warehouse, removals(*keys, **other), now=BORN + days * DAY)


def test_deletions_are_counted_by_age_among_those_that_were_still_up(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *cohort(20))
        remove(warehouse, 1, 2, days=3.5)
        remove(warehouse, 3, days=3.9)
        remove(warehouse, 4, days=8)
        assert table(warehouse) == [
            ("other", 0, 20, 0, 0),
            ("other", 3, 20, 3, 0),
            ("other", 8, 17, 1, 0),
            ("other", 10, 16, 0, 0),
        ]


def test_what_is_left_names_no_post_and_no_instant(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *cohort(20))
        remove(warehouse, 1, days=3.5)
        [row] = warehouse.execute("select * from landed.persistence_tally")
    assert row == ("reddit", BORN.date(), "subreddit", "other", 3, 20, 1, 0)


def test_a_cohort_under_eleven_leaves_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *cohort(10))
        remove(warehouse, 1, days=3)
        assert warehouse.execute("select * from landed.persistence_tally") == []
        assert table(warehouse) == []


def test_a_cell_that_is_down_to_ten_counts_no_further(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *cohort(12))
        for key, day in ((1, 2), (2, 4), (3, 6)):
            remove(warehouse, key, days=day)
        written = warehouse.execute(
            "select age_days, at_risk_count, deleted_count from landed.persistence_tally"
        )
        assert sorted(written) == [(2, 12, 1), (4, 11, 1)]
        assert all(row[2] >= 11 for row in table(warehouse))
        assert store.count_small_cells(warehouse) == 0


@pytest.mark.parametrize(("minimum", "shown"), [(20, 20), (11, 12), (5, 12)])
def test_a_stricter_study_shows_larger_cells_of_the_same_counts(
    tmp_path: Path, minimum: int, shown: int
) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *cohort(22))
        for day in range(1, 10):
            remove(warehouse, day, days=day)
        before = table(warehouse)
        store.show_cells_from(warehouse, minimum)
        assert min(row[2] for row in table(warehouse)) == (shown if shown > 12 else before[-1][2])
        assert set(table(warehouse)) <= set(before)
        store.show_cells_from(warehouse, 11)
        assert table(warehouse) == before


def test_posts_that_were_seen_late_are_no_part_of_it(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *cohort(20), *cohort(5, first=50, seen_after=3 * DAY))
        remove(warehouse, 50, days=5)
        assert table(warehouse) == [("other", 0, 20, 0, 0), ("other", 10, 20, 0, 0)]


@pytest.mark.parametrize("reason", ["opted_out", "expired", "outside_policy", "not_found"])
def test_what_says_nothing_of_the_public_is_not_counted(tmp_path: Path, reason: str) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *cohort(20))
        remove(warehouse, 1, days=3, reason=reason)
        assert table(warehouse) == [("other", 0, 19, 0, 0), ("other", 10, 19, 0, 0)]


@pytest.mark.parametrize(("struggles", "cells"), [(12, {"struggle", "other"}), (5, {"other"})])
def test_struggles_are_a_cell_of_their_own_where_there_are_enough(
    tmp_path: Path, struggles: int, cells: set[str]
) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *cohort(30))
        drawn = units(*((key, key * 1000 + 1) for key in range(1, struggles + 1)))
        store.save_units(warehouse, drawn, plan=PLAN, frame=frame_of(warehouse))
        rated = [
            coding(key, "struggleposting", 2, annotation_id=key) for key in range(1, struggles + 1)
        ]
        store.save_codings(warehouse, codings(*rated), spans(), now=NOW)
        version = rated[0]["codebook_version"]
        store.set_current_round(warehouse, "W1", "R1", version)
        remove(warehouse, 1, 30, days=3)
        assert {row[0] for row in table(warehouse) if row[3]} == cells
        assert sum(row[3] for row in table(warehouse)) == 2


def test_edits_of_posts_that_stand_are_counted(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        rows = cohort(15)
        save(warehouse, *rows)
        edited = rows[0] | {
            "version_key": 77,
            "text": "another wording",
            "edited_at": BORN + 2 * DAY,
            "observed_at": BORN + 2.5 * DAY,
        }
        save_posts(warehouse, edited)
        assert ("other", 2, 15, 0, 1) in table(warehouse)
