"""Removals: gone from every table and, once rewritten, from the file's bytes."""

from pathlib import Path

import polars as pl
import pytest

from tests.support.warehouse_rows import (
    NOW,
    author,
    coding,
    codings,
    counts,
    mark_copies,
    opened,
    post,
    removals,
    save,
    spans,
    units,
)
from tests.test_warehouse_units import PLAN, frame_of
from warehouse import store

SECRET = "the lantern by the weir went out again"


def fill(warehouse: store.Warehouse) -> None:
    """Save two threads; the first root is drawn, coded, copied and answered."""
    rows = [
        post(1, text=SECRET),
        post(2, author_pseudonym=author(1)),
        post(3, parent_key=1),
        post(4, parent_key=3, thread_key=1),
        post(5, parent_key=2),
    ]
    seen = [{"post_key": key, "observed_at": NOW, "replies_count": 1} for key in (1, 2)]
    hidden = [store.PostContext(key, "quoted", "detached") for key in (1, 2)]
    save(
        warehouse,
        *rows,
        snapshots=counts(*seen),
        thread_reads={1: 1, 2: 1},
        beside=store.Beside(contexts=hidden),
    )
    store.save_quote_read(warehouse, 1, 3)
    mark_copies(warehouse, (2, 1, 1), (5, 4, 4))
    store.save_units(warehouse, units((1, 1001), (2, 2001)), plan=PLAN, frame=frame_of(warehouse))
    rated = [coding(1, "struggleposting", 2), coding(2, "struggleposting", 1)]
    evidence = spans((101, 1, "struggleposting", 0, 11))
    store.save_codings(warehouse, codings(*rated), evidence, now=NOW)
    adjudicate(warehouse)
    assert all(count == 0 for _, count in store.run_checks(warehouse))


def adjudicate(warehouse: store.Warehouse) -> None:
    """Save a ruling and a second opinion on the first root."""
    named = {"unit_key": 1, "code_id": "struggleposting", "value": 1}
    ruling = {**named, "annotation_id": 900, "revised_at": NOW, "rule": None}
    store.save_rulings(
        warehouse,
        pl.DataFrame([ruling], schema=store.RULING),
        place=("W1", "R1", "1.0.0", "root"),
        adjudicator="a1",
        held_uids=(),
        now=NOW,
    )
    opinion = pl.DataFrame([{**named, "unit_kind": "root", "probability": 0.9}])
    store.save_second_opinions(warehouse, opinion, wave="W1", round_="R1", version="1.0.0")


def tables_that_hold(warehouse: store.Warehouse, key: int) -> list[str]:
    """Name every table and column in which a key stands."""
    columns = warehouse.execute(
        "select table_name, column_name from information_schema.columns "
        "where table_schema = 'landed' and data_type = 'UBIGINT'"
    )
    return [
        f"{table}.{column}"
        for table, column in columns
        if warehouse.scalar(f"select count(*) from landed.{table} where {column} = {key}")
    ]


def test_a_removed_post_stands_in_no_table(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        assert len(tables_that_hold(warehouse, 1)) >= 10
        gone = store.remove(warehouse, removals(1), now=NOW)
        assert gone.post_keys == (1,)
        assert tables_that_hold(warehouse, 1) == []
        assert gone.rows["codings"] == 1
        assert gone.rows["evidence_spans"] == 1
        assert gone.rows["rulings"] == gone.rows["second_opinions"] == 1
        assert all(count == 0 for _, count in store.run_checks(warehouse))


def test_replies_of_others_stay_without_what_they_answered(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        store.remove(warehouse, removals(1), now=NOW)
        edges = warehouse.execute(
            "select reply_key, thread_key, parent_key, depth, is_self_reply "
            "from reply_edge order by reply_key"
        )
    assert edges == [(3, None, None, None, None), (4, None, 3, None, None), (5, 2, 2, 1, False)]


def test_an_edit_does_not_bring_back_the_key_of_a_removed_root(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        store.remove(warehouse, removals(1), now=NOW)
        save(warehouse, post(3, parent_key=1, version_key=3002, text="Mended.", edited_at=NOW))
        assert tables_that_hold(warehouse, 1) == []


def test_an_account_that_went_takes_all_it_wrote(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        gone = store.remove(warehouse, removals(authors=[author(1)]), now=NOW)
        assert gone.post_keys == (1, 2)
        assert warehouse.execute("select post_key from post order by post_key") == [
            (3,),
            (4,),
            (5,),
        ]
        left = warehouse.scalar(
            "select count(*) from landed.post_versions where author_pseudonym = ?", [author(1)]
        )
        assert left == 0


def test_an_account_that_went_leaves_no_stream_named_after_it(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        for stream in (f"accounts/{author(1)}", f"accounts/{author(9)}", "words"):
            warehouse.execute("insert into landed.cursors values (?, '{}', 'run')", [stream])
        store.remove(warehouse, removals(authors=[author(1)]), now=NOW)
        left = {stream for (stream,) in warehouse.execute("select stream from landed.cursors")}
        assert left >= {f"accounts/{author(9)}", "words"}
        assert f"accounts/{author(1)}" not in left


def test_the_same_pseudonym_on_another_platform_is_left_alone(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), post(2, platform="bluesky", author_pseudonym=author(1)))
        assert store.remove(warehouse, removals(authors=[author(1)]), now=NOW).post_keys == (1,)


def test_removing_again_takes_nothing_and_logs_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        store.remove(warehouse, removals(1), now=NOW)
        once = store.table_hash(warehouse)
        again = store.remove(warehouse, removals(1, 77), now=NOW)
        assert (again.post_keys, dict(again.rows)) == ((), {})
        assert store.table_hash(warehouse) == once
        assert warehouse.scalar("select count(*) from removals_audit") == 1


def test_the_log_holds_counts_and_tells_when_it_was_touched(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        store.remove(warehouse, removals(1), now=NOW)
        store.remove(warehouse, removals(3, reason="removed_by_moderator"), now=NOW)
        store.remove(warehouse, removals(5), now=NOW)
        told = warehouse.execute("select seq, reason, posts_count from removals_audit order by seq")
        assert told == [
            (1, "deleted_by_author", 1),
            (2, "removed_by_moderator", 1),
            (3, "deleted_by_author", 1),
        ]
        assert dict(store.run_checks(warehouse))["audit_chain"] == 0
        for tampering in (
            "update landed.removals_audit set posts_count = 9 where seq = 2",
            "delete from landed.removals_audit where seq = 2",
            "delete from landed.removals_audit where seq = 3",
            "delete from landed.removals_audit",
            "update landed.removals_audit set rows_by_store = '{}' where seq = 3",
            "update landed.removals_audit set hash = repeat('a', 64) where seq = 1",
        ):
            warehouse.execute("begin")
            warehouse.execute(tampering)
            assert dict(store.run_checks(warehouse))["audit_chain"] > 0, tampering
            warehouse.execute("rollback")


@pytest.mark.parametrize("way", ["removal", "edit"])
def test_the_bytes_go_once_the_file_is_rewritten(tmp_path: Path, way: str) -> None:
    path = tmp_path / "w.duckdb"
    with opened(path, is_compressed=False) as warehouse:
        save(warehouse, *(post(key) for key in range(10, 3000)))
        fill(warehouse)
    assert SECRET.encode() in path.read_bytes()
    with opened(path) as warehouse:
        if way == "removal":
            store.remove(warehouse, removals(1), now=NOW)
        else:
            save(warehouse, post(1, version_key=1002, text="Mended.", edited_at=NOW))
        before = store.table_hash(warehouse)
    assert store.compact(path, now=NOW) is True
    assert SECRET.encode() not in path.read_bytes()
    assert store.compact(path, now=NOW) is False
    with opened(path) as warehouse:
        assert store.table_hash(warehouse) == before
        assert all(count == 0 for _, count in store.run_checks(warehouse))
        save(warehouse, post(5000, text="still uncompressed, still one file"))
    assert b"still uncompressed, still one file" in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(p.name for p in tmp_path.iterdir()) == ["w.duckdb", "w.duckdb.lock"]


def test_marks_of_a_cluster_that_lost_a_post_go_until_the_next_pass(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *(post(key) for key in range(1, 8)))
        mark_copies(warehouse, (2, 1, 1), (3, 1, 1), (6, 5, 5))
        store.remove(warehouse, removals(3), now=NOW)
        assert warehouse.execute("select post_key from duplicates") == [(6,)]
        assert store.duplicate_inputs(warehouse, "invented")["post_key"].sort().to_list() == [1, 2]
        assert mark_copies(warehouse, (2, 1, 1), (3, 1, 1)) == 1  # 3 went meanwhile
        assert warehouse.execute("select post_key from duplicates") == [(6,)]
        assert mark_copies(warehouse, (2, 1, 1)) == 2
        assert warehouse.execute("select post_key from duplicates order by 1") == [(2,), (6,)]


def test_a_thread_counts_as_read_for_the_replies_alone_that_still_stand(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        rows = [post(1), post(3, parent_key=1), post(4, parent_key=3, thread_key=1)]
        seen = [{"post_key": 1, "observed_at": NOW, "replies_count": 2}]
        save(warehouse, *rows, snapshots=counts(*seen), thread_reads={1: 2})
        assert store.threads_to_read(warehouse, "reddit").is_empty()
        store.remove(warehouse, removals(4), now=NOW)
        due = store.threads_to_read(warehouse, "reddit")  # two are counted again: one is new
    assert due.rows() == [(1, 2)]


def test_an_account_that_went_leaves_its_name_on_no_page_of_others(tmp_path: Path) -> None:
    host = "ab" * 16
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(
            warehouse,
            post(1, author_pseudonym=host),
            post(2, community_key=f"reddit/u_{host[:12]}"),
        )
        warehouse.execute(
            "insert into landed.set_aside values ('run', 'panel', ?, 'no id', '{}', 3)",
            [f"panel/{host}"],
        )
        store.remove(warehouse, removals(authors=[host]), now=NOW)
        assert warehouse.execute("select community_key from landed.post_versions") == [
            ("reddit/u_000000000000",)
        ]
        assert warehouse.execute("select stream, items_count from landed.set_aside") == [
            ("panel", 3)
        ]
        assert all(count == 0 for _, count in store.run_checks(warehouse))


def test_tasks_and_published_file_follow_what_was_taken(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        assert not store.read_due(warehouse).are_tasks_due
        store.remove(warehouse, removals(1), now=NOW)
        first = store.read_due(warehouse)
        assert (first.is_rewrite_due, first.are_tasks_due, first.is_published_due) == (True,) * 3
        store.remove(warehouse, removals(2), now=NOW)
        store.tasks_follow(warehouse, first.taken_count)
        assert store.read_due(warehouse).are_tasks_due  # what went meanwhile is not forgotten
        store.tasks_follow(warehouse, store.read_due(warehouse).taken_count)
        store.published_follows(warehouse, store.read_due(warehouse).taken_count)
        last = store.read_due(warehouse)
        assert (last.is_rewrite_due, last.are_tasks_due, last.is_published_due) == (
            True,
            False,
            False,
        )
