"""What is not shown around a post, and whose context is still to be read."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.support.warehouse_rows import NOW, STAMP, counts, opened, post, save
from warehouse import store

CONTEXT = "select post_key, relation, state from thread_context order by all"


def rows_of(warehouse: store.Warehouse, sql: str) -> list[tuple[Any, ...]]:
    return warehouse.frame(sql).rows()


def sky(post_key: int, **other: Any) -> dict[str, Any]:
    return post(post_key, platform="bluesky", kind="post", **other)


def hidden(post_key: int, relation: Any, state: Any) -> store.PostContext:
    return store.PostContext(post_key, relation, state)


def around(facts: Sequence[store.PostContext]) -> store.Beside:
    return store.Beside(contexts=facts)


def test_a_state_stands_until_another_is_seen_and_keeps_its_first_instant(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(
            warehouse,
            sky(1),
            sky(2, parent_key=1),
            beside=store.Beside(contexts=[hidden(2, "parent", "blocked")]),
        )
        first = rows_of(warehouse, "select observed_at from landed.thread_context")
    with store.open_warehouse(tmp_path / "w.duckdb", now=NOW + timedelta(days=1)) as warehouse:
        twice = [
            hidden(2, "parent", "blocked"),
            hidden(2, "quoted", None),
            hidden(9, "root", "blocked"),
        ]
        save(warehouse, sky(2, parent_key=1), beside=around(twice))
        assert rows_of(warehouse, "select observed_at from landed.thread_context") == first
        assert rows_of(warehouse, CONTEXT) == [(2, "parent", "blocked")]
        save(
            warehouse,
            sky(2, parent_key=1),
            beside=store.Beside(contexts=[hidden(2, "parent", "not_found")]),
        )
        assert rows_of(warehouse, CONTEXT) == [(2, "parent", "not_found")]
        save(
            warehouse,
            sky(2, parent_key=1),
            beside=store.Beside(contexts=[hidden(2, "parent", None)]),
        )
        assert rows_of(warehouse, CONTEXT) == []


def test_of_several_facts_on_one_page_the_last_stands(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        facts = [hidden(1, "quoted", "blocked"), hidden(1, "quoted", "detached")]
        save(warehouse, sky(1), beside=around(facts))
        assert rows_of(warehouse, CONTEXT) == [(1, "quoted", "detached")]


def test_roots_are_due_when_their_count_moved_or_was_never_told(tmp_path: Path) -> None:
    quoting = store.SaveStamp("run-1", "threads", f"threads{store.QUOTES}", "synthetic")
    with opened(tmp_path / "w.duckdb") as warehouse:
        told = [{"post_key": key, "observed_at": NOW, "replies_count": n} for key, n in
                ((1, 0), (2, 4), (3, 5))]  # fmt: skip
        save(
            warehouse, *(sky(key) for key in (1, 2, 3, 4)), post(6), snapshots=counts(*told),
            thread_reads={3: 5},
        )  # fmt: skip
        save(warehouse, sky(5), stamp=quoting)
        assert store.roots_to_read(warehouse).rows() == [(2, 4), (4, None)]
        save(warehouse, sky(4), thread_reads={4: 0, 2: 4})
        assert store.roots_to_read(warehouse).is_empty()


def test_collected_replies_are_due_once_and_those_of_threads_never(tmp_path: Path) -> None:
    threads = store.SaveStamp("run-1", "threads", "threads", "synthetic")
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, sky(1), sky(2, parent_key=1), sky(3, parent_key=8, thread_key=7))
        save(warehouse, post(9, parent_key=1))
        save(warehouse, sky(4, parent_key=2, thread_key=1), stamp=threads)
        assert store.replies_without_context(warehouse, ["threads"])["post_key"].to_list() == [2, 3]
        save(warehouse, thread_reads={2: 0})
        assert store.replies_without_context(warehouse, ["threads"])["post_key"].to_list() == [3]


def test_quotes_are_due_of_collected_roots_whose_count_moved(tmp_path: Path) -> None:
    assert STAMP.source != "threads"
    threads = store.SaveStamp("run-1", "threads", "threads", "synthetic")
    told = [{"post_key": key, "observed_at": NOW, "bluesky_quotes_count": 3} for key in (1, 2)]
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, sky(1), snapshots=counts(told[0]))
        save(warehouse, sky(2), snapshots=counts(told[1]), stamp=threads)
        assert store.quotes_to_read(warehouse, ["threads"]).rows() == [(1, 3)]
        store.save_quote_read(warehouse, 1, 3)
        store.save_quote_read(warehouse, 77, 3)  # which went meanwhile
        assert store.quotes_to_read(warehouse, ["threads"]).is_empty()
        assert all(count == 0 for _, count in store.run_checks(warehouse))
