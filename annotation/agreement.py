"""Agreement of coders, code by code: alpha with its interval, prevalence, agreement on presence.

What coders disagree on is measured as it was coded, before adjudication. A unit counts where two
coders or more gave a value; the number of coders may differ from unit to unit.
"""

import hashlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from annotation.alpha import (
    SET_LEVELS,
    Alpha,
    AlphaLevel,
    Coincidences,
    alpha,
    alpha_interval,
    coincidences,
)
from schema.codebook import Codebook

DRAWS: Final = 1000
AGREEMENT_SCHEMA: Final[dict[str, type[pl.DataType]]] = {
    "code_id": pl.String,
    "level": pl.String,
    "alpha": pl.Float64,
    "alpha_low": pl.Float64,
    "alpha_high": pl.Float64,
    "n_units": pl.Int64,
    "n_coders": pl.Int64,
    "prevalence": pl.Float64,
    "positive_agreement": pl.Float64,
    "raw_agreement": pl.Float64,
    "floor": pl.Float64,
    "is_floor_met": pl.Boolean,
    "reason": pl.String,
}


def agreement(
    codings: pl.DataFrame, codebook: Codebook, *, seed: int, draws: int = DRAWS
) -> pl.DataFrame:
    """Measure each code that has codings; one row per code, in the codebook's order.

    `codings` holds one row per `unit`, `coder` and `code` with the `value`. Shares run 0-1.
    `is_floor_met` is null for a code without a floor. Row order does not matter.

    Raises:
        ValueError: a coder has two values for one code of one unit, or a code is unknown.
    """
    _refuse_unusable(codings, codebook)
    rows = []
    for code in codebook.codes:
        mine = codings.filter(pl.col("code") == code.id)
        if mine.is_empty():
            continue
        level = codebook.level(code.id)
        measured = measure(mine, level, seed=_code_seed(seed, code.id), draws=draws)
        floor, interval_floor = codebook.floor(code.id), codebook.interval_floor(code.id)
        is_met = _is_floor_met(measured, floor, interval_floor)
        rows.append({"code_id": code.id, **measured, "floor": floor, "is_floor_met": is_met})
    return pl.DataFrame(rows, schema=AGREEMENT_SCHEMA)


def measure(
    codings: pl.DataFrame, level: AlphaLevel, *, seed: int, draws: int = DRAWS
) -> dict[str, Any]:
    """Measure one variable: `unit`, `coder`, `value` in, the table's columns out.

    At the set levels a value is a list; presence (prevalence, positive agreement) is then null,
    as it is where values are not numbers.
    """
    matrix = reliability_matrix(codings, level)
    data = coincidences(matrix)
    estimate = alpha(matrix, level)
    interval = alpha_interval(matrix, level, seed=seed, draws=draws)
    return {
        "level": level,
        "alpha": estimate.value,
        "alpha_low": interval.low,
        "alpha_high": interval.high,
        "n_units": len(data.counts),
        "n_coders": codings["coder"].n_unique(),
        "prevalence": _prevalence(codings["value"]),
        "positive_agreement": positive_agreement(data),
        "raw_agreement": raw_agreement(data),
        "reason": _reason(estimate, interval.reason),
    }


def reliability_matrix(codings: pl.DataFrame, level: AlphaLevel) -> npt.NDArray[Any]:
    """Spread `unit`, `coder`, `value` into units by coders; missing is None."""
    units = codings["unit"].rank("dense").to_list()  # from 1
    coders = codings["coder"].rank("dense").to_list()
    matrix = np.full((max(units, default=0), max(coders, default=0)), None)
    values = codings["value"].to_list()
    if level in SET_LEVELS:
        values = [None if value is None else frozenset(value) for value in values]
    for unit, coder, value in zip(units, coders, values, strict=True):
        matrix[unit - 1, coder - 1] = value
    return matrix


def positive_agreement(data: Coincidences) -> float | None:
    """Return specific positive agreement: of what one coder saw, the share another saw too.

    Present is a value of 1 or more. Null where nobody saw it or values are not numbers.
    """
    if not all(isinstance(value, int | float) for value in data.values):
        return None
    present = np.array([value >= 1 for value in data.values], dtype=bool)
    seen = data.counts[:, present].sum(axis=1)
    if not seen.sum():
        return None
    others = data.counts.sum(axis=1) - 1
    return float((seen * (seen - 1) / others).sum() / seen.sum())


def raw_agreement(data: Coincidences) -> float | None:
    """Return the share of pairs of values that are equal, each unit weighing by its values."""
    if not len(data.counts):
        return None
    equal = np.trace(data.pairs.sum(axis=0))
    return float(equal / data.counts.sum())


def _prevalence(values: pl.Series) -> float | None:
    if not values.dtype.is_numeric():
        return None
    given = values.drop_nulls()
    return None if given.is_empty() else float((given >= 1).sum()) / len(given)


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


def _reason(estimate: Alpha, interval_reason: str | None) -> str | None:
    if estimate.reason is not None:
        return estimate.reason
    return None if interval_reason is None else f"no interval: {interval_reason}"


def _code_seed(seed: int, code_id: str) -> int:
    """Give each code its own draws, whatever other codes the table holds."""
    return int.from_bytes(hashlib.sha256(f"{seed}|{code_id}".encode()).digest()[:8])


def _refuse_unusable(codings: pl.DataFrame, codebook: Codebook) -> None:
    unknown = set(codings["code"].unique().to_list()) - set(codebook.code_ids)
    if unknown:
        raise ValueError(f"{len(unknown)} codes of the codings are not in the codebook")
    repeated = int(codings.select("unit", "coder", "code").is_duplicated().sum())
    if repeated:
        raise ValueError(f"{repeated} codings share unit, coder and code: keep the latest of each")
