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
    def pairs(self) -> Floats:
        """Per unit, how often each value met each other: units by values by values."""
        per_unit = self.counts.sum(axis=1)
        met = self.counts[:, :, None] * self.counts[:, None, :]
        diagonal = np.arange(met.shape[1])
        met[:, diagonal, diagonal] -= self.counts
        weighted: Floats = met / (per_unit - 1)[:, None, None]
        return weighted


def alpha(reliability: Matrix, level: AlphaLevel) -> Alpha:
    """Return Krippendorff's alpha of a matrix of units by coders."""
    data = coincidences(reliability)
    if not len(data.counts):
        return Alpha(None, NOTHING_PAIRABLE)
    if len(data.values) < 2:
        return Alpha(None, ONE_VALUE)
    every_unit_once = np.ones((1, len(data.counts)))
    [value] = _alphas(data, level, every_unit_once)
    return Alpha(float(value))


def alpha_interval(
    reliability: Matrix, level: AlphaLevel, *, seed: int, draws: int = 1000
) -> Interval:
    """Return alpha's 95 percent interval from `draws` resamplings of the pairable units."""
    data = coincidences(reliability)
    units = len(data.counts)
    if not units:
        return Interval(None, None, NOTHING_PAIRABLE)
    if len(data.values) < 2:
        return Interval(None, None, ONE_VALUE)
    generator = np.random.default_rng(seed)
    times_drawn = generator.multinomial(units, np.full(units, 1 / units), size=draws)
    alphas = _alphas(data, level, times_drawn.astype(np.float64))
    defined = alphas[~np.isnan(alphas)]
    if len(defined) < _DEFINED_SHARE * draws:
        return Interval(None, None, FEW_DRAWS)
    low, high = np.quantile(defined, [0.025, 0.975])
    return Interval(float(low), float(high))


def coincidences(reliability: Matrix) -> Coincidences:
    """Count each pairable unit's values; the order of units and coders does not matter."""
    rows = [[value for value in row if not _is_missing(value)] for row in reliability.tolist()]
    pairable = [row for row in rows if len(row) > 1]
    values = _sorted({value for row in pairable for value in row})
    place = {value: n for n, value in enumerate(values)}
    counts = np.zeros((len(pairable), len(values)))
    for n, row in enumerate(pairable):
        np.add.at(counts[n], [place[value] for value in row], 1.0)
    order = np.lexsort(counts.T[::-1]) if counts.size else slice(None)
    return Coincidences(counts[order], tuple(values))


def _alphas(data: Coincidences, level: AlphaLevel, times_drawn: Floats) -> Floats:
    """Return one alpha per row of `times_drawn` (draws by units); NaN where one value is drawn."""
    size = len(data.values)
    observed = (times_drawn @ data.pairs.reshape(-1, size * size)).reshape(-1, size, size)
    totals = observed.sum(axis=2)
    squared = _differences(data, level, totals)
    disagreement = (observed * squared).sum(axis=(1, 2))
    expected = np.einsum("dv,dvw,dw->d", totals, squared, totals, optimize=True)
    pairable = totals.sum(axis=1)
    ratios = np.full(len(times_drawn), np.nan)
    np.divide((pairable - 1) * disagreement, expected, out=ratios, where=expected > 0)
    result: Floats = 1 - ratios
    return result


def _differences(data: Coincidences, level: AlphaLevel, totals: Floats) -> Floats:
    """Return squared differences, 1 (or draws, where they hang on them) by values by values."""
    if level == "nominal":
        return 1.0 - np.eye(len(data.values))[None]
    if level in SET_LEVELS:
        distance = masi_distance if level == "masi" else jaccard_distance
        return np.array([[[distance(a, b) for b in data.values] for a in data.values]])
    if level == "ordinal":
        ranks = np.cumsum(totals, axis=1) - totals / 2
        return np.square(ranks[:, :, None] - ranks[:, None, :])
    numbers = np.array([data.values], dtype=np.float64)
    gaps = numbers[:, :, None] - numbers[:, None, :]
    if level == "ratio":
        sums = numbers[:, :, None] + numbers[:, None, :]
        gaps = np.divide(gaps, sums, out=np.zeros_like(gaps), where=sums != 0)
    result: Floats = np.square(gaps)
    return result


def jaccard_distance(one: frozenset[Hashable], other: frozenset[Hashable]) -> float:
    """Return 1 less the share of members in common; two empty sets are equal."""
    union = one | other
    return 1 - len(one & other) / len(union) if union else 0.0


def masi_distance(one: frozenset[Hashable], other: frozenset[Hashable]) -> float:
    """Return 1 - Jaccard * monotonicity: 1 equal, 2/3 one in the other, else 1/3.

    Jaccard is 0 where the sets lie apart, so the distance is then 1.
    """
    if one == other:
        return 0.0
    monotonicity = 2 / 3 if one <= other or other <= one else 1 / 3
    return 1 - (1 - jaccard_distance(one, other)) * monotonicity


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _sorted(values: set[Any]) -> Sequence[Any]:
    if any(isinstance(value, frozenset) for value in values):
        return sorted(values, key=lambda members: sorted(map(str, members)))
    return sorted(values)
