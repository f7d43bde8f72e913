"""Krippendorff's alpha with missing data, and its bootstrap interval, in numpy.

Source: Krippendorff 2011, "Computing Krippendorff's alpha-reliability"; set distances after
Passonneau 2006 (MASI). A unit counts where two coders or more gave it a value. Reliability data
are a matrix of units by coders; missing is NaN in numbers and None in objects.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

AlphaLevel = Literal["nominal", "ordinal", "interval", "ratio", "masi", "jaccard"]
SET_LEVELS: Final = ("masi", "jaccard")
NOTHING_PAIRABLE: Final = "no unit has values from two coders"
ONE_VALUE: Final = "only one value occurs"
FEW_DRAWS: Final = "too few of the bootstrap draws hold two values"
# Percentiles of the draws that are defined would flatter a rare code when many are not.
_DEFINED_SHARE: Final = 0.9
_CELLS: Final = 4_000_000

Floats = npt.NDArray[np.float64]
Matrix = npt.NDArray[Any]


class Alpha(NamedTuple):
    """An estimate, or the reason why there is none."""

    value: float | None
    reason: str | None = None


class Interval(NamedTuple):
    """A 95 percent bootstrap interval over units, or the reason why there is none."""

    low: float | None
    high: float | None
    reason: str | None = None


class Coincidences(NamedTuple):
    """Pairable values: `counts` is units by values, `values` are the distinct values, sorted."""

    counts: Floats
    values: tuple[Any, ...]

    @property
    def per_unit(self) -> Floats:
        """How many values each unit has, two or more."""
        held: Floats = self.counts.sum(axis=1)
        return held


def alpha(reliability: Matrix, level: AlphaLevel) -> Alpha:
    """Return Krippendorff's alpha of a matrix of units by coders."""
    return alpha_with_interval(reliability, level, seed=0, draws=0)[0]


def alpha_interval(
    reliability: Matrix, level: AlphaLevel, *, seed: int, draws: int = 1000
) -> Interval:
    """Return alpha's 95 percent interval from `draws` resamplings of the pairable units."""
    return alpha_with_interval(reliability, level, seed=seed, draws=draws)[1]


def alpha_with_interval(
    reliability: Matrix, level: AlphaLevel, *, seed: int, draws: int = 1000
) -> tuple[Alpha, Interval]:
    """Return alpha and its 95 percent interval: what they share is computed once."""
    data = coincidences(reliability)
    if (reason := why_undefined(data)) is not None:
        return Alpha(None, reason), Interval(None, None, reason)
    patterns, times_seen = _patterns(data)
    times_drawn = resampled(times_seen, seed=seed, draws=draws)
    point, *drawn = _alphas(patterns, level, np.vstack([times_seen, times_drawn]))
    return Alpha(float(point)), percentiles(np.array(drawn))


def why_undefined(data: Coincidences) -> str | None:
    """Say why there is no alpha; None where there is one."""
    if not len(data.counts):
        return NOTHING_PAIRABLE
    return ONE_VALUE if len(data.values) < 2 else None


def resampled(times_seen: npt.NDArray[np.int64], *, seed: int, draws: int) -> Floats:
    """Draw as many units as there are, `draws` times, with replacement: draws by patterns.

    Units that look alike are drawn as one pattern that stands `times_seen` times: the same
    chances as unit by unit, at a hundredth of the work where there are a thousand units.
    """
    units = int(times_seen.sum())
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(units, times_seen / units, size=draws)
    return drawn.astype(np.float64)


def percentiles(estimates: Floats) -> Interval:
    """Return the middle 95 percent of bootstrap estimates; NaN is one that is not defined."""
    defined = estimates[~np.isnan(estimates)]
    if not len(defined) or len(defined) < _DEFINED_SHARE * len(estimates):
        return Interval(None, None, FEW_DRAWS)
    low, high = np.quantile(defined, [0.025, 0.975])
    return Interval(float(low), float(high))


def coincidences(reliability: Matrix) -> Coincidences:
    """Count each pairable unit's values; the order of units and coders does not matter."""
    if reliability.dtype == object:
        return _object_coincidences(reliability)
    is_given = ~np.isnan(reliability)
    pairable = reliability[is_given.sum(axis=1) > 1]
    units, coders = np.nonzero(~np.isnan(pairable))
    values, places = np.unique(pairable[units, coders], return_inverse=True)
    counts = np.zeros((len(pairable), len(values)))
    np.add.at(counts, (units, places), 1.0)
    return Coincidences(counts, tuple(values.tolist()))


def _object_coincidences(reliability: Matrix) -> Coincidences:
    rows = [[value for value in row if not _is_missing(value)] for row in reliability.tolist()]
    pairable = [row for row in rows if len(row) > 1]
    values = _sorted({value for row in pairable for value in row})
    place = {value: n for n, value in enumerate(values)}
    counts = np.zeros((len(pairable), len(values)))
    for n, row in enumerate(pairable):
        np.add.at(counts[n], [place[value] for value in row], 1.0)
    return Coincidences(counts, tuple(values))


def _patterns(data: Coincidences) -> tuple[Coincidences, npt.NDArray[np.int64]]:
    """Put units with the same counts together, in one order whatever theirs was."""
    counts, times_seen = np.unique(data.counts, axis=0, return_counts=True)
    return Coincidences(counts, data.values), times_seen


def _alphas(data: Coincidences, level: AlphaLevel, times_drawn: Floats) -> Floats:
    """Return one alpha per row of `times_drawn` (draws by rows of `data`).

    NaN where one value is drawn.
    """
    has_short_cut = level in ("nominal", "ordinal", "interval")
    between = None if has_short_cut else _between_units(data, level)
    some = max(1, _CELLS // len(data.counts))  # draws at a time: what they need fits in memory
    chunks = [times_drawn[start : start + some] for start in range(0, len(times_drawn), some)]
    ratios = [_ratios(data, level, chunk, between) for chunk in chunks]
    result: Floats = 1 - np.concatenate(ratios)
    return result


def _ratios(
    data: Coincidences, level: AlphaLevel, times_drawn: Floats, between: Floats | None
) -> Floats:
    """Return observed over expected disagreement, one per draw."""
    totals = times_drawn @ data.counts
    pairable = totals.sum(axis=1)
    if between is not None:
        within = np.diagonal(between)
        expected = ((times_drawn @ between) * times_drawn).sum(axis=1)
    elif level == "nominal":
        within = data.per_unit**2 - (data.counts**2).sum(axis=1)
        expected = pairable**2 - (totals**2).sum(axis=1)
    else:
        within, expected = _by_moments(data, _positions(data, level, totals), totals)
    disagreement = (times_drawn * (within / (data.per_unit - 1))).sum(axis=1)
    ratios = np.full(len(times_drawn), np.nan)
    has_two = (totals > 0).sum(axis=1) > 1
    np.divide((pairable - 1) * disagreement, expected, out=ratios, where=has_two & (expected > 0))
    return ratios


def _positions(data: Coincidences, level: AlphaLevel, totals: Floats) -> Floats:
    """Return where values stand on a line, draws (or 1) by values: their middle rank, or they."""
    if level == "ordinal":
        ranks: Floats = np.cumsum(totals, axis=1) - totals / 2
        return ranks
    numbers = np.array([data.values], dtype=np.float64)
    centred: Floats = numbers - numbers.mean()
    return centred


def _by_moments(data: Coincidences, at: Floats, totals: Floats) -> tuple[Floats, Floats]:
    """Sum squared distances of all pairs, within units and over all values, without the pairs."""
    held = data.per_unit
    within = 2 * (held * (at**2 @ data.counts.T) - (at @ data.counts.T) ** 2)
    within[:, (data.counts > 0).sum(axis=1) == 1] = 0.0  # what cancels must not leave a crumb
    first, second = (at * totals).sum(axis=1), (at**2 * totals).sum(axis=1)
    return within, 2 * (totals.sum(axis=1) * second - first**2)


def _between_units(data: Coincidences, level: AlphaLevel) -> Floats:
    """Sum squared differences of each unit's values from each other's, at the ratio and set levels.

    Units by units: of sets there are often more than of units, nearly each one of its own.
    """
    between = np.zeros((len(data.counts), len(data.counts)))
    some = max(1, _CELLS // len(data.values))
    for start in range(0, len(data.values), some):  # of values: so many distances at a time
        mine = slice(start, start + some)
        squared = _squared_differences(data.values[mine], data.values, level)
        between += _summed(_summed(squared, data.counts).T, data.counts[:, mine])
    return between


def _summed(columns: Floats, counts: Floats) -> Floats:
    """Return `columns @ counts.T` where most counts are 0."""
    order = np.argsort(-counts, axis=1, kind="stable")
    summed = np.zeros((len(columns), len(counts)))
    for place in range(int((counts > 0).sum(axis=1).max(initial=0))):
        values = order[:, place]  # of each unit: its first value, its second, ...
        summed += columns[:, values] * np.take_along_axis(counts, values[:, None], axis=1).T
    return summed


def _squared_differences(some: Sequence[Any], values: Sequence[Any], level: AlphaLevel) -> Floats:
    """Return squared differences at the ratio and set levels: `some` by `values`."""
    if level in SET_LEVELS:
        return set_distances(some, values, level)
    one, other = np.array(some, dtype=np.float64)[:, None], np.array(values, dtype=np.float64)
    gaps, sums = one - other, one + other
    squared: Floats = np.square(np.divide(gaps, sums, out=np.zeros_like(gaps), where=sums != 0))
    return squared


def set_distances(
    some: Sequence[frozenset[Hashable]], sets: Sequence[frozenset[Hashable]], level: AlphaLevel
) -> Floats:
    """Return the distance of `some` sets to each: 1 - Jaccard, or 1 - Jaccard * monotonicity.

    Jaccard is the share of members in common; two empty sets are equal. Monotonicity, of MASI, is
    1 where sets are equal, 2/3 where one lies in the other, else 1/3.
    """
    place = {m: n for n, m in enumerate({m for members in (*some, *sets) for m in members})}
    one, other = _membership(some, place), _membership(sets, place)
    common = one @ other.T
    sizes, others = one.sum(axis=1)[:, None], other.sum(axis=1)
    union = sizes + others - common
    jaccard: Floats = np.divide(common, union, out=np.ones_like(common), where=union > 0)
    if level == "jaccard":
        return 1 - jaccard
    is_within = common == np.minimum(sizes, others)
    return 1 - jaccard * np.where(is_within, np.where(common == union, 1.0, 2 / 3), 1 / 3)


def _membership(sets: Sequence[frozenset[Hashable]], place: dict[Hashable, int]) -> Floats:
    holds = np.zeros((len(sets), len(place)))
    for n, members in enumerate(sets):
        holds[n, [place[member] for member in members]] = 1.0
    return holds


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _sorted(values: set[Any]) -> Sequence[Any]:
    if any(isinstance(value, frozenset) for value in values):
        return sorted(values, key=lambda members: sorted(map(str, members)))
    return sorted(values)
