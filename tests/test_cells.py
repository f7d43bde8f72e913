"""The cell rule: an adversary with a pencil, and one with linear algebra."""

from itertools import product

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from warehouse.cells import suppress

MINIMUM = 11


def table(counts: list[list[int]]) -> pl.DataFrame:
    """Return a table of weeks by platforms; posts are three an author and one."""
    rows = [
        (week, platform, count, 3 * count + 1)
        for week, line in enumerate(counts)
        for platform, count in enumerate(line)
    ]
    return pl.DataFrame(rows, schema=["week", "platform", "n_authors", "n_posts"], orient="row")


def shown(cells: pl.DataFrame) -> pl.DataFrame:
    return suppress(cells, keys=("week", "platform"), authors="n_authors", minimum=MINIMUM)


@st.composite
def tables(draw: st.DrawFn) -> pl.DataFrame:
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    count = st.one_of(st.integers(1, 14), st.integers(15, 400))
    line = st.lists(count, min_size=width, max_size=width)
    return table(draw(st.lists(line, min_size=height, max_size=height)))


def totals(cells: pl.DataFrame) -> list[list[int]]:
    """Return which cells each published total is of."""
    rows = cells.with_row_index("cell")
    return [
        group["cell"].to_list() for key in ("week", "platform") for _, group in rows.group_by(key)
    ]


@given(tables())
def test_no_small_cell_is_shown_and_no_large_one_changed(cells: pl.DataFrame) -> None:
    found = shown(cells)
    small = found.filter(cells["n_authors"] < MINIMUM)
    assert small["is_suppressed"].all()
    hidden = found.filter("is_suppressed")
    assert hidden.select("n_authors", "n_posts").null_count().row(0) == (len(hidden),) * 2
    open_ = ~found["is_suppressed"]
    assert found.filter(open_).drop("is_suppressed").equals(cells.filter(open_))


@given(tables())
def test_no_total_less_what_is_shown_tells_of_small_cells_alone(cells: pl.DataFrame) -> None:
    hidden = shown(cells)["is_suppressed"].to_list()
    authors = cells["n_authors"].to_list()
    for line in totals(cells):
        left = [authors[cell] for cell in line if hidden[cell]]
        if 0 < len(left) < len(line):
            assert max(left) >= MINIMUM


@given(tables())
def test_no_small_cell_follows_from_the_totals(cells: pl.DataFrame) -> None:
    found = shown(cells)
    if found["is_suppressed"].all():
        return  # nothing but totals is told; who tells a total looks at its own authors
    unknown = [cell for cell, hides in enumerate(found["is_suppressed"]) if hides]
    equations = np.array(
        [[cell in line for cell in unknown] for line in totals(cells)], dtype=float
    )
    rank = np.linalg.matrix_rank(equations) if unknown else 0
    for place, cell in enumerate(unknown):
        if cells["n_authors"][cell] < MINIMUM:
            alone = np.eye(len(unknown))[place]
            assert np.linalg.matrix_rank(np.vstack([equations, alone])) > rank


def test_without_complements_the_same_adversary_finds_the_cell() -> None:
    cells = table([[40, 3], [50, 60]])
    naive = cells.with_columns(pl.when(pl.col("n_authors") >= MINIMUM).then("n_posts"))
    [week] = [line for line in totals(cells) if set(line) == {0, 1}]
    told = sum(cells["n_posts"][cell] for cell in week)
    assert told - naive["n_posts"][0] == cells["n_posts"][1]
    assert shown(cells)["is_suppressed"].to_list() == [True] * 4


def test_two_squares_joined_by_a_small_cell_do_not_give_it_away() -> None:
    # every row and column hides two cells or none, and still the middle one would follow
    hidden = {(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 3), (3, 2), (3, 3), (1, 2)}
    counts = [[0] * 4 for _ in range(4)]
    for row, column in product(range(4), range(4)):
        counts[row][column] = 5 if (row, column) in hidden else 100
    for row, column in ((0, 0), (1, 1), (2, 3), (3, 2)):
        counts[row][column] = 12
    found = shown(table(counts))
    assert found.filter("is_suppressed").height > len(hidden)


def test_one_key_is_a_list_with_its_total() -> None:
    cells = pl.DataFrame(
        {"venue": ["a", "b", "c"], "authors": [4, 90, 30], "share": [0.1, 0.2, 0.3]}
    )
    found = suppress(cells, keys=("venue",), authors="authors", minimum=MINIMUM)
    assert found["share"].to_list() == [None, 0.2, None]
    assert found["venue"].to_list() == ["a", "b", "c"]


def test_a_table_of_nothing_stays_one() -> None:
    assert shown(table([])).height == 0
