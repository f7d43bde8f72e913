"""The cell rule (R25): what leaves the project tells of no group smaller than the policy's.

A cell of too few authors is blanked (primary), and so is what it could be subtracted from
(complementary), since a reader knows the totals. After L. Willenborg and T. de Waal, *Elements of
Statistical Disclosure Control* (2001), chapter 5: no blanked cell may follow from the totals by
linear algebra, and no difference of a total and its shown cells may tell of small cells alone.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

SUPPRESSED: Final = "is_suppressed"
_TINY: Final = 1e-9
Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Lines = list[Numbers]


def suppress(
    cells: pl.DataFrame, *, keys: Sequence[str], authors: str, minimum: int
) -> pl.DataFrame:
    """Blank what must not leave; n rows to n rows, with `is_suppressed` added.

    A row is a cell, told apart by `keys`; `authors` counts who is behind it; all other columns are
    its values. Totals over any one key count as known to whoever reads the table.
    """
    hidden = _hidden(cells[authors].to_numpy(), _lines(cells, keys), minimum)
    told = cells.with_columns(pl.Series(SUPPRESSED, hidden, dtype=pl.Boolean))
    values = pl.exclude(*keys, SUPPRESSED)
    return told.with_columns(pl.when(~pl.col(SUPPRESSED)).then(values))


def _lines(cells: pl.DataFrame, keys: Sequence[str]) -> Lines:
    """Return the cells of every total: those that differ in one key alone."""
    numbered = cells.with_row_index("cell")
    lines: Lines = []
    for key in keys:
        others = [other for other in keys if other != key]
        groups = numbered.group_by(others) if others else [((), numbered)]
        lines += [group["cell"].to_numpy() for _, group in groups]
    return lines


def _hidden(authors: Numbers, lines: Lines, minimum: int) -> Flags:
    """Hide small cells, then more, until none of them can be worked out."""
    small: Flags = authors < minimum
    hidden = small.copy()
    while (more := next(_needed(authors, small, hidden, lines), None)) is not None:
        hidden[more] = True
    return hidden


def _needed(authors: Numbers, small: Flags, hidden: Flags, lines: Lines) -> Iterator[int]:
    """Yield a shown cell that would cover a small one which shows through."""
    for line in lines:
        covered = hidden[line] & ~small[line]
        if small[line].any() and not covered.any() and not hidden[line].all():
            yield _cheapest(line[~hidden[line]], authors, hidden, lines)
    for cell in _determined(hidden, lines):
        if small[cell]:
            through = np.unique(np.concatenate([line for line in lines if cell in line]))
            for shown in (through[~hidden[through]], np.flatnonzero(~hidden)):
                if shown.size:
                    yield _cheapest(shown, authors, hidden, lines)


def _cheapest(cells: Numbers, authors: Numbers, hidden: Flags, lines: Lines) -> int:
    """Choose the cell that asks for the fewest others in turn, and of these the smallest."""

    def price(cell: int) -> tuple[int, int]:
        alone = sum(cell in line and not hidden[line].any() for line in lines)
        return alone, int(authors[cell])

    return min(map(int, cells), key=price)


def _determined(hidden: Flags, lines: Lines) -> Numbers:
    """Return the hidden cells that the totals and the shown cells fix, by linear algebra."""
    unknown = np.flatnonzero(hidden)
    if unknown.size == 0:
        return unknown
    sums = np.array([np.isin(unknown, line) for line in lines], dtype=float)
    _, weights, directions = np.linalg.svd(sums)
    free = directions[int((weights > _TINY).sum()) :]
    fixed: Flags = np.abs(free).max(axis=0, initial=0.0) < _TINY
    return unknown[fixed]
