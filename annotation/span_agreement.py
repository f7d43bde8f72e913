"""Agreement on evidence: how far coders mark the same stretches of text for a code.

F1 of two coders' spans is the share of their spans, taken together, that the other marked too:
the very same stretch (exact), or one that shares a character with it (overlapping). It is pooled
over all pairs of coders and all units that both have coded; a span for a code that the other did
not see counts as one that was missed. Source: Hripcsak & Rothschild 2005, "Agreement, the
F-measure, and reliability in information retrieval".
"""

from collections import defaultdict
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from annotation.alpha import NOTHING_PAIRABLE, percentiles, resampled

NO_SPAN: Final = "nobody marked a span"
Marks = set[tuple[int, int]]


class SpanF1(NamedTuple):
    """F1, exact and overlapping, with the latter's 95 percent interval, or why there is none."""

    exact: float | None
    overlap: float | None
    low: float | None = None
    high: float | None = None
    reason: str | None = None


def span_f1(codings: pl.DataFrame, spans: pl.DataFrame, *, seed: int, draws: int = 1000) -> SpanF1:
    """Compare one code's spans: `unit`, `coder` of who coded it, `unit`, `coder`, `start`, `end`.

    The interval is from `draws` resamplings of the units that two coders or more have coded.
    """
    tallies = _tallies(codings, spans)
    if not len(tallies):
        return SpanF1(None, None, reason=NOTHING_PAIRABLE)
    exact, overlap, marked = tallies.sum(axis=0)
    if not marked:
        return SpanF1(None, None, reason=NO_SPAN)
    patterns, times_seen = np.unique(tallies, axis=0, return_counts=True)
    sums = resampled(times_seen, seed=seed, draws=draws) @ patterns
    shares = np.full(draws, np.nan)
    np.divide(sums[:, 1], sums[:, 2], out=shares, where=sums[:, 2] > 0)
    interval = percentiles(shares)
    return SpanF1(
        float(exact / marked), float(overlap / marked), interval.low, interval.high, interval.reason
    )


def _tallies(codings: pl.DataFrame, spans: pl.DataFrame) -> npt.NDArray[np.float64]:
    """Count per unit with two coders: spans matched exactly, overlapped, and all, over pairs."""
    marks: dict[tuple[object, str], Marks] = defaultdict(set)
    for unit, coder, start, end in spans.select("unit", "coder", "start", "end").iter_rows():
        marks[unit, coder].add((start, end))
    coders: dict[object, list[str]] = defaultdict(list)
    for unit, coder in codings.select("unit", "coder").unique().sort("coder").iter_rows():
        coders[unit].append(coder)
    tallies = np.zeros((len(coders), 3))
    for n, (unit, present) in enumerate(coders.items()):
        for one, other in combinations(present, 2):
            if marks[unit, one] or marks[unit, other]:
                tallies[n] += _compared(marks[unit, one], marks[unit, other])
    return tallies[[len(present) > 1 for present in coders.values()]]


def _compared(one: Marks, other: Marks) -> tuple[int, int, int]:
    overlapped = sum(_touches(mark, other) for mark in one)
    overlapped += sum(_touches(mark, one) for mark in other)
    return 2 * len(one & other), overlapped, len(one) + len(other)


def _touches(mark: tuple[int, int], others: Marks) -> bool:
    return any(mark[0] < end and start < mark[1] for start, end in others)
