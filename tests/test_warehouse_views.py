"""The researchers' views: threads, curves, prevalence, persistence and what else is counted."""

import math
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.warehouse_rows import (
    NOW,
    author,
    coding,
    codings,
    counts,
    opened,
    post,
    save,
    spans,
    units,
)
from tests.test_warehouse_units import PLAN, frame_of
from warehouse import store
from warehouse.connection import Warehouse
from warehouse.models import make_views

ROOTS = range(1, 9)


def looks() -> list[dict[str, Any]]:
    """Count roots 1 and 2, one author's, at 1 and 25 hours."""
    return [
        {
            "post_key": key,
            "observed_at": post(key)["created_at"] + timedelta(hours=hours),
            "reddit_score": score,
            "reddit_crossposts_count": 0,
            "replies_count": 0,
        }
        for key, hours, score in ((1, 1, 0), (1, 25, 9), (2, 25, 0))
    ]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Eight roots, three replies under the first; four roots coded, two of them by two coders."""
    with opened(tmp_path_factory.mktemp("views") / "w.duckdb") as made:
        rows = [post(key, author_pseudonym=author((key + 1) // 2)) for key in ROOTS]
        rows += [post(20 + n, parent_key=1, thread_key=1) for n in range(2)]
        rows += [post(30, parent_key=20, thread_key=1, author_pseudonym=author(1))]
        save(made, *rows, snapshots=counts(*looks()))
        drawn = units(*((key, key * 1000 + 1) for key in (1, 2, 3, 4)))
        store.save_units(made, drawn, plan=PLAN, frame=frame_of(made))
        store.set_current_round(made, "W1", "R1", "1.0.0")
        said = [("c1", (1, 0, 2, 0)), ("c2", (1, 1))]
        cells = [
            coding(key, "struggleposting", value, coder=coder)
            for coder, values in said
            for key, value in zip((1, 2, 3, 4), values, strict=False)
        ]
        store.save_codings(made, codings(*cells), spans(), now=NOW)
        made.execute(
            "insert into landed.persistence_tally by name select 'reddit' as platform, "
            "date '2026-01-05' as cohort_week, 'subreddit' as community_kind, "
            "'struggle' as code_cell, unnest([1, 30]) as age_days, unnest([100, 90]) as "
            "at_risk_count, unnest([10, 9]) as deleted_count, 0 as edited_count"
        )
        make_views(made.connection)
        yield made


def test_a_thread_counts_its_answers(warehouse: Warehouse) -> None:
    [row, *others] = warehouse.frame("from threads order by thread_key").to_dicts()
    assert len(others) == 7
    assert {other["n_replies"] for other in others} == {0}
    found = (row["n_replies"], row["n_own_replies"], row["n_repliers"], row["max_depth"])
    assert found == (3, 1, 2, 2)
    assert row["first_reply_minutes"] == 19


def test_a_curve_is_against_the_authors_other_posts(warehouse: Warehouse) -> None:
    rows = warehouse.frame(
        "select post_key, age, reactions, above_usual from engagement_curves "
        "order by age_hours, post_key"
    ).rows()
    assert [row[:3] for row in rows] == [(1, "1h", 0), (1, "24h", 9), (2, "24h", 0)]
    assert [row[3] for row in rows] == pytest.approx([None, 2.302585, -2.302585])


def test_prevalence_counts_settled_values_alone(warehouse: Warehouse) -> None:
    [row] = warehouse.frame("from prevalence where platform = 'all'").to_dicts()
    assert (row["code_id"], row["kind"], row["n"]) == ("struggleposting", "root", 3)
    assert (row["share"], row["focal_share"]) == pytest.approx((2 / 3, 1 / 3))
    assert 0 < row["interval_low"] < 2 / 3 < row["interval_high"] < 1


def test_gold_is_what_more_than_one_coder_stands_behind(warehouse: Warehouse) -> None:
    rows = warehouse.frame("select unit_key, value, n_coders, n_agreeing from gold").rows()
    assert rows == [(1, 1, 2, 2)]  # unit 2 is split, 3 and 4 have one coder


def test_persistence_multiplies_what_stays(warehouse: Warehouse) -> None:
    rows = warehouse.frame(
        "select n_deleted / n_at_risk, survival_share, interval_low, interval_high "
        "from persistence order by age_days"
    ).rows()
    gone = [row[0] for row in rows]
    assert any(gone)
    stays = [math.prod(1 - share for share in gone[: day + 1]) for day in range(len(gone))]
    assert [row[1] for row in rows] == pytest.approx(stays)
    assert all(low < share < high for _, share, low, high in rows if share < 1)


def test_a_communitys_week_counts_what_is_held_and_coded(warehouse: Warehouse) -> None:
    [row] = warehouse.frame("from community_weeks").to_dicts()
    assert (row["week"], row["n_posts"], row["n_roots"], row["n_coded"]) == (
        date(2026, 1, 5),
        11,
        8,
        4,
    )
    assert row["disclosure_rate"] == pytest.approx(2 / 3)
    assert row["disclosure_before"] is None


def test_timelines_show_relative_times_of_drawn_authors(tmp_path: Path) -> None:
    start = datetime(2026, 1, 6, 10)  # noqa: DTZ001
    with opened(tmp_path / "w.duckdb") as made:
        save(made, *(post(key, author_pseudonym=f"{7:016x}{0:016x}") for key in (60, 120)))
        save(made, post(180))
        drawn = units((7, 7), kind="timeline")
        plan = type(PLAN)(unit_kind="timeline")
        store.save_units(made, drawn, plan=plan, frame=frame_of(made))
        store.set_current_round(made, "W1", "R1", "1.0.0")
        make_views(made.connection)
        rows = made.frame("from author_timelines order by position").to_dicts()
    assert [row["post_key"] for row in rows] == [60, 120]
    assert [row["hours_since_previous"] for row in rows] == [None, 1.0]
    assert all(start not in row.values() for row in rows)
