"""Agreement taken apart: arms of the sample, pairs of coders, weeks, repeats, whole sets of codes.

A figure over a whole round hides an enriched sample that flatters it, two coders who agree and a
third who does not, and a meaning that drifts. Here each is a row of its own.
"""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from itertools import combinations
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from annotation.agreement import (
    DRAWS,
    MEASURE_SCHEMA,
    Reliability,
    measure,
    measure_matrix,
    part_seed,
    refuse_unusable,
    spread,
)
from annotation.alpha import SET_LEVELS, AlphaLevel
from schema.codebook import ANY_CODE, Codebook

PartKind = Literal["arm", "coders", "week", "repeats", "sentinels", "drift", "codes"]
PARTS_SCHEMA: Final[dict[str, type[pl.DataType]]] = {
    "code_id": pl.String,
    "part_kind": pl.String,
    "part": pl.String,
    **MEASURE_SCHEMA,
    "standard_errors": pl.Float64,
    "is_drifting": pl.Boolean,
}
DRIFT_ERRORS: Final = 2.0  # protocol, section 5
WEEK: Final = timedelta(weeks=1)
DRIFT_UNITS: Final = 20  # under these a share has no standard error worth the name
A_RATE: Final = "a coder's own share: no agreement"
FEW_UNITS: Final = f"fewer than {DRIFT_UNITS} units"
ALL_OR_NONE: Final = "the team gave it to all units or to none"
Row = dict[str, Any]


def agreement_parts(
    codings: pl.DataFrame,
    codebook: Codebook,
    *,
    repeats: pl.DataFrame,
    seed: int,
    sentinels: Collection[str] = frozenset(),
    draws: int = DRAWS,
) -> pl.DataFrame:
    """Measure each code part by part; rows in the codebook's order, then by kind and part.

    `codings`: `unit`, `unit_kind`, `coder`, `code`, `value`, `arm` of the sample (random or
    enriched) and `week`, the Monday of the day it was coded. `repeats`: what the same coder said
    of the same unit another time: `unit`, `coder`, `code`, `take`, `value`. `sentinels` are the
    units that went to everybody.

    Kinds: `arm`; `coders`, a pair of them; `week`, of a unit's first coding; `repeats`, of one
    coder with herself; `sentinels`, of one coder in one week with what the others agree on of the
    sentinels she coded then, drifting where it is below the code's floor two weeks running;
    `drift`, one coder's share of positives in one week beside the team's, in the random arm;
    `codes`, all codes of one unit kind as a set, under the code `*`.

    Raises:
        ValueError: a coder has two values for one code of one unit, or a code is unknown.
    """
    refuse_unusable(codings, codebook)
    rows: list[Row] = []
    for code in codebook.codes:
        mine = codings.filter(pl.col("code") == code.id)
        level = codebook.level(code.id)
        parts = [
            *(_matrix_parts(mine, level) if not mine.is_empty() else ()),
            *_repeat_parts(repeats.filter(pl.col("code") == code.id), level),
        ]
        for kind, part, matrix in parts:
            measured = measure_matrix(
                matrix, level, seed=part_seed(seed, code.id, kind, part), draws=draws
            )
            rows.append({"code_id": code.id, "part_kind": kind, "part": part, **measured})
        watched = mine.filter(pl.col("unit").is_in(list(sentinels)))
        rows += _sentinels(watched, codebook, code.id, seed=seed, draws=draws)
        rows += [{"code_id": code.id, "level": level, **row} for row in _drift(mine)]
    rows += _sets(codings, seed=seed, draws=draws)
    return pl.DataFrame(rows, schema=PARTS_SCHEMA)


Part = tuple[PartKind, str, npt.NDArray[Any]]


def _matrix_parts(codings: pl.DataFrame, level: AlphaLevel) -> Iterator[Part]:
    values = spread(codings, level)
    units = codings.group_by("unit").agg(pl.col("arm").first(), pl.col("week").min()).sort("unit")
    for kind in ("arm", "week"):
        for part in units[kind].unique().sort():
            chosen = (units[kind] == part).to_numpy()
            yield kind, str(part), values.values[chosen]
    for one, other in combinations(range(len(values.coders)), 2):
        yield "coders", _pair(values, one, other), values.values[:, [one, other]]


def _pair(values: Reliability, one: int, other: int) -> str:
    return f"{values.coders[one]} x {values.coders[other]}"


def _repeat_parts(repeats: pl.DataFrame, level: AlphaLevel) -> Iterator[Part]:
    for coder in repeats["coder"].unique().sort():
        takes = repeats.filter(pl.col("coder") == coder).select("unit", "value", coder="take")
        yield "repeats", str(coder), spread(takes, level).values


def _sentinels(
    codings: pl.DataFrame, codebook: Codebook, code_id: str, *, seed: int, draws: int
) -> Iterator[Row]:
    """Hold each coder, week by week, against the others on the sentinels coded in it."""
    level, floor = codebook.level(code_id), codebook.floor(code_id)
    for coder in codings["coder"].unique().sort():
        mine = codings.filter((pl.col("coder") == coder) & pl.col("value").is_not_null())
        others = _settled(codings.filter(pl.col("coder") != coder))
        low_before: date | None = None
        for week in mine["week"].unique().sort():
            one = mine.filter(pl.col("week") == week).select("unit", "value", coder=pl.lit("one"))
            both = pl.concat([one, others.join(one, on="unit", how="semi")])
            part = f"{coder} {week}"
            measured = measure_matrix(
                spread(both, level).values,
                level,
                seed=part_seed(seed, code_id, "sentinels", part),
                draws=draws,
            )
            alpha = measured["alpha"]
            is_low = alpha is not None and floor is not None and alpha < floor
            is_drifting = is_low and low_before == week - WEEK
            low_before = week if is_low else None
            row = {"code_id": code_id, "part_kind": "sentinels", "part": part, **measured}
            yield row | {"is_drifting": is_drifting}


def _settled(codings: pl.DataFrame) -> pl.DataFrame:
    """Return what more than half of these coders say of each unit; none where they are split."""
    votes = codings.drop_nulls("value").group_by("unit", "value").len("votes")
    return (
        votes.filter(2 * pl.col("votes") > pl.col("votes").sum().over("unit"))
        .sort("unit")
        .select("unit", "value", coder=pl.lit("others"))
    )


def _drift(codings: pl.DataFrame) -> Iterator[Row]:
    """Hold each coder's share of positives, week by week, against the team's whole share."""
    random = codings.filter((pl.col("arm") == "random") & pl.col("value").is_not_null())
    if random.is_empty():
        return
    is_positive = pl.col("value") >= 1
    team = float(random.select(is_positive.mean()).item())
    weeks = (
        random.group_by("coder", "week")
        .agg(pl.len().alias("n_units"), is_positive.mean().alias("prevalence"))
        .sort("coder", "week")
    )
    for coder, week, n_units, prevalence in weeks.iter_rows():
        yield _drift_row(coder, week, n_units, prevalence, team)


def _drift_row(coder: str, week: date, n_units: int, prevalence: float, team: float) -> Row:
    row = {"part_kind": "drift", "part": f"{coder} {week}", "n_units": n_units, "n_coders": 1}
    row |= {"prevalence": prevalence}
    if not 0 < team < 1:
        return row | {"reason": ALL_OR_NONE}
    if n_units < DRIFT_UNITS:
        return row | {"reason": FEW_UNITS}
    errors = (prevalence - team) / float(np.sqrt(team * (1 - team) / n_units))
    is_drifting = abs(errors) > DRIFT_ERRORS
    return row | {"standard_errors": errors, "is_drifting": is_drifting, "reason": A_RATE}


def _sets(codings: pl.DataFrame, *, seed: int, draws: int) -> Iterator[Row]:
    """Take all codes that a coder gave a unit as one set; an empty one is a value too."""
    given = pl.col("code").filter(pl.col("value") >= 1).sort()
    for kind in codings["unit_kind"].unique().sort():
        mine = codings.filter(pl.col("unit_kind") == kind)
        sets = mine.group_by("unit", "coder").agg(given.alias("value"))
        for level in SET_LEVELS:
            draw_seed = part_seed(seed, ANY_CODE, str(kind), level)
            measured = measure(sets, level, seed=draw_seed, draws=draws)
            yield {"code_id": ANY_CODE, "part_kind": "codes", "part": str(kind), **measured}
