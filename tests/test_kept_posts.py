"""New posts beside kept ones: however they came, the marks are those of one pass over all."""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from flows.kept_posts import compare_due
from schema.posts import DuplicateMark
from schema.removals import Removal
from tests.support.warehouse_rows import NOW, author, opened, removals, save
from tests.support.warehouse_rows import post as row
from tests.test_deduplicate import SCHEMA, village
from transforms.deduplicate import deduplicate
from warehouse import store

NAMES = {"fern": 1, "moss": 2, "otter": 3}


def stored(plain: dict[str, Any]) -> dict[str, Any]:
    """Return an invented post as the warehouse takes it."""
    named = plain | {"author_pseudonym": author(NAMES[plain["author_pseudonym"]])}
    return row(plain["post_key"]) | named | {"title": None, "version_key": 1}


def compare(warehouse: store.Warehouse, *, across: bool = False) -> pl.DataFrame:
    """Compare what is due; return all marks."""
    count = compare_due(lambda: nullcontext(warehouse), across_platforms=across)
    found = warehouse.frame("select * from landed.duplicate_marks order by post_key")
    assert found.height == count
    return DuplicateMark.validate(found, cast=True)


def whole(held: dict[int, dict[str, Any]], *, across: bool = False) -> pl.DataFrame:
    """Mark all at once, in memory."""
    return deduplicate(pl.DataFrame(list(held.values()), schema=SCHEMA), across_platforms=across)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[store.Warehouse]:
    """Open one warehouse for all."""
    with opened(tmp_path_factory.mktemp("kept") / "w.duckdb") as found:
        yield found


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6), across=st.booleans())
def test_batches_edits_and_removals_in_any_order_end_as_one_pass(
    warehouse: store.Warehouse, seed: int, across: bool
) -> None:
    come_and_go(warehouse, seed, across=across)


@pytest.mark.long
@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), across=st.booleans())
def test_many_histories_end_as_one_pass(
    warehouse: store.Warehouse, seed: int, across: bool
) -> None:
    come_and_go(warehouse, seed, across=across)


def come_and_go(warehouse: store.Warehouse, seed: int, *, across: bool) -> None:
    """Save, reword, remove and compare in any order; the marks are those of one pass."""
    chance = random.Random(seed)
    coming = village(seed, 60)
    chance.shuffle(coming)
    held: dict[int, dict[str, Any]] = {}
    empty(warehouse)
    while coming:
        some = [coming.pop() for _ in range(min(len(coming), chance.randint(10, 30)))]
        save(warehouse, *map(stored, some))
        held |= {plain["post_key"]: plain for plain in some}
        edited = held[chance.choice(list(held))]
        edited |= {"text": chance.choice(list(held.values()))["text"] + " indeed"}
        seen = {"observed_at": NOW, "edited_at": NOW, "version_key": chance.getrandbits(60)}
        save(warehouse, stored(edited) | seen)
        remove(warehouse, held, [key for key in held if chance.random() < 0.1])
        if chance.random() < 0.8:
            found = compare(warehouse, across=across)
            assert_frame_equal(found, whole(held, across=across))
    assert_frame_equal(compare(warehouse, across=across), whole(held, across=across))
    assert all(bad == 0 for _, bad in store.run_checks(warehouse))


def empty(warehouse: store.Warehouse) -> None:
    """Remove all posts of the example before."""
    held = warehouse.frame("select post_key, platform from landed.post_versions").rows(named=True)
    remove(warehouse, {row["post_key"]: row for row in held}, [row["post_key"] for row in held])


def remove(warehouse: store.Warehouse, held: dict[int, dict[str, Any]], gone: list[int]) -> None:
    """Remove posts of either platform, from the warehouse and from `held`."""
    told = removals(*gone)
    platforms = pl.Series("platform", [held.pop(key)["platform"] for key in gone], pl.String)
    named = told.with_columns(platforms.cast(told.schema["platform"]))
    store.remove(warehouse, Removal.validate(named), now=NOW)


class Stopped(Exception):
    """The process ended here."""


def stopping_at(warehouse: store.Warehouse, turn: int) -> Callable[[], Any]:
    """Open the warehouse so often, then no more."""
    turns = iter(range(turn))

    def open_once() -> Any:
        if next(turns, None) is None:
            raise Stopped
        return nullcontext(warehouse)

    return open_once


def test_a_pass_that_dies_anywhere_leaves_its_posts_due(warehouse: store.Warehouse) -> None:
    empty(warehouse)
    held = {plain["post_key"]: plain for plain in village(3, 60)}
    first, second = list(held.values())[:30], list(held.values())[30:]
    save(warehouse, *map(stored, first))
    before = compare(warehouse)
    save(warehouse, *map(stored, second))
    for turn in range(1, 6):
        with pytest.raises(Stopped):
            compare_due(stopping_at(warehouse, turn), across_platforms=False)
        standing = warehouse.frame("select * from landed.duplicate_marks order by post_key")
        assert_frame_equal(DuplicateMark.validate(standing, cast=True), before)
    assert_frame_equal(compare(warehouse), whole(held))


def interrupted_at(warehouse: store.Warehouse, turn: int) -> Callable[[], Any]:
    """Open the warehouse; let another pass come in between before the nth opening."""
    turns = iter(range(1, 100))

    @contextmanager
    def open_between() -> Iterator[store.Warehouse]:
        if next(turns) == turn:
            compare(warehouse)
        yield warehouse

    return open_between


@pytest.mark.parametrize("turn", range(2, 8))
def test_a_pass_that_another_one_overtakes_leaves_what_that_one_found(
    warehouse: store.Warehouse, turn: int
) -> None:
    empty(warehouse)
    held = {plain["post_key"]: plain for plain in village(3, 60)}
    first, second = list(held.values())[:30], list(held.values())[30:]
    save(warehouse, *map(stored, first))
    compare(warehouse)
    save(warehouse, *map(stored, second))
    compare_due(interrupted_at(warehouse, turn), across_platforms=False)
    assert_frame_equal(compare(warehouse), whole(held))


def test_sketches_are_made_anew_from_the_warehouse(warehouse: store.Warehouse) -> None:
    empty(warehouse)
    held = {plain["post_key"]: plain for plain in village(4, 40)}
    save(warehouse, *map(stored, held.values()))
    before = compare(warehouse)
    sketches = "select * from landed.duplicate_sketches order by post_key"
    kept = warehouse.frame(sketches)
    warehouse.execute("delete from landed.duplicate_sketches")
    assert_frame_equal(compare(warehouse), before)
    assert_frame_equal(warehouse.frame(sketches), kept)
    assert kept.height == len(held)


def test_what_was_compared_is_not_looked_at_again_but_what_lost_its_sketch_is(
    warehouse: store.Warehouse,
) -> None:
    empty(warehouse)
    held = {plain["post_key"]: plain for plain in village(5, 60)}
    first, second = list(held.values())[:40], list(held.values())[40:]
    save(warehouse, *map(stored, first))
    compare(warehouse)
    save(warehouse, *map(stored, second))
    rules = warehouse.scalar("select duplicates_of from landed.store")
    due = store.duplicate_inputs(warehouse, rules)["post_key"]
    assert set(due) == {plain["post_key"] for plain in second}
    lost = first[7]["post_key"]
    warehouse.execute(f"delete from landed.duplicate_sketches where post_key = {lost}")
    due = store.duplicate_inputs(warehouse, rules)["post_key"]
    assert {lost, *(plain["post_key"] for plain in second)} <= set(due)
    assert_frame_equal(compare(warehouse), whole(held))
    assert store.duplicate_inputs(warehouse, rules).is_empty()
