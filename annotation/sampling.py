"""Drawing units for coding, each with a chance that was fixed before the draw.

Design: stratified, without replacement, from permanent random numbers.

1. *One unit per cluster of duplicates*: the population is distinct posts. A cluster is
   represented by the unit that gave it its name, or where that is not in the frame by its
   earliest week, then smallest key. This depends on no seed.
2. *At most k per author*: of an author's n units, k are kept by their random numbers, so each
   stays with chance c = min(1, k/n). Authors of more than k / p units, where p is the least
   chance a unit may have, cannot be given that chance under the cap: they are left out, and
   `summarise_frame` counts them.
3. *Allocation*: the wanted size is shared among strata (platform and week) in proportion to
   the sum of c in them, never under one unit a stratum where the size allows that. A stratum's
   rate is f = share / sum of c; a unit for which c * f < p gets the rate p / c instead, so the
   sample may come out larger than wanted by the few units that this adds.
4. *Draw*: of the N units kept in a group (same stratum, same rate) the m with the smallest
   random numbers are drawn. m is N * f rounded up or down at random, by one random number for
   all groups along their running total, so that m has the mean N * f and the whole sample is
   within one unit of the sum of all N * f.

So the chance of a unit is c * f: known from the frame alone, the same for every seed, and at
least p. Random numbers are SHA-256 of seed, wave, round, kind, purpose and key: the order of
the frame does not matter, and a unit keeps its numbers when the frame grows.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from schema.coding import FrameUnit, Unit
from schema.errors import StudyInvalid
from schema.vocabulary import UnitKind

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """What to draw: how many units, with which seed, under which limits."""

    n: int
    seed: int
    per_author: int
    minimum_probability: float
    wave: str
    round: str
    unit_kind: UnitKind

    def __post_init__(self) -> None:
        """Refuse a plan no draw can keep.

        Raises:
            StudyInvalid: a negative size, a cap under one or a probability outside (0, 1].
        """
        if self.n < 0 or self.per_author < 1 or not 0 < self.minimum_probability <= 1:
            raise StudyInvalid(
                "sampling: sizes must not be negative, per_author at least 1 and "
                "minimum_probability above 0 and at most 1"
            )


@dataclass(frozen=True, slots=True)
class FrameSummary:
    """What became of a frame's units before the draw."""

    units_count: int
    distinct_count: int
    prolific_authors_count: int
    prolific_units_count: int
    strata_count: int


def draw(
    frame: dy.DataFrame[FrameUnit], plan: SamplingPlan, *, now: datetime
) -> dy.DataFrame[Unit]:
    """Draw about `plan.n` units, ordered by key; an empty frame gives none.

    Raises:
        StudyInvalid: the size is too small for the frame to give every unit its least chance.
    """
    chances = inclusion_probabilities(frame, plan)
    kept = chances.filter(_is_within_cap(chances, plan))
    drawn = kept.filter(_is_drawn(kept, plan)).sort("unit_key")
    return Unit.validate(
        drawn.select(
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


def draw_within(
    frame: dy.DataFrame[FrameUnit],
    roots: dy.DataFrame[Unit],
    plan: SamplingPlan,
    *,
    now: datetime,
) -> dy.DataFrame[Unit]:
    """Draw replies from the threads of drawn roots: two stages, one stated chance.

    A reply's chance is its root's times its own among the replies of the drawn roots; the
    least chance of the plan holds at each stage. Only so does a thread come with both its
    root and its replies coded, which is what claims about threads ask for.

    Raises:
        StudyInvalid: the size is too small for the frame to give every unit its least chance.
    """
    chances = roots.select(
        pl.col("unit_key").alias("thread_key"), pl.col("inclusion_probability").alias("first")
    )
    staged = frame.join(chances, on="thread_key", how="inner")
    second = draw(FrameUnit.validate(staged.select(FrameUnit.column_names())), plan, now=now)
    both = pl.col("inclusion_probability") * pl.col("first")
    return Unit.validate(
        second.join(staged.select("unit_key", "first"), on="unit_key", how="left")
        .with_columns(both.alias("inclusion_probability"), (1 / both).alias("weight"))
        .select(Unit.column_names())
    )


def inclusion_probabilities(frame: dy.DataFrame[FrameUnit], plan: SamplingPlan) -> pl.DataFrame:
    """State every drawable unit's chance, one row per cluster, without drawing.

    Columns: those of the frame, `stratum`, `author_share` (c), `rate` (f) and
    `inclusion_probability` (c * f).

    Raises:
        StudyInvalid: the size is too small for the frame.
    """
    units = _drawable(frame, plan)
    expected = float(units["author_share"].sum())
    if plan.n < expected * plan.minimum_probability:
        raise StudyInvalid(
            f"sampling: {plan.n} {plan.unit_kind} units from a frame of {units.height} leave a "
            f"chance under minimum_probability = {plan.minimum_probability}: draw at least "
            f"{int(np.ceil(expected * plan.minimum_probability))}, narrow the frame, or lower it"
        )
    strata = units.group_by("stratum").agg(pl.col("author_share").sum().alias("size"))
    sizes = strata.sort("stratum")["size"].to_numpy()
    rates = strata.sort("stratum").select(
        "stratum", pl.Series("stratum_rate", allocate(sizes, plan.n) / np.maximum(sizes, 1e-300))
    )
    floor = plan.minimum_probability / pl.col("author_share")
    rate = pl.max_horizontal("stratum_rate", floor).clip(upper_bound=1.0)
    return (
        units.join(rates, on="stratum", how="left", maintain_order="left")
        .with_columns(rate.alias("rate"))
        .with_columns((pl.col("author_share") * pl.col("rate")).alias("inclusion_probability"))
        .drop("stratum_rate")
    )


def summarise_frame(frame: dy.DataFrame[FrameUnit], plan: SamplingPlan) -> FrameSummary:
    """Count a frame's units, distinct posts, strata, and what authors of too many units hold."""
    distinct = _representatives(frame)
    drawable = _drawable(frame, plan)
    prolific = distinct.join(drawable, on="unit_key", how="anti")
    return FrameSummary(
        units_count=frame.height,
        distinct_count=distinct.height,
        prolific_authors_count=prolific["author_pseudonym"].n_unique(),
        prolific_units_count=prolific.height,
        strata_count=drawable["stratum"].n_unique(),
    )


def allocate(sizes: Numbers, wanted: float) -> Numbers:
    """Share `wanted` among strata in proportion to `sizes`; the sum is min(wanted, all).

    No share exceeds its stratum. Where `wanted` allows it none is under one unit, or under
    the stratum's own size where that is smaller.
    """
    if wanted >= sizes.sum():
        return sizes.copy()
    least = np.minimum(sizes, 1.0)
    if least.sum() > wanted:
        least = np.zeros_like(sizes)
    low, high = 0.0, 1.0
    for _ in range(100):  # halving: the sum of shares grows with the common rate
        rate = (low + high) / 2
        if np.clip(rate * sizes, least, sizes).sum() > wanted:
            high = rate
        else:
            low = rate
    return np.clip(low * sizes, least, sizes)


def _representatives(frame: dy.DataFrame[FrameUnit]) -> pl.DataFrame:
    is_other = pl.col("unit_key") != pl.col("cluster_key")
    return (
        frame.sort("cluster_key", is_other, "week", "unit_key")
        .unique("cluster_key", keep="first", maintain_order=True)
        .sort("unit_key")
    )


def _drawable(frame: dy.DataFrame[FrameUnit], plan: SamplingPlan) -> pl.DataFrame:
    """Add stratum and author's share to the representatives; drop authors of too many."""
    share = (plan.per_author / pl.len().over("author_pseudonym")).clip(upper_bound=1.0)
    stratum = pl.concat_str(pl.col("platform").cast(pl.String), pl.col("week"), separator="|")
    return (
        _representatives(frame)
        .with_columns(share.alias("author_share"), stratum.alias("stratum"))
        .filter(pl.col("author_share") >= plan.minimum_probability)
    )


def _is_within_cap(units: pl.DataFrame, plan: SamplingPlan) -> pl.Series:
    numbers = pl.Series("number", _random_numbers(units["unit_key"], plan, "author"))
    rank = numbers.to_frame().select(
        pl.col("number").rank("ordinal").over(units["author_pseudonym"]).alias("rank")
    )["rank"]
    return rank <= plan.per_author


def _is_drawn(units: pl.DataFrame, plan: SamplingPlan) -> pl.Series:
    numbers = pl.Series("number", _random_numbers(units["unit_key"], plan, "draw"))
    ranked = units.select("stratum", "rate", numbers).with_columns(
        pl.col("number").rank("ordinal").over("stratum", "rate").alias("rank")
    )
    groups = ranked.group_by("stratum", "rate").len("kept_count").sort("stratum", "rate")
    expected = (groups["kept_count"] * groups["rate"]).to_numpy()
    start = _random_number(plan, "rounding", 0)
    # 9 decimals: a running total that should be whole must not miss it by a rounding error
    totals = np.floor(np.round(np.cumsum(expected), 9) + start)
    counts = np.diff(totals, prepend=np.floor(start))
    limits = groups.with_columns(pl.Series("limit", counts))
    joined = ranked.join(limits, on=["stratum", "rate"], how="left", maintain_order="left")
    return joined["rank"] <= joined["limit"]


def _random_numbers(keys: pl.Series, plan: SamplingPlan, purpose: str) -> Numbers:
    return np.array([_random_number(plan, purpose, key) for key in keys], dtype=np.float64)


def _random_number(plan: SamplingPlan, purpose: str, key: int) -> float:
    """Return a number in [0, 1) with 53 random bits, the same on every machine."""
    fields = (plan.seed, plan.wave, plan.round, plan.unit_kind, purpose, key)
    digest = hashlib.sha256("|".join(map(str, fields)).encode()).digest()
    return float(int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53
