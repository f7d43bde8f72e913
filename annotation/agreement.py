"""Agreement of coders, code by code: alpha with its interval, prevalence, specific agreement.

What coders disagree on is measured as it was coded, before adjudication. A unit counts where two
coders or more gave a value; the number of coders may differ from unit to unit.
"""

import hashlib
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from annotation.alpha import (
    SET_LEVELS,
    AlphaLevel,
    Coincidences,
    alpha_with_interval,
    coincidences,
)
from annotation.span_agreement import span_f1
from schema.codebook import Codebook

DRAWS: Final = 1000
MEASURE_SCHEMA: Final[dict[str, type[pl.DataType]]] = {
    "level": pl.String,
    "alpha": pl.Float64,
    "alpha_low": pl.Float64,
    "alpha_high": pl.Float64,
    "n_units": pl.Int64,
    "n_coders": pl.Int64,
    "prevalence": pl.Float64,
    "positive_agreement": pl.Float64,
    "negative_agreement": pl.Float64,
    "raw_agreement": pl.Float64,
    "reason": pl.String,
}
AGREEMENT_SCHEMA: Final[dict[str, type[pl.DataType]]] = {
    "code_id": pl.String,
    **MEASURE_SCHEMA,
    "floor": pl.Float64,
    "is_floor_met": pl.Boolean,
    "span_f1_exact": pl.Float64,
    "span_f1": pl.Float64,
    "span_f1_low": pl.Float64,
    "span_f1_high": pl.Float64,
    "span_reason": pl.String,
}
NO_SPANS: Final = pl.DataFrame(
    schema={
        "unit": pl.String,
        "coder": pl.String,
        "code": pl.String,
        "start": pl.Int64,
        "end": pl.Int64,
    }
)


class Reliability(NamedTuple):
    """Values of one variable, `units` by `coders`; missing is NaN in numbers, else None."""

    units: pl.Series
    coders: pl.Series
    values: npt.NDArray[Any]


def agreement(
    codings: pl.DataFrame,
    codebook: Codebook,
    *,
    spans: pl.DataFrame = NO_SPANS,
    seed: int,
    draws: int = DRAWS,
) -> pl.DataFrame:
    """Measure each code that has codings; one row per code, in the codebook's order.

    `codings` holds one row per `unit`, `coder` and `code` with the `value`; `spans` the evidence:
    `unit`, `coder`, `code`, `start`, `end`. Shares run 0-1. `is_floor_met` is null for a code
    without a floor. Row order does not matter.

    Raises:
        ValueError: a coder has two values for one code of one unit, or a code is unknown.
    """
    refuse_unusable(codings, codebook)
    rows = []
    for code in codebook.codes:
        mine = codings.filter(pl.col("code") == code.id)
        if mine.is_empty():
            continue
        level, draw_seed = codebook.level(code.id), part_seed(seed, code.id)
        measured = measure(mine, level, seed=draw_seed, draws=draws)
        floor, interval_floor = codebook.floor(code.id), codebook.interval_floor(code.id)
        is_met = _is_floor_met(measured, floor, interval_floor)
        marked = spans.filter(pl.col("code") == code.id)
        exact, overlap, low, high, why = span_f1(mine, marked, seed=draw_seed, draws=draws)
        evidence = {"span_f1_exact": exact, "span_f1": overlap}
        evidence |= {"span_f1_low": low, "span_f1_high": high}
        rows.append(
            {"code_id": code.id, **measured, "floor": floor, "is_floor_met": is_met}
            | evidence
            | {"span_reason": why}
        )
    return pl.DataFrame(rows, schema=AGREEMENT_SCHEMA)


def measure(
    codings: pl.DataFrame, level: AlphaLevel, *, seed: int, draws: int = DRAWS
) -> dict[str, Any]:
    """Measure one variable: `unit`, `coder`, `value` in, the columns of `MEASURE_SCHEMA` out.

    At the set levels a value is a list; presence (prevalence, specific agreement) is then null,
    as it is where values are not numbers.
    """
    return measure_matrix(spread(codings, level).values, level, seed=seed, draws=draws)


def measure_matrix(
    matrix: npt.NDArray[Any], level: AlphaLevel, *, seed: int, draws: int = DRAWS
) -> dict[str, Any]:
    """Measure one variable from its values, units by coders, as `measure` does."""
    data = coincidences(matrix)
    estimate, interval = alpha_with_interval(matrix, level, seed=seed, draws=draws)
    is_present = presence(data)
    reason = None if interval.reason is None else f"no interval: {interval.reason}"
    return {
        "level": level,
        "alpha": estimate.value,
        "alpha_low": interval.low,
        "alpha_high": interval.high,
        "n_units": len(data.counts),
        "n_coders": int(is_given(matrix).any(axis=0).sum()),
        "prevalence": _prevalence(matrix),
        "positive_agreement": _specific(data, is_present),
        "negative_agreement": _specific(data, None if is_present is None else ~is_present),
        "raw_agreement": raw_agreement(data),
        "reason": estimate.reason or reason,
    }


def spread(codings: pl.DataFrame, level: AlphaLevel) -> Reliability:
    """Spread `unit`, `coder`, `value` into units by coders, both in ascending order."""
    units, coders = codings["unit"].unique().sort(), codings["coder"].unique().sort()
    at = tuple(
        codings[name].rank("dense").cast(pl.Int64).to_numpy() - 1 for name in ("unit", "coder")
    )
    values = codings["value"]
    shape = (len(units), len(coders))
    if values.dtype.is_numeric():
        numbers = np.full(shape, np.nan)
        numbers[at] = values.cast(pl.Float64).fill_null(np.nan).to_numpy()
        return Reliability(units, coders, numbers)
    matrix = np.full(shape, None)
    for unit, coder, value in zip(*at, values.to_list(), strict=True):
        is_set = value is not None and level in SET_LEVELS
        matrix[unit, coder] = frozenset(value) if is_set else value
    return Reliability(units, coders, matrix)


def is_given(matrix: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell which values of a reliability matrix are not missing."""
    if matrix.dtype == object:
        return np.not_equal(matrix, None).astype(bool)
    return ~np.isnan(matrix)


def presence(data: Coincidences) -> npt.NDArray[np.bool_] | None:
    """Tell which values mean that the code is there: 1 or more; None where they are no numbers."""
    if not all(isinstance(value, int | float) for value in data.values):
        return None
    return np.array([value >= 1 for value in data.values], dtype=bool)


def _specific(data: Coincidences, counts_in: npt.NDArray[np.bool_] | None) -> float | None:
    """Return specific agreement: of what one coder said so, the share another said so too.

    Null where nobody did, or values are not numbers. Source: Cicchetti & Feinstein 1990.
    """
    if counts_in is None:
        return None
    said = data.counts[:, counts_in].sum(axis=1)
    if not said.sum():
        return None
    return float((said * (said - 1) / (data.per_unit - 1)).sum() / said.sum())


def raw_agreement(data: Coincidences) -> float | None:
    """Return the share of pairs of values that are equal, each unit weighing by its values."""
    if not len(data.counts):
        return None
    equal = (data.counts * (data.counts - 1)).sum(axis=1) / (data.per_unit - 1)
    return float(equal.sum() / data.counts.sum())


def _prevalence(matrix: npt.NDArray[Any]) -> float | None:
    """Return the share of all values, of lone coders too, that are 1 or more."""
    if matrix.dtype == object:
        return None
    given = matrix[is_given(matrix)]
    return float((given >= 1).mean()) if len(given) else None


def _is_floor_met(
    measured: dict[str, Any], floor: float | None, interval_floor: float | None
) -> bool | None:
    """Tell whether a claim may rest on the code: the point and the interval's lower end."""
    if floor is None:
        return None
    point, low = measured["alpha"], measured["alpha_low"]
    if point is None or low is None:
        return False
    return bool(point >= floor and low > (interval_floor or 0))


def part_seed(seed: int, *names: str) -> int:
    """Give each code and part its own draws, whatever others there are."""
    words = "|".join((str(seed), *names))
    return int.from_bytes(hashlib.sha256(words.encode()).digest()[:8])


def refuse_unusable(codings: pl.DataFrame, codebook: Codebook) -> None:
    """Refuse codings that no measure can be taken of.

    Raises:
        ValueError: a coder has two values for one code of one unit, or a code is unknown.
    """
    unknown = set(codings["code"].unique().to_list()) - set(codebook.code_ids)
    if unknown:
        raise ValueError(f"{len(unknown)} codes of the codings are not in the codebook")
    repeated = int(codings.select("unit", "coder", "code").is_duplicated().sum())
    if repeated:
        raise ValueError(f"{repeated} codings share unit, coder and code: keep the latest of each")
