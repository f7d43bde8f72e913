"""Drawing units for coding, each with a chance that was fixed before the draw.

Design: stratified, without replacement, from permanent random numbers, in independent arms.

1. *One unit per cluster of duplicates*: the population is distinct posts. A cluster is
   represented by the unit that gave it its name, or where that is not in the frame by its
   earliest week, then smallest key. This depends on no seed.
2. *At most k per author*: of an author's n units, k are kept by their random numbers, so each stays
   with chance c = min(1, k/n). Authors of more than k / p units, where p is the least chance a unit
   may have, cannot be given that chance under the cap: they are left out, and `summarise_frame`
   counts them.
3. *Random arm*: its share of the wanted size is spread over the strata in proportion to the sum
   of c in them, never under one unit a stratum where the size allows that. A stratum's rate is
   f = share / sum of c; a unit for which c * f < p gets the rate p / c instead, and a root whose
   replies ask for more (`annotation.replies`) that, so the sample may come out larger than wanted
   by the few units that this adds.
4. *Enrichment arms*, one for each word list: the rest of the size, in equal parts, each spread over
   the bands of that list: so much for posts with two phrases of it, one, none; what a band cannot
   take goes to the next. An arm is planned for what the arms before it are expected to leave.
5. *Draw*: in each arm, of the N units kept in a group (same stratum or band, same rate) the m with
   the smallest random numbers of that arm are drawn. m is N * f rounded up or down at random, by
   one random number for all groups along their running total, so that m has the mean N * f. A
   unit is in the sample if any arm draws it.

So the chance of a unit is c * (1 - (1 - f_1) (1 - f_2) ...): known from the frame alone, the same
for every seed, and at least p by the random arm. Random numbers are SHA-256 of seed, wave, round,
kind, purpose and key: the order of the frame does not matter, and a unit keeps its numbers when
the frame grows.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from annotation.inclusion import (
    Arm,
    Numbers,
    SamplingPlan,
    arms_of,
    inclusion_probabilities,
    representatives,
    with_stratum,
)
from schema.coding import FrameUnit, Unit

Flags = npt.NDArray[np.bool_]


def draw(
    frame: dy.DataFrame[FrameUnit], plan: SamplingPlan, *, now: datetime
) -> dy.DataFrame[Unit]:
    """Draw about `plan.n` units, ordered by key; an empty frame gives none.

    Raises:
        StudyInvalid: the size is too small for the frame to give every unit its least chance.
    """
    chances = inclusion_probabilities(frame, plan)
    return _units(chances.filter(pl.Series(drawn_of(chances, plan))), plan, now=now)


def drawn_of(chances: pl.DataFrame, plan: SamplingPlan) -> Flags:
    """Tell of each unit whose chance `inclusion_probabilities` stated whether the seed draws it."""
    keys = chances["unit_key"].to_list()
    authors = random_numbers(keys, plan, "author")
    is_kept = ranks(_codes(chances[plan.cap]), authors) < plan.per_author
    is_drawn = np.zeros(len(keys), dtype=bool)
    for arm in arms_of(plan):
        is_drawn |= _drawn_by(chances, plan, arm, is_kept, keys)
    return is_drawn


def drawn_at_random(frame: dy.DataFrame[FrameUnit], plan: SamplingPlan) -> pl.Series:
    """Return the units that the random arm draws, whether a word list's arm would as well.

    Agreement on these alone is agreement on the population; the others come from where a code is
    commoner.
    """
    chances = inclusion_probabilities(frame, plan)
    keys = chances["unit_key"].to_list()
    authors = random_numbers(keys, plan, "author")
    is_kept = ranks(_codes(chances[plan.cap]), authors) < plan.per_author
    is_drawn = _drawn_by(chances, plan, arms_of(plan)[0], is_kept, keys)
    return chances["unit_key"].filter(pl.Series(is_drawn))


def take_all(units: pl.DataFrame, plan: SamplingPlan, *, now: datetime) -> dy.DataFrame[Unit]:
    """Take every unit of a frame that has its `inclusion_probability` already."""
    return _units(with_stratum(units, plan), plan, now=now)


def _units(drawn: pl.DataFrame, plan: SamplingPlan, *, now: datetime) -> dy.DataFrame[Unit]:
    return Unit.validate(
        drawn.sort("unit_key").select(
            pl.lit(plan.wave).alias("wave"),
            pl.lit(plan.round).alias("round"),
            pl.lit(plan.unit_kind).cast(Unit.unit_kind.dtype).alias("unit_kind"),
            "unit_key",
            "version_key",
            "stratum",
            "inclusion_probability",
            (1 / pl.col("inclusion_probability")).alias("weight"),
            pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("drawn_at"),
        )
    )


def draw_with_timelines(
    frame: dy.DataFrame[FrameUnit],
    plan: SamplingPlan,
    timelines: pl.DataFrame,
    *,
    now: datetime,
) -> dy.DataFrame[Unit]:
    """Draw root posts, and all those of the authors whose timelines were drawn.

    `timelines` has every author of the timelines' frame: `author_pseudonym`, `timeline_chance`
    and `is_drawn`. A post of one of them may come in either way, and its chance is that of both
    together: 1 - (1 - own) (1 - timeline's).

    Raises:
        StudyInvalid: the size is too small for the frame to give every unit its least chance.
    """
    drawn = draw(frame, plan, now=now)
    is_in = pl.col("is_drawn") | pl.col("unit_key").is_in(drawn["unit_key"].implode())
    return take_all(joint_chances(frame, plan, timelines).filter(is_in), plan, now=now)


def joint_chances(
    frame: dy.DataFrame[FrameUnit], plan: SamplingPlan, timelines: pl.DataFrame
) -> pl.DataFrame:
    """State the chance that each root of the frame has by both ways in, without drawing.

    One row per cluster of duplicates, with `inclusion_probability` and `is_drawn`, by a timeline.

    Raises:
        StudyInvalid: the size is too small for the frame to give every unit its least chance.
    """
    own = inclusion_probabilities(frame, plan).select("unit_key", "inclusion_probability")
    joint = 1 - (1 - pl.col("inclusion_probability")) * (1 - pl.col("timeline_chance"))
    return (
        representatives(frame)
        .join(own, on="unit_key", how="left")
        .join(timelines, on="author_pseudonym", how="left")
        .with_columns(
            pl.col("inclusion_probability", "timeline_chance").fill_null(0.0),
            pl.col("is_drawn").fill_null(value=False),
        )
        .with_columns(joint.clip(upper_bound=1.0).alias("inclusion_probability"))
    )


def _drawn_by(
    chances: pl.DataFrame, plan: SamplingPlan, arm: Arm, is_kept: Flags, keys: Sequence[int]
) -> Flags:
    """Tell which of the kept units one arm draws: the first so many of each group."""
    rates = chances[arm.rate].to_numpy()
    named = pl.concat_str(pl.col(arm.group, arm.rate).cast(pl.String), separator="|")
    groups = _codes(chances.select(named.alias("group"))["group"])
    _, first = np.unique(groups, return_index=True)
    expected = np.bincount(groups[is_kept], minlength=len(first)) * rates[first]
    start = random_number(plan, f"rounding {arm.name}", 0)
    # 9 decimals: a running total that should be whole must not miss it by a rounding error
    totals = np.floor(np.round(np.cumsum(expected), 9) + start)
    limits = np.diff(totals, prepend=np.floor(start))
    numbers = random_numbers(keys, plan, arm.name)
    numbers[~is_kept] = 2.0  # behind every number
    found: Flags = is_kept & (ranks(groups, numbers) < limits[groups])
    return found


def _codes(values: pl.Series) -> npt.NDArray[np.int64]:
    """Number groups from 0, in their order."""
    codes = values.cast(pl.String).fill_null("").rank("dense").to_numpy() - 1
    return codes.astype(np.int64)


def ranks(groups: npt.NDArray[np.int64], numbers: Numbers) -> npt.NDArray[np.int64]:
    """Rank each number within its group, from 0."""
    order = np.lexsort((numbers, groups))
    _, starts, counts = np.unique(groups[order], return_index=True, return_counts=True)
    ranks = np.empty(len(groups), dtype=np.int64)
    ranks[order] = np.arange(len(groups)) - np.repeat(starts, counts)
    return ranks


def random_numbers(keys: Sequence[int], plan: SamplingPlan, purpose: str) -> Numbers:
    """Return a random number in [0, 1) for each key, of one purpose."""
    return np.array([random_number(plan, purpose, key) for key in keys], dtype=np.float64)


def random_number(plan: SamplingPlan, purpose: str, key: int) -> float:
    """Return a number in [0, 1) with 53 random bits, the same on every machine."""
    fields = (plan.seed, plan.wave, plan.round, plan.unit_kind, purpose, key)
    digest = hashlib.sha256("|".join(map(str, fields)).encode()).digest()
    return float(int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53
