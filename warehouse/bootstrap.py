"""The cluster bootstrap: clusters drawn with replacement, the estimator run on every draw.

One function a kind of claim, each the twin of its `est_` macro, in NumPy because a thousand
draws in SQL would read a thousand times as many rows (docs/adr/0025). Pure, seeded.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
Draws = Iterator[npt.NDArray[np.float64]]
DRAWS: Final = 999
_CHUNK: Final = 1_000_000  # counts held at once


def bootstrap_interval(kind: str, rows: pl.DataFrame, *, seed: int) -> tuple[float, float] | None:
    """Return the middle 95 percent of 999 draws; None where too few of them give an estimate.

    `rows`: what the estimator of this kind reads (cluster, w, y; cell, grp or x besides), none of
    it null, in an order that is always the same.
    """
    if rows.is_empty():
        return None
    estimates = _ESTIMATORS[kind](rows, np.random.default_rng(seed))
    estimates = estimates[np.isfinite(estimates)]
    if len(estimates) < 0.9 * DRAWS:
        return None
    low, high = np.quantile(estimates, [0.025, 0.975])
    return float(low), float(high)


def _draws(clusters: int, rng: np.random.Generator) -> Draws:
    """Yield how often each cluster stands in each draw, some draws (rows) at a time."""
    step = max(1, _CHUNK // clusters)
    for first in range(0, DRAWS, step):
        count = min(step, DRAWS - first)
        picked = rng.integers(0, clusters, size=(count, clusters))
        picked += clusters * np.arange(count)[:, None]
        counts = np.bincount(picked.ravel(), minlength=count * clusters)
        yield counts.reshape(count, clusters).astype(np.float64)


def _codes(*columns: pl.Series) -> tuple[npt.NDArray[np.int64], int]:
    """Number the rows' distinct keys in sorted order."""
    key = pl.DataFrame(columns).select(
        pl.struct(pl.all()).rank("dense").cast(pl.Int64).alias("key") - 1
    )["key"]
    codes = key.to_numpy()
    return codes, int(codes.max()) + 1


def _ratio(numerator: Floats, denominator: Floats, rng: np.random.Generator) -> Floats:
    """Draw clusters where estimate = sum of numerators / sum of denominators."""
    parts = np.column_stack([numerator, denominator])
    sums = np.concatenate([counts @ parts for counts in _draws(len(parts), rng)])
    return _divided(sums[:, 0], sums[:, 1])


def _share(rows: pl.DataFrame, rng: np.random.Generator) -> Floats:
    cluster, size = _codes(rows["cluster"])
    w, y = _floats(rows, "w", "y")
    return _ratio(_sums(cluster, w * y, size), _sums(cluster, w, size), rng)


def _paired(rows: pl.DataFrame, rng: np.random.Generator) -> Floats:
    pair, pairs = _codes(rows["cluster"], rows["cell"])
    w, y, one = _floats(rows, "w", "y", "grp")
    s1, s0 = (_sums(pair, w * g, pairs) for g in (one, 1 - one))
    t1, t0 = (_sums(pair, w * g * y, pairs) for g in (one, 1 - one))
    weight = np.minimum(s1, s0)
    difference = _divided(t1, s1) - _divided(t0, s0)
    first = np.unique(pair, return_index=True)[1]
    whole = weight > 0
    cluster, size = _codes(rows["cluster"].gather(first[whole])) if whole.any() else (pair[:0], 0)
    if size == 0:
        return np.full(DRAWS, np.nan)
    weight, difference = weight[whole], difference[whole]
    return _ratio(_sums(cluster, weight * difference, size), _sums(cluster, weight, size), rng)


def _contrast(rows: pl.DataFrame, rng: np.random.Generator) -> Floats:
    w, y, one = _floats(rows, "w", "y", "grp")
    parts = {"s1": w * one, "s0": w * (1 - one), "t1": w * one * y, "t0": w * (1 - one) * y}
    found = []
    for s1, s0, t1, t0 in _by_cell(rows, parts, rng):
        weight = np.minimum(s1, s0)
        difference = np.where(weight > 0, _divided(t1, s1) - _divided(t0, s0), 0)
        found.append(_divided((weight * difference).sum(axis=1), weight.sum(axis=1)))
    return np.concatenate(found)


def _slope(rows: pl.DataFrame, rng: np.random.Generator) -> Floats:
    w, x, y = _floats(rows, "w", "x", "y")
    x, y = x - x.mean(), y - y.mean()
    parts = {"w": w, "wx": w * x, "wy": w * y, "wxx": w * x * x, "wxy": w * x * y}
    found = []
    for sw, sx, sy, sxx, sxy in _by_cell(rows, parts, rng):
        xx = np.maximum(sxx - _divided(sx * sx, sw, empty=0.0), 0).sum(axis=1)
        xy = (sxy - _divided(sx * sy, sw, empty=0.0)).sum(axis=1)
        xx[xx <= 1e-12 * sxx.sum(axis=1)] = 0
        found.append(_divided(xy, xx))
    return np.concatenate(found)


def _by_cell(
    rows: pl.DataFrame, parts: Mapping[str, Floats], rng: np.random.Generator
) -> Iterator[list[Floats]]:
    """Yield each part's sums by draw (rows) and cell (columns)."""
    cluster, clusters = _codes(rows["cluster"])
    pair, pairs = _codes(rows["cell"], rows["cluster"])  # sorted by cell
    first = np.unique(pair, return_index=True)[1]
    cell = _codes(rows["cell"])[0][first]
    starts = np.unique(cell, return_index=True)[1]
    sums = [_sums(pair, part, pairs) for part in parts.values()]
    for counts in _draws(clusters, rng):
        drawn = counts[:, cluster[first]]
        yield [np.add.reduceat(drawn * each, starts, axis=1) for each in sums]


def _sums(codes: npt.NDArray[np.int64], values: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(codes, values, size), dtype=np.float64)


def _divided(above: Floats, below: Floats, *, empty: float = np.nan) -> Floats:
    out = np.full_like(above, empty)
    np.divide(above, below, out=out, where=below > 0)
    return out


def _floats(rows: pl.DataFrame, *names: str) -> list[Floats]:
    return [rows[name].cast(pl.Float64).to_numpy() for name in names]


_ESTIMATORS: Final[Mapping[str, Callable[[pl.DataFrame, np.random.Generator], Floats]]] = {
    "share": _share,
    "contrast": _contrast,
    "paired": _paired,
    "slope": _slope,
}
