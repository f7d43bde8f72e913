"""Who liked, reposted or quoted: as last read, hidden and gone with whom and what it names."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl
import pytest

from schema.errors import WarehouseError
from schema.interactions import Interaction
from schema.removals import Removal
from tests.support.warehouse_rows import NOW, STAMP, author, counts, opened, post, removals, save
from tests.test_warehouse_authors import accounts, told
from warehouse import store

HOUR = timedelta(hours=1)
EDGES = "select post_key, kind, actor_key from interaction_edge order by all"


def sky(post_key: int, **other: Any) -> dict[str, Any]:
    return post(post_key, platform="bluesky", kind="post", **other)


def edges(
    *rows: tuple[int, int], kind: str = "like", at: datetime | None = NOW
) -> dy.DataFrame[Interaction]:
    """Return likes of (post, the nth account)."""
    frame = pl.DataFrame(
        [("bluesky", key, kind, author(number), at) for key, number in rows],
        schema=Interaction.create_empty().schema,
        orient="row",
    )
    return Interaction.validate(frame, cast=True)


def read(
    warehouse: store.Warehouse, *rows: tuple[int, int], reads: dict[int, int], kind: Any = "like"
) -> int:
    return store.save_interactions(warehouse, kind, edges(*rows, kind=kind), STAMP, reads=reads)


def shown(warehouse: store.Warehouse, sql: str = EDGES) -> list[tuple[Any, ...]]:
    return warehouse.frame(sql).rows()


def holds_together(warehouse: store.Warehouse) -> bool:
    return all(count == 0 for _, count in store.run_checks(warehouse))


def is_rewrite_due(warehouse: store.Warehouse) -> bool:
    return store.read_status(warehouse).is_rewrite_due


def of_bluesky(frame: pl.DataFrame) -> dy.DataFrame[Removal]:
    return Removal.validate(frame.with_columns(platform=pl.lit("bluesky")), cast=True)


def test_a_reading_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with opened(path) as warehouse:
        save(warehouse, sky(1), sky(2))
        assert (
            read(warehouse, (1, 1), (1, 8), (1, 9), (2, 9), (5, 9), reads={1: 3, 2: 1, 5: 1}) == 0
        )
        before = store.table_hash(warehouse)
        assert shown(warehouse) == [
            (1, "like", author(1)), (1, "like", author(8)), (1, "like", author(9)),
            (2, "like", author(9)),
        ]  # fmt: skip
        own = "select is_own, post_author_key, created_at from interaction_edge where actor_key = ?"
        assert warehouse.execute(own, [author(1)]) == [(True, author(1), NOW.replace(tzinfo=None))]
        assert not is_rewrite_due(warehouse)
    with opened(path, now=NOW + HOUR) as warehouse:
        assert read(warehouse, (1, 1), (1, 8), (1, 9), reads={1: 3}) == 0
        assert store.table_hash(warehouse) == before
        assert read(warehouse, (1, 7), (1, 8), reads={1: 2}) == 2
        seen = "select actor_key, first_seen_at from interaction_edge where post_key = 1 order by 1"
        first = NOW.replace(tzinfo=None)
        assert shown(warehouse, seen) == [(author(7), first + HOUR), (author(8), first)]
        assert store.table_hash(warehouse) != before
        assert is_rewrite_due(warehouse)
        assert holds_together(warehouse)


def test_another_kind_and_another_post_stand(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, sky(1), sky(2))
        read(warehouse, (1, 8), (2, 8), reads={1: 1, 2: 1})
        read(warehouse, (1, 8), reads={1: 1}, kind="repost")
        assert read(warehouse, reads={1: 0}) == 1
        assert shown(warehouse) == [(1, "repost", author(8)), (2, "like", author(8))]
        assert store.keep_interactions(warehouse, {"repost", "quote"}) == 1
        assert shown(warehouse) == [(1, "repost", author(8))]
        assert shown(warehouse, "select post_key, kind from landed.interaction_reads") == [
            (1, "repost")
        ]


def test_roots_are_due_when_their_count_moved_or_it_is_time(tmp_path: Path) -> None:
    told_counts = [
        {"post_key": key, "observed_at": NOW, "bluesky_likes_count": n}
        for key, n in ((1, 2), (2, 0), (3, 4), (4, 1))
    ]
    threads = store.SaveStamp("run-1", "threads", "threads", "synthetic")
    path = tmp_path / "w.duckdb"
    with opened(path) as warehouse:
        rows = (sky(1), sky(2), sky(3), sky(5), sky(6, parent_key=1))
        save(warehouse, *rows, snapshots=counts(*told_counts[:3]))
        save(warehouse, sky(4), snapshots=counts(told_counts[3]), stamp=threads)

        def due(before: datetime) -> list[tuple[Any, ...]]:
            found = store.interactions_to_read(warehouse, "like", ["threads"], read_before=before)
            return found.rows()

        assert due(NOW) == [(1, 2), (3, 4)]
        read(warehouse, (1, 8), reads={1: 2, 3: 4})  # of the third nobody is shown
        assert due(NOW) == []
        assert due(NOW + HOUR) == [(1, 2), (3, 4)]
        read(warehouse, (1, 8), reads={1: 0})  # a count that lags behind its list
        read(warehouse, reads={2: 0})
        told_later = {"post_key": 1, "observed_at": NOW + HOUR, "bluesky_likes_count": 0}
        save(warehouse, sky(1), snapshots=counts(told_later))
        assert due(NOW) == []
        assert due(NOW + HOUR) == [(1, 0), (3, 4)]
        later = {"post_key": 3, "observed_at": NOW + HOUR, "bluesky_likes_count": 3}
        save(warehouse, sky(3), snapshots=counts(later))
        assert due(NOW) == [(3, 3)]


def test_what_a_post_had_goes_with_it(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, sky(1), sky(2))
        read(warehouse, (1, 8), (2, 8), reads={1: 1, 2: 1})
        store.remove(warehouse, of_bluesky(removals(1)), now=NOW)
        assert shown(warehouse) == [(2, "like", author(8))]
        assert shown(warehouse, "select post_key from landed.interaction_reads") == [(2,)]
        assert holds_together(warehouse)


def test_an_account_that_only_liked_is_held_and_can_be_removed(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, sky(1))
        read(warehouse, (1, 8), (1, 9), reads={1: 2})
        gone = of_bluesky(removals(authors=[author(8)], reason="account_deleted"))
        assert store.is_held(warehouse, gone).to_list() == [True]
        removed = store.remove(warehouse, gone, now=NOW)
        assert (removed.post_keys, dict(removed.rows)) == ((), {"interactions": 1})
        assert shown(warehouse) == [(1, "like", author(9))]
        assert store.is_held(warehouse, gone).to_list() == [False]
        assert is_rewrite_due(warehouse)


def test_a_closed_account_s_likes_are_hidden_until_it_returns(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, sky(1), sky(2))
        read(warehouse, (1, 8), (1, 2), (2, 9), reads={1: 2, 2: 1})
        before = store.table_hash(warehouse)

        def hear(number: int, status: str, at: datetime = NOW) -> None:
            row = told(number, status, platform="bluesky", observed_at=at)
            save(warehouse, beside=accounts(row))

        hear(8, "deactivated")  # who only liked
        hear(2, "suspended")  # who wrote, too
        assert shown(warehouse) == []  # the second post is hidden, and what was liked of it
        assert holds_together(warehouse)
        assert store.table_hash(warehouse) != before
        hear(2, "active", NOW + HOUR)
        hear(8, "active", NOW + HOUR)
        assert store.table_hash(warehouse) == before
        hear(8, "deactivated")
        read(warehouse, (1, 2), reads={1: 1})  # the AppView shows a closed account's likes no more
        assert store.hidden_authors(warehouse) == []
        assert holds_together(warehouse)


def test_only_what_is_keyed_is_stored(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, sky(1))
        bad: Any = edges((1, 8)).with_columns(author=pl.lit("did:plc:someone"))
        with pytest.raises(WarehouseError, match="column author does not belong there"):
            store.save_interactions(warehouse, "like", bad, STAMP, reads={1: 1})
        assert shown(warehouse) == []
