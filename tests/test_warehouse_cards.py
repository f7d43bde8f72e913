"""Threads, timelines and communities: what may be drawn, and what a coder gets to see of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from annotation.label_studio import NotCodable
from schema.coding import CodingTask, FrameUnit, Unit
from schema.vocabulary import UnitKind
from tests.support.warehouse_rows import (
    NOW,
    coding,
    codings,
    counts,
    opened,
    post,
    removals,
    save,
    spans,
    units,
)
from tests.test_warehouse_units import PLAN
from warehouse import store
from warehouse.models import make_views

WRITER, OTHER = "c0ffee" + "0" * 26, "dec0de" + "0" * 26
FIRST = datetime(2026, 1, 6, 10, tzinfo=UTC)
DAYS = (0, 9, 11, 12)


def disclosures() -> list[dict[str, Any]]:
    """Return four root posts of one author and two of another, a year's secret in each."""
    mine = [
        post(
            n,
            author_pseudonym=WRITER,
            created_at=FIRST + timedelta(days=day),
            text=f"I cried again in the kitchen at night, and told nobody of it: {n}.",
        )
        for n, day in enumerate(DAYS, start=1)
    ]
    others = [post(n, author_pseudonym=OTHER, text=f"Knitting at last, {n}.") for n in (11, 12)]
    return [*mine, *others]


def draw(
    warehouse: store.Warehouse, kind: UnitKind, *rows: tuple[int, int], frame: Any = None
) -> None:
    """Save drawn units of a kind as a round's."""
    drawn = Unit.validate(units(*rows, kind=kind))
    plan = replace(PLAN, unit_kind=kind)
    shown = FrameUnit.create_empty() if frame is None else frame
    store.save_units(warehouse, drawn, plan=plan, frame=shown)


def code_roots(warehouse: store.Warehouse, values: dict[int, dict[str, int]]) -> None:
    """Let one coder code root posts of the current round."""
    store.set_current_round(warehouse, "W1", "R1", "1.0.0")
    rows = [
        coding(key, code, value) for key, given in values.items() for code, value in given.items()
    ]
    store.save_codings(warehouse, codings(*rows), spans(), now=NOW)


def tasks(warehouse: store.Warehouse, kind: UnitKind, **other: Any) -> list[CodingTask]:
    return store.coding_tasks(warehouse, "W1", "R1", kind, **other)


def test_authors_whose_posts_a_word_list_finds_three_times_are_in_the_frame(
    tmp_path: Path,
) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *disclosures())
        asked: dict[str, Any] = {"now": NOW, "minimum_age_days": 14}
        lists = {"one": r"\b(?:cried)\b", "two": r"\b(?:kitchen|night)\b"}
        frame = store.sampling_frame(warehouse, "timeline", disclosure=lists["one"], **asked)
        roots = store.sampling_frame(warehouse, "root", word_lists=lists, **asked)
    assert frame["author_pseudonym"].to_list() == [WRITER]
    assert frame["unit_key"].to_list() == [int(WRITER[:16], 16)]
    assert roots["bands"].to_list() == ["12", "12", "12", "12", "00", "00"]


def test_a_timeline_is_days_and_feedback_and_names_nobody(tmp_path: Path) -> None:
    key = int(WRITER[:16], 16)
    likes = (2, 30, 25, 4)
    seen = [
        {
            "platform": "reddit",
            "post_key": n,
            "observed_at": FIRST + timedelta(days=day + 1),
            "reddit_score": liked,
            "replies_count": 0,
            "reddit_crossposts_count": 0,
        }
        for n, (day, liked) in enumerate(zip(DAYS, likes, strict=True), start=1)
    ]
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *disclosures(), snapshots=counts(*seen))
        draw(warehouse, "timeline", (key, 0))
        draw(warehouse, "root", *((n, n * 1000 + 1) for n in (1, 2, 3, 4, 11)))
        store.set_current_round(warehouse, "W1", "R1", "1.0.0")
        [before] = tasks(warehouse, "timeline")
        assert (before.is_ready, before.text) == (False, "")
        found = {"struggleposting": 2, "feedback_uptake": 0}
        code_roots(
            warehouse,
            {1: {**found, "struggleposting": 1}, 2: found, 3: found}
            | {4: {**found, "feedback_uptake": 1}},
        )
        [card] = tasks(warehouse, "timeline")
        lines = [line.split() for line in card.text.splitlines()[1:5]]
        assert [(line[0], line[1]) for line in lines] == [
            ("0", "?"),
            ("9", "9"),
            ("11", "2"),
            ("12", "1"),
        ]
        assert [line[3:] for line in lines] == [["1", "no"], ["2", "no"], ["2", "no"], ["2", "yes"]]
        assert float(lines[1][2]) > float(lines[2][2]) > 0 > float(lines[3][2]) > float(lines[0][2])
        shown = f"{card.title}\n{card.text}\n{card.content_note}"
        for word in ("2026", "January", "reddit", "SmallHours", "cried", WRITER[:8], "kitchen"):
            assert word not in shown
        make_views(warehouse.connection, kind="temp view")
        computed = warehouse.execute(
            "select indicator, value from v_computed where code_id = 'social_validation_loop' "
            "and unit_key = $1 order by 1",
            [key],
        )
        assert [name for name, _value in computed] == [
            "hours_to_next_disclosure",
            "intensity_change",
            "loop_slope",
        ]
        assert dict(computed)["loop_slope"] < 0  # the better received, the sooner the next
        store.remove(warehouse, removals(1), now=NOW)
        [renewed] = tasks(warehouse, "timeline")
        assert renewed.parts != card.parts
        assert [line.split()[0] for line in renewed.text.splitlines()[1:4]] == ["0", "2", "3"]
        store.remove(warehouse, removals(2, 3), now=NOW)
        assert tasks(warehouse, "timeline") == []


def test_a_thread_is_its_root_and_the_replies_that_were_drawn(tmp_path: Path) -> None:
    replies = [post(n, parent_key=1, author_pseudonym=WRITER) for n in (21, 22)]
    later = [post(23, parent_key=1), post(24, parent_key=1)]
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1, author_pseudonym=WRITER), *replies, *later, post(2))
        frame = store.sampling_frame(warehouse, "thread", now=NOW, minimum_age_days=14)
        assert frame["unit_key"].to_list() == [1]
        draw(warehouse, "root", (1, 1001), (2, 2001))
        draw(warehouse, "reply", (21, 21001), (23, 23001), (24, 24001))
        draw(warehouse, "thread", (1, 1001), frame=frame)
        [thread] = tasks(warehouse, "thread")
        gates = [("struggleposting", 1)]
        assert [task.is_ready for task in tasks(warehouse, "thread", gates=gates)] == [False]
        code_roots(warehouse, {1: {"struggleposting": 1}})
        assert [task.is_ready for task in tasks(warehouse, "thread", gates=gates)] == [True]
        assert [turn.author for turn in thread.thread] == [
            *("Author of the thread", "Reader 1", "Reader 2")
        ]
        assert (thread.title, thread.unit_key) == ("Title 1", 1)
        store.remove(warehouse, removals(21), now=NOW)
        [task] = tasks(warehouse, "thread", gates=gates)
        assert [turn.author for turn in task.thread] == ["Reader 1", "Reader 2"]
        assert not task.is_ready  # two replies show no pattern
        assert [turn.post_uid for turn in task.thread] == [f"{key:016x}" for key in (23, 24)]
        store.remove(warehouse, removals(1), now=NOW)
        assert tasks(warehouse, "thread") == []
        assert all(count == 0 for _check, count in store.run_checks(warehouse))


def test_a_communitys_week_is_a_card_of_rates_without_its_name(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *[post(n) for n in range(1, 7)])
        draw(warehouse, "root", *((n, n * 1000 + 1) for n in range(1, 7)))
        assert store.community_frame(warehouse, "W1", "R1", minimum_posts=7).is_empty()
        frame = store.community_frame(warehouse, "W1", "R1", minimum_posts=6)
        draw(warehouse, "community", (frame["unit_key"][0], 0), frame=frame)
        store.set_current_round(warehouse, "W1", "R1", "1.0.0")
        assert [card.is_ready for card in tasks(warehouse, "community")] == [False]
        given = {"theme_stigma_openness": 0}
        code_roots(warehouse, {n: {**given, "struggleposting": int(n < 4)} for n in range(1, 7)})
        [card] = tasks(warehouse, "community")
        assert card.is_ready
        assert "Root posts in the sample: 6, by 6 authors" in card.text
        [line] = [line for line in card.text.splitlines() if "share a struggle" in line]
        assert line.split()[-2:] == ["0.50", "?"]
        for word in ("SmallHours", "reddit", "2026", "kettle"):
            assert word not in card.text + card.title
        make_views(warehouse.connection, kind="temp view")
        rates = warehouse.frame("select * from v_computed where unit_type = 'community'")
        assert rates["unit_key"].unique().to_list() == [card.unit_key]
        store.remove(warehouse, removals(1), now=NOW)
        assert tasks(warehouse, "community")[0].parts != card.parts


def test_a_coder_who_cannot_code_a_unit_is_not_asked_again(tmp_path: Path) -> None:
    told = NotCodable("W1", "R1", "root", 1, "c1", 900, NOW, "1.0.0", "masked")
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2))
        draw(warehouse, "root", (1, 1001), (2, 2001))
        for _ in range(2):
            store.save_not_codable(warehouse, (told,))
        assert store.coded_units(warehouse, "W1", "R1", "root", "c1", "1.0.0") == {1}
        assert store.coded_units(warehouse, "W1", "R1", "root", "c2", "1.0.0") == set()
        assert warehouse.scalar("select count(*) from landed.not_codable") == 1
        store.remove(warehouse, removals(1), now=NOW)
        assert warehouse.scalar("select count(*) from landed.not_codable") == 0


def test_the_frame_keeps_nothing_of_what_was_removed(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *disclosures())
        frame = store.sampling_frame(warehouse, "root", now=NOW, minimum_age_days=14)
        draw(warehouse, "root", (1, 1001), frame=frame)
        store.remove(warehouse, removals(authors=[WRITER]), now=NOW)
        left = warehouse.frame("select author_pseudonym from landed.frames")
        assert left.equals(pl.DataFrame({"author_pseudonym": [OTHER, OTHER]}))


def test_a_share_of_what_a_coder_coded_two_weeks_ago_comes_back_to_the_same(
    tmp_path: Path,
) -> None:
    early = NOW - timedelta(days=14)
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *[post(n) for n in range(1, 41)])
        draw(warehouse, "root", *((n, n * 1000 + 1) for n in range(1, 41)))
        rows = [
            coding(n, "struggleposting", 1, coder=coder, coded_at=early if n < 31 else NOW)
            for n in range(1, 41)
            for coder in ("c1", "c2")
        ]
        store.save_codings(warehouse, codings(*rows), spans(), now=NOW)
        asked: dict[str, Any] = {"before": early, "share": 0.2, "seed": 7}
        due = store.save_repeats(warehouse, "W1", "R1", "1.0.0", **asked)
        assert store.save_repeats(warehouse, "W1", "R1", "1.0.0", **asked) == due
        assert set(due) == {("root", "c1"), ("root", "c2")}
        assert due["root", "c1"] != due["root", "c2"]
        assert all(0 < len(keys) < 15 and max(keys) < 31 for keys in due.values())
        again = {task.unit_key for task in store.coding_tasks(warehouse, "W1", "R1-b", "root")}
        assert again == {key for keys in due.values() for key in keys}
        assert store.last_drawn_round(warehouse) == ("W1", "R1")
        store.save_codings(
            warehouse,
            codings(coding(min(again), "struggleposting", 0, round="R1-b", annotation_id=9_000)),
            spans(),
            now=NOW,
        )
        assert store.read_coded_round(warehouse, "W1", "R1", "1.0.0").codings.height == 80
        assert store.read_coded_round(warehouse, "W1", "R1-b", "1.0.0").codings.height == 1
