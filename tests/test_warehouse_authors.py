"""Accounts that close and come back, their wishes and labels, in the warehouse alone."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from schema.accounts import Account, PostLabel, Wish
from tests.support.warehouse_rows import (
    NOW,
    STAMP,
    author,
    coding,
    codings,
    counts,
    mark_copies,
    opened,
    post,
    posts,
    removals,
    save,
    spans,
    units,
)
from tests.test_warehouse_units import PLAN, frame_of
from warehouse import store

HOUR = timedelta(hours=1)


def told(number: int, status: str = "deactivated", **more: Any) -> dict[str, Any]:
    """Say of the nth account how it stands."""
    row: dict[str, Any] = {
        "platform": "reddit",
        "author_pseudonym": author(number),
        "status": status,
        "told_by": "event",
        "labeler": None,
        "until": None,
        "observed_at": NOW,
    }
    return row | more


def accounts(*rows: dict[str, Any]) -> store.Beside:
    frame = pl.DataFrame(list(rows), schema=Account.create_empty().schema)
    return store.Beside(accounts=Account.validate(frame, cast=True))


def hear(warehouse: store.Warehouse, *rows: dict[str, Any]) -> tuple[int, int]:
    """Save a page that tells of accounts alone."""
    saved = store.save_page(
        warehouse, posts(), counts(), STAMP, position=None, beside=accounts(*rows)
    )
    return saved.hidden, saved.returned


def fill(warehouse: store.Warehouse) -> None:
    """Save two threads, the first root's author coded, copied and answered."""
    rows = [post(1), post(2, author_pseudonym=author(1)), post(3, parent_key=1), post(4)]
    seen = [{"post_key": key, "observed_at": NOW, "replies_count": 1} for key in (1, 4)]
    save(warehouse, *rows, snapshots=counts(*seen))
    mark_copies(warehouse, (4, 1, 1))
    store.save_units(warehouse, units((1, 1001), (4, 4001)), plan=PLAN, frame=frame_of(warehouse))
    rated = [coding(1, "struggleposting", 2), coding(4, "struggleposting", 1)]
    evidence = spans((101, 1, "struggleposting", 0, 11))
    store.save_codings(warehouse, codings(*rated), evidence, now=NOW)
    store.set_current_round(warehouse, "W1", "R1", "1.0.0")


def passes(warehouse: store.Warehouse) -> bool:
    return all(count == 0 for _, count in store.run_checks(warehouse))


def marts_that_show(connection: Any, key: int) -> list[str]:
    """Name every table of a published file, or view of a warehouse, in which a post has a row."""
    columns = connection.execute(
        "select table_name, column_name from information_schema.columns "
        "where table_schema = 'main' and column_name in ('post_key', 'unit_key', 'reply_key')"
    ).fetchall()
    return [
        table
        for table, column in columns
        if connection.execute(f"select count(*) from {table} where {column} = {key}").fetchone()[0]
    ]


def test_a_closed_account_s_posts_are_compared_with_none(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        assert hear(warehouse, told(1)) == (2, 0)
        assert store.duplicate_inputs(warehouse, "invented")["post_key"].to_list() == [4]
        sketched = warehouse.execute("select post_key from landed.duplicate_sketches")
        assert sketched == [(3,)]  # of the cluster that lost its first post, 4 is due again


def test_a_closed_account_s_posts_stand_in_nothing_that_analysts_read(tmp_path: Path) -> None:
    path, target = tmp_path / "w.duckdb", tmp_path / "published" / "corpus.duckdb"
    with opened(path) as warehouse:
        fill(warehouse)
        before = store.table_hash(warehouse)
        assert len(marts_that_show(warehouse.connection, 1)) >= 6
        assert hear(warehouse, told(1)) == (2, 0)
        assert marts_that_show(warehouse.connection, 1) == []
        assert warehouse.execute("select post_key from post order by 1") == [(3,), (4,)]
        assert warehouse.execute("select root_author_key from reply_edge") == [(None,)]
        assert store.unit_keys(warehouse, "W1", "R1", "root") == {4}
        assert [task.unit_key for task in store.coding_tasks(warehouse, "W1", "R1", "root")] == [4]
        [(share,)] = warehouse.execute("select weight from sample_unit")
        assert share == pytest.approx(4.0)  # its stratum carries the hidden unit
        assert passes(warehouse)
        assert store.table_hash(warehouse) != before
        assert store.count_hidden(warehouse).rows() == [("reddit", "deactivated", 1, 2)]
    store.publish(path, target, now=NOW)
    with duckdb.connect(str(target), read_only=True) as published:
        assert marts_that_show(published, 1) == marts_that_show(published, 2) == []
        assert marts_that_show(published, 4) != []
    with opened(path) as warehouse:
        later = told(1, "active", observed_at=NOW + HOUR)
        assert hear(warehouse, later) == (0, 2)
        assert store.table_hash(warehouse) == before
        assert store.unit_keys(warehouse, "W1", "R1", "root") == {1, 4}


def test_codings_of_hidden_units_are_not_taken(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        hear(warehouse, told(1))
        late = codings(coding(1, "struggleposting", 1, coder="c2"))
        assert store.save_codings(warehouse, late, spans(), now=NOW) == 0


def test_of_what_a_page_tells_of_an_account_the_last_word_stands(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        assert hear(warehouse, told(1), told(1, "active")) == (0, 0)
        assert hear(warehouse, told(1, "active"), told(1)) == (2, 0)
        assert hear(warehouse, told(1, "takendown")) == (0, 0)
        assert store.count_hidden(warehouse)["status"].to_list() == ["takendown"]


def test_posts_that_a_page_brings_with_their_author_s_end_land_hidden(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        saved = save(warehouse, post(1), beside=accounts(told(1)))
        assert (saved.new, saved.hidden) == (1, 1)
        save(warehouse, post(7, author_pseudonym=author(1)))
        assert warehouse.scalar("select count(*) from post") == 0
        assert hear(warehouse, told(1, "active")) == (0, 2)


def test_of_an_account_that_nothing_is_held_of_nothing_is_kept(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        assert hear(warehouse, told(99)) == (0, 0)
        assert store.hidden_authors(warehouse) == []


@pytest.mark.parametrize(
    ("closed", "open_again", "is_shown"),
    [
        (told(1), told(1, "active", told_by="appview", observed_at=NOW + HOUR / 2), False),
        (told(1), told(1, "active", told_by="appview", observed_at=NOW + HOUR), True),
        (told(1), told(1, "active", observed_at=NOW - HOUR), False),
        (told(1, told_by="appview"), told(1, "active", observed_at=NOW + HOUR), True),
        (
            told(1, "takendown", told_by="appview"),
            told(1, "active", observed_at=NOW + HOUR),
            False,
        ),
        (
            told(1, "takendown", told_by="appview"),
            told(1, "active", told_by="appview", observed_at=NOW + HOUR),
            True,
        ),
        (
            told(1, "takendown", told_by="labeler", labeler=author(50)),
            told(1, "active", told_by="appview", observed_at=NOW + 9 * HOUR),
            False,
        ),
        (
            told(1, "takendown", told_by="labeler", labeler=author(50)),
            told(1, "active", told_by="labeler", labeler=author(51), observed_at=NOW + HOUR),
            False,
        ),
        (
            told(1, "takendown", told_by="labeler", labeler=author(50)),
            told(1, "active", told_by="labeler", labeler=author(50), observed_at=NOW + HOUR),
            True,
        ),
    ],
)
def test_who_may_bring_an_account_back(
    tmp_path: Path, closed: dict[str, Any], open_again: dict[str, Any], is_shown: bool
) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        assert hear(warehouse, closed) == (2, 0)
        assert hear(warehouse, open_again) == (0, 2 if is_shown else 0)


def test_an_account_stays_hidden_while_anybody_says_so(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        label = told(1, "takendown", told_by="labeler", labeler=author(50))
        assert hear(warehouse, told(1), label) == (2, 0)
        assert hear(warehouse, told(1, "active")) == (0, 0)
        assert hear(warehouse, label | {"status": "active"}) == (0, 2)


def test_a_label_that_runs_out_lets_the_account_be_seen_again(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        until = NOW + HOUR
        hear(warehouse, told(1, "takendown", told_by="labeler", labeler=author(5), until=until))
        assert store.end_expired_labels(warehouse, now=until - timedelta(seconds=1)) == 0
        assert store.end_expired_labels(warehouse, now=until) == 1
        assert store.hidden_authors(warehouse) == []


def test_what_is_kept_of_an_account_goes_with_its_last_post(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        fill(warehouse)
        save(warehouse, beside=wishes((1, "bulkDataset", "allow")))
        hear(warehouse, told(1))
        store.remove(warehouse, removals(1), now=NOW)
        assert store.hidden_authors(warehouse) == [author(1)]  # a post of theirs is left
        store.remove(warehouse, removals(2), now=NOW)
        assert store.hidden_authors(warehouse) == []
        assert warehouse.scalar("select count(*) from landed.author_wishes") == 0
        assert passes(warehouse)


def wishes(*rows: tuple[int, str, str], at: datetime = NOW) -> store.Beside:
    frame = pl.DataFrame(
        [("bluesky", author(number), wish, value, None, at) for number, wish, value in rows],
        schema=Wish.create_empty().schema,
        orient="row",
    )
    return store.Beside(wishes=Wish.validate(frame, cast=True))


def sky(post_key: int, **more: Any) -> dict[str, Any]:
    return post(post_key, platform="bluesky", community_key="bluesky/network", title=None) | more


def test_only_who_says_yes_may_stand_in_a_shared_set(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *(sky(key) for key in (1, 2, 3)), sky(4, is_visible_logged_out=False),
             post(5))  # fmt: skip
        told_so = [(1, "bulkDataset", "allow"), (2, "bulkDataset", "disallow"),
                   (2, "syntheticContentGeneration", "allow"), (4, "bulkDataset", "allow"),
                   (99, "bulkDataset", "allow")]  # fmt: skip
        save(warehouse, beside=wishes(*told_so))
        assert store.may_share(warehouse, range(10)) == {1}
        assert passes(warehouse)
        told = warehouse.execute("select wish, value, n_authors from wishes order by all")
        assert ("bulkDataset", "allow", 2) in told
        assert ("bulkDataset", "disallow", 1) in told
        assert ("bulkDataset", "undeclared", 1) in told
        assert ("protocolBridging", "undeclared", 4) in told
        assert warehouse.scalar("select count(*) from landed.author_wishes") == 4
        save(warehouse, beside=wishes((1, "bulkDataset", "undeclared"), at=NOW + HOUR))
        save(warehouse, beside=wishes((1, "bulkDataset", "allow"), at=NOW - HOUR))  # told late
        assert store.may_share(warehouse, range(10)) == set()


def test_a_closed_account_s_yes_shares_nothing(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, sky(1), beside=wishes((1, "bulkDataset", "allow")))
        assert store.may_share(warehouse, [1]) == {1}
        hear(warehouse, told(1, platform="bluesky"))
        assert store.may_share(warehouse, [1]) == set()
        assert warehouse.scalar("select count(*) from wishes") == 0


def test_the_authors_who_were_never_asked_come_first(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *(sky(key) for key in range(1, 6)), post(7))
        save(warehouse, beside=wishes((1, "bulkDataset", "allow"), at=NOW - 40 * 24 * HOUR))
        save(warehouse, beside=wishes((2, "bulkDataset", "allow")))
        before = NOW - 30 * 24 * HOUR
        asked = store.authors_to_ask(warehouse, asked_before=before, limit=9)
        assert (set(asked[:3]), asked[3:]) == ({3, 4, 5}, [1])
        assert len(store.authors_to_ask(warehouse, asked_before=before, limit=2)) == 2


def labels(*rows: tuple[int, str, bool]) -> store.Beside:
    frame = pl.DataFrame(
        [("bluesky", *row) for row in rows], schema=PostLabel.create_empty().schema, orient="row"
    )
    return store.Beside(labels=PostLabel.validate(frame, cast=True))


def test_a_post_s_labels_are_those_last_seen_and_are_counted(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        first = labels((1, "porn", True), (1, "spam", False), (2, "spam", False), (9, "rude", True))
        save(warehouse, sky(1), sky(2), beside=first)
        query = "select label, is_self, n_posts from post_labels order by all"
        assert warehouse.execute(query) == [("porn", True, 1), ("spam", False, 2)]
        save(warehouse, sky(1), beside=labels((1, "porn", True)))
        assert warehouse.execute(query) == [("porn", True, 1), ("spam", False, 1)]
        assert passes(warehouse)


def test_detected_and_declared_languages_are_compared_in_cells_of_eleven_authors(
    tmp_path: Path,
) -> None:
    said = [(["en"], "en", 12), (["fr"], "en", 11), (["de", "en"], "en", 11), (["nl"], "de", 3)]
    rows, number = [], 0
    for declared, detected, count in said:
        for _ in range(count):
            number += 1
            rows.append(sky(number, declared_languages=declared, language=detected))
    rows.append(sky(900, declared_languages=[], language="en"))
    rows.append(sky(901, declared_languages=["en"], language=None))
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, *rows)
        found = warehouse.execute(
            "select declared, detected, n_posts, declared_share, is_disagreement, mean_confidence "
            "from language_disagreement order by all"
        )
    assert found == [
        ("de", "en", 11, 1.0, False, pytest.approx(0.9)),
        ("en", "en", 12, 1.0, False, pytest.approx(0.9)),
        ("fr", "en", 11, 1.0, True, pytest.approx(0.9)),
        ("other", "other", 3, 1.0, True, pytest.approx(0.9)),
    ]


@pytest.mark.parametrize("year", [1, 1970, 2031, 9999])
def test_dates_that_cannot_be_true_are_kept_and_flagged(tmp_path: Path, year: int) -> None:
    claimed = datetime(year, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    path, target = tmp_path / "w.duckdb", tmp_path / "published" / "corpus.duckdb"
    with opened(path) as warehouse:
        save(warehouse, sky(1, created_at=claimed, is_created_at_plausible=False))
        save(warehouse, sky(1, created_at=claimed, is_created_at_plausible=False))
        assert warehouse.scalar("select count(*) from landed.post_versions") == 1
    store.publish(path, target, now=NOW)
    with duckdb.connect(str(target), read_only=True) as published:
        [row] = published.execute("select created_at, is_created_at_plausible from post").fetchall()
    assert row == (claimed.replace(tzinfo=None), False)
