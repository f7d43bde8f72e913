"""Saving pages: exactly once, whole or not at all, and nothing that names a person."""

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema.errors import WarehouseError
from schema.pages import Coverage, SetAside
from schema.posts import CollectedPost, Post
from tests.support.needs import REPOSITORY
from tests.support.warehouse_rows import NOW, STAMP, counts, opened, post, posts, save
from warehouse import store


def rows_of(warehouse: store.Warehouse, query: str) -> list[tuple[object, ...]]:
    return warehouse.execute(query)


def test_a_page_saved_twice_is_stored_once(tmp_path: Path) -> None:
    page = [post(1), post(2, parent_key=1), post(3, platform="bluesky", kind="post")]
    with opened(tmp_path / "w.duckdb") as warehouse:
        assert save(warehouse, *page) == store.SaveCounts(new=3, updated=0, unchanged=0)
        once = store.table_hash(warehouse)
        assert save(warehouse, *page) == store.SaveCounts(new=0, updated=0, unchanged=3)
        assert store.table_hash(warehouse) == once


def test_rows_cursor_coverage_and_what_was_set_aside_stand_together(tmp_path: Path) -> None:
    covered = [Coverage(NOW - timedelta(days=1), NOW)]
    aside = [SetAside("created_at|type", '{"created_at": "str"}', 2)]
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), position='{"watermark": 1}', covered=covered, set_aside=aside)
        assert store.read_position(warehouse, "small-hours") == '{"watermark": 1}'
        status = store.read_status(warehouse)
    assert status.set_aside.rows() == [("small-hours", "created_at|type", 2)]
    assert status.posts.rows() == [("reddit", 1, 1)]


def test_what_happened_on_the_way_is_counted_with_its_rows(tmp_path: Path) -> None:
    lost = store.Beside(notes={"line lost: silence": 2, "host refused": 1})
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), beside=lost)
        save(warehouse, post(2), beside=store.Beside(notes={"host refused": 3}))
        with pytest.raises(WarehouseError):  # the page is stored whole or not at all
            save(
                warehouse,
                post(3),
                snapshots=counts({"post_key": 9, "observed_at": NOW}),
                beside=lost,
            )
        told = store.read_status(warehouse).notes
    assert told.rows() == [
        ("small-hours", "host refused", 4, NOW),
        ("small-hours", "line lost: silence", 2, NOW),
    ]


def test_a_page_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    aside = [SetAside("rule", "not json at all")]
    with opened(tmp_path / "w.duckdb") as warehouse:
        with pytest.raises(ValueError, match="Expecting value"):
            save(warehouse, post(1), position="p", set_aside=aside)
        assert store.read_position(warehouse, "small-hours") is None
        assert rows_of(warehouse, "select post_key from post") == []


@pytest.mark.parametrize("held_count", [1, 2, 5, 20, 60])
def test_a_thread_is_noted_as_read_whatever_its_key_and_however_few_are_held(
    tmp_path: Path, held_count: int
) -> None:
    largest = 2**64 - 5
    replies = [
        post(largest - 7_919 * n, version_key=n, parent_key=largest, thread_key=largest)
        for n in range(1, held_count)
    ]
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(largest, version_key=0))
        save(warehouse, *replies, thread_reads={largest: 3})
        assert rows_of(warehouse, "select * from landed.thread_reads") == [(largest, 3)]


def test_a_page_without_a_position_leaves_the_stored_one(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), position="first")
        save(warehouse, post(2), position=None)
        assert store.read_position(warehouse, "small-hours") == "first"


def test_an_edit_destroys_the_old_wording_and_keeps_that_there_was_one(tmp_path: Path) -> None:
    later = NOW - timedelta(days=2)
    edited = post(1, version_key=1002, text="Mended.", is_edited=True, edited_at=later)
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1))
        assert save(warehouse, edited | {"observed_at": NOW}).updated == 1
        assert rows_of(warehouse, "select text, source from landed.post_versions") == [
            ("Mended.", "small-hours")
        ]
        assert rows_of(warehouse, "select version_key from landed.superseded_versions") == [(1001,)]
        [(seen, is_edited)] = rows_of(warehouse, "select first_seen_at, edited from post")
        assert (seen, is_edited) == (datetime(2026, 1, 7), True)  # noqa: DTZ001  stored as UTC
        assert all(count == 0 for _, count in store.run_checks(warehouse))


def test_an_older_wording_that_arrives_late_does_not_come_back(tmp_path: Path) -> None:
    first = post(1)
    second = post(1, version_key=1002, text="Mended.", edited_at=NOW, is_edited=True)
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, first)
        save(warehouse, second)
        once = store.table_hash(warehouse)
        assert save(warehouse, first) == store.SaveCounts(new=0, updated=0, unchanged=1)
        assert store.table_hash(warehouse) == once


def test_a_wording_that_returns_by_an_edit_stands_again(tmp_path: Path) -> None:
    back = post(1, edited_at=NOW, is_edited=True, observed_at=NOW)
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1))
        save(warehouse, post(1, version_key=1002, edited_at=NOW - timedelta(days=1)))
        assert save(warehouse, back).updated == 1
        assert rows_of(warehouse, "select version_key from landed.post_versions") == [(1001,)]
        assert rows_of(warehouse, "select version_key from landed.superseded_versions") == [(1002,)]
        assert all(count == 0 for _, count in store.run_checks(warehouse))


def test_better_masking_replaces_the_text_of_the_same_wording(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1, text="Ask Jo."))
        assert save(warehouse, post(1, text="Ask [NAME].", scrubber_version=2)).updated == 1
        assert save(warehouse, post(1, text="Ask Jo.", scrubber_version=1)).updated == 0
        assert rows_of(warehouse, "select text from landed.post_versions") == [("Ask [NAME].",)]
        assert rows_of(warehouse, "select * from landed.superseded_versions") == []


@pytest.mark.parametrize("platform", ["reddit", "bluesky"])
def test_a_post_whose_date_moved_is_still_the_same_post(tmp_path: Path, platform: str) -> None:
    moved = {"is_created_at_plausible": platform == "bluesky"}
    at = datetime(1970, 1, 1, tzinfo=UTC)
    kind = {"platform": platform, "kind": "post"}
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1, **kind))
        assert save(warehouse, post(1, created_at=at, **kind, **moved)).new == 0


def test_counts_are_kept_for_every_instant_and_never_overwritten(tmp_path: Path) -> None:
    first = {"post_key": 1, "observed_at": NOW, "reddit_score": 4, "replies_count": 1}
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), snapshots=counts(first))
        save(warehouse, post(1), snapshots=counts(first | {"reddit_score": 9}))
        later = first | {"observed_at": NOW + timedelta(hours=1), "reddit_score": 9}
        save(warehouse, post(1), snapshots=counts(later))
        found = rows_of(
            warehouse, "select likes, reposts, quotes from engagement_snapshot order by observed_at"
        )
    assert found == [(4, None, 0), (9, None, 0)]


def test_counts_of_a_post_outside_the_page_are_refused(tmp_path: Path) -> None:
    stray = counts({"post_key": 7, "observed_at": NOW, "reddit_score": 1})
    with opened(tmp_path / "w.duckdb") as warehouse, pytest.raises(WarehouseError, match="no post"):
        save(warehouse, post(1), snapshots=stray)


def test_a_frame_that_names_people_is_refused_without_a_value(tmp_path: Path) -> None:
    collected = CollectedPost.sample(1, overrides={"author": ["QuietKettle7731"]})
    with opened(tmp_path / "w.duckdb") as warehouse:
        with pytest.raises(WarehouseError, match=r"column author does not belong") as refused:
            store.save_page(warehouse, collected, counts(), STAMP, position=None)  # type: ignore[arg-type]
        assert "QuietKettle7731" not in str(refused.value)
        assert rows_of(warehouse, "select * from landed.post_versions") == []


def test_a_post_frame_with_a_column_more_or_a_broken_rule_is_refused(tmp_path: Path) -> None:
    wider = posts(post(1)).with_columns(author=pl.lit("QuietKettle7731"))
    broken = posts(post(1)).with_columns(author_pseudonym=pl.lit("QuietKettle7731"))
    retyped = posts(post(1)).with_columns(pl.col("post_key").cast(pl.String))
    with opened(tmp_path / "w.duckdb") as warehouse:
        for frame, told in (
            (wider, "column author does not belong"),
            (broken, "author_pseudonym|regex fails for 1 rows"),
            (retyped, "column post_key has another type"),
        ):
            with pytest.raises(WarehouseError) as refused:
                store.save_page(warehouse, frame, counts(), STAMP, position=None)  # type: ignore[arg-type]
            assert told in str(refused.value)
            assert "QuietKettle7731" not in str(refused.value)


SHORTCUT = """
import dataframely as dy
from schema.posts import CollectedPost, EngagementSnapshot
from warehouse import store

def shortcut(
    warehouse: store.Warehouse,
    posts: dy.DataFrame[CollectedPost],
    counts: dy.DataFrame[EngagementSnapshot],
    stamp: store.SaveStamp,
) -> None:
    store.save_page(warehouse, posts, counts, stamp, position=None)
"""


def test_mypy_refuses_to_save_what_was_not_pseudonymized(tmp_path: Path) -> None:
    module = tmp_path / "shortcut.py"
    module.write_text(SHORTCUT, "utf-8")
    command = [sys.executable, "-m", "mypy", "--strict", str(module)]  # `make check` left a cache
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=240
    )
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert len(errors) == 1, done.stdout
    assert 'Argument 2 to "save_page" has incompatible type' in errors[0]
    assert "CollectedPost" in errors[0]


def test_threads_are_due_when_their_reply_count_moved(tmp_path: Path) -> None:
    def seen(key: int, hours: int, replies: int) -> dict[str, object]:
        at = NOW + timedelta(hours=hours)
        return {"post_key": key, "observed_at": at, "replies_count": replies}

    other = store.SaveStamp("run-1", "heavy-pockets", "heavy-pockets", "synthetic")
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2), snapshots=counts(seen(1, 0, 3), seen(2, 0, 0)))
        save(warehouse, post(9), snapshots=counts(seen(9, 0, 1)), stamp=other)
        due = store.threads_to_read(warehouse, "reddit", source="small-hours")
        assert due.rows() == [(1, 3)]
        assert store.threads_to_read(warehouse, "reddit").rows() == [(1, 3), (9, 1)]
        assert store.threads_to_read(warehouse, "bluesky").is_empty()
        save(warehouse, post(4, parent_key=1), thread_reads={1: 3})
        assert store.threads_to_read(warehouse, "reddit", source="small-hours").is_empty()
        save(warehouse, post(1), snapshots=counts(seen(1, 1, 2)))
        assert store.threads_to_read(warehouse, "reddit", source="small-hours").rows() == [(1, 2)]


def test_coverage_is_the_union_of_intervals_and_gaps_stay(tmp_path: Path) -> None:
    def between(first: int, last: int, **gap: object) -> Coverage:
        return Coverage(NOW + timedelta(hours=first), NOW + timedelta(hours=last), **gap)  # type: ignore[arg-type]

    gap = between(5, 6, kind="gap", reason="listing ends")
    with opened(tmp_path / "a.duckdb") as one, opened(tmp_path / "b.duckdb") as two:
        save(one, covered=[between(0, 2), between(1, 4), gap, between(8, 9)])
        for covered in ([between(8, 9)], [between(2, 4), gap], [between(0, 2), gap, between(0, 1)]):
            save(two, covered=covered)
        assert store.table_hash(one) == store.table_hash(two)
        told = rows_of(
            one, "select kind, date_part('hour', to_at - from_at) from coverage order by from_at"
        )
        assert told == [("seen", 4), ("gap", 1), ("seen", 1)]
        save(two, covered=[between(4, 5)])
        assert store.table_hash(one) != store.table_hash(two)


def test_what_was_seen_in_a_row_is_one_row_and_hashes_the_same(tmp_path: Path) -> None:
    def minute(first: int, **more: object) -> Coverage:
        begin = NOW + timedelta(minutes=first)
        return Coverage(begin, begin + timedelta(minutes=1), **more)  # type: ignore[arg-type]

    gap = minute(30, kind="gap", reason="OutdatedCursor")
    told = [*map(minute, range(30)), gap, *map(minute, range(31, 60))]
    with opened(tmp_path / "a.duckdb") as one, opened(tmp_path / "b.duckdb") as two:
        for interval in told:
            save(one, covered=[interval])
        save(two, covered=told[::-1])
        rows = rows_of(one, "select kind, to_at - from_at from landed.coverage order by from_at")
        assert rows == [
            ("seen", timedelta(minutes=30)),
            ("gap", timedelta(minutes=1)),
            ("seen", timedelta(minutes=29)),
        ]
        assert store.table_hash(one) == store.table_hash(two)
        save(one, covered=told)
        assert rows_of(one, "select count(*) from landed.coverage where kind = 'seen'") == [(2,)]


def test_what_was_seen_of_another_kind_is_a_row_of_its_own(tmp_path: Path) -> None:
    def hour(first: int, **more: object) -> Coverage:
        begin = NOW + timedelta(hours=first)
        return Coverage(begin, begin + timedelta(hours=1), **more)  # type: ignore[arg-type]

    with opened(tmp_path / "w.duckdb") as warehouse:
        for interval in (
            hour(0),
            hour(1, venue="reddit/a"),
            hour(2, venue="reddit/b"),
            hour(3, reason="as far as it goes"),
            hour(4, at_most_count=3),
            hour(5),
        ):
            save(warehouse, covered=[interval])
        for other in (replace(STAMP, source="another"), replace(STAMP, stream="another")):
            save(warehouse, covered=[hour(6)], stamp=other)
        [(count,)] = rows_of(warehouse, "select count(*) from landed.coverage")
        assert count == 8
        save(warehouse, covered=[hour(2, venue="reddit/a"), hour(6)])
        assert rows_of(warehouse, "select count(*) from landed.coverage") == [(8,)]


def test_a_run_that_died_is_told_apart_from_one_that_goes_on(tmp_path: Path) -> None:
    again = store.SaveStamp("run-2", "small-hours", "small-hours", "synthetic")
    with opened(tmp_path / "w.duckdb") as warehouse:
        assert store.last_run_at(warehouse) is None
        store.begin_run(warehouse, STAMP, started_at=NOW)
        store.begin_run(warehouse, again, started_at=NOW + timedelta(hours=1))
        store.end_run(
            warehouse,
            "run-2",
            finished_at=NOW + timedelta(hours=2),
            status="completed",
            error=None,
            counts={"new_count": 2},
        )
        runs = rows_of(warehouse, "select run, status, counts from collection_runs order by run")
        assert runs == [(1, "interrupted", None), (2, "completed", '{"new_count": 2}')]
        assert store.last_run_at(warehouse) == NOW + timedelta(hours=1)


WORDINGS = st.lists(
    st.tuples(st.integers(1, 6), st.integers(1, 3)), min_size=1, max_size=6
)  # (post, wording): an edit is later than the wording before it


@given(history=WORDINGS, cuts=st.lists(st.integers(0, 6), max_size=2))
@settings(max_examples=6, deadline=None)
def test_pages_cut_anywhere_and_read_again_give_the_same_hash(
    tmp_path_factory: pytest.TempPathFactory, history: list[tuple[int, int]], cuts: list[int]
) -> None:
    rows = [
        post(key, version_key=key * 10 + wording, edited_at=NOW + timedelta(minutes=wording))
        for key, wording in sorted(history, key=lambda item: item[1])
    ]
    folder = tmp_path_factory.mktemp("cut")
    with opened(folder / "a.duckdb") as one, opened(folder / "b.duckdb") as two:
        for row in rows:
            save(one, row)
        for cut in [*sorted(cuts), len(rows)]:
            for row in rows[:cut]:  # a rerun reads from the start again
                save(two, row)
        assert store.table_hash(one) == store.table_hash(two)


def test_a_post_stands_once_among_many(tmp_path: Path) -> None:
    many = [post(key) for key in range(1, 3001)]
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *many)
        assert save(warehouse, *many[1000:2000], post(5000)).new == 1
        assert dict(store.run_checks(warehouse))["post_key_unique"] == 0
        warehouse.execute("insert into landed.post_versions from landed.post_versions limit 2")
        assert dict(store.run_checks(warehouse))["post_key_unique"] == 2


def test_the_checks_find_what_names_a_person(tmp_path: Path) -> None:
    texts = [
        "mail jo.kettle@example.org",
        "see at://did:plc:abc",
        "by @jo.example.com",
        "t3_abcdefg",
    ]
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *(post(n, text=text) for n, text in enumerate(texts, start=1)))
        save(warehouse, post(50, text="me @ home, 3pm; c'est la vie [EMAIL] [LINK:news] part_3"))
        assert dict(store.run_checks(warehouse))["texts_name_nobody"] == len(texts)


def test_every_post_of_the_contract_survives_the_way_in_and_out(tmp_path: Path) -> None:
    sampled = Post.sample(20, overrides={"thread_key": pl.Series([1] * 20, dtype=pl.UInt64)})
    with opened(tmp_path / "w.duckdb") as warehouse:
        store.save_page(warehouse, sampled, counts(), STAMP, position=None)
        stored = warehouse.frame("select * from landed.post_versions order by post_key")
    wanted = sampled.sort("post_key")
    for name in ("post_key", "version_key", "text", "masks", "link_categories", "words_count"):
        assert stored[name].to_list() == wanted[name].to_list(), name
    for name in ("created_at", "observed_at", "edited_at"):
        assert stored[name].dt.replace_time_zone("UTC").to_list() == wanted[name].to_list(), name
