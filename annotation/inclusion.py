"""Chances: what each unit of a frame has of being drawn, known from the frame and the plan alone.

The design is told in `annotation.sampling`, which draws by these chances.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from schema.coding import FrameUnit
from schema.errors import StudyInvalid
from schema.vocabulary import UnitKind

Numbers = npt.NDArray[np.float64]
Stratum = Literal["platform", "community_kind", "week", "four_weeks", "volume"]
BAND_SHARES = {"2": 0.6, "1": 0.3, "0": 0.1}  # of an enrichment arm's units, by phrases found
_MONDAY = date(1970, 1, 5)


@dataclass(frozen=True, slots=True)
class SamplingPlan:
    """What to draw: how many units, with which seed, under which limits.

    `lists` names the word lists, one digit each of the frame's `bands`; with none, or with a
    `random_share` of 1, there is the random arm alone. `cap` is whose units `per_author` limits.
    """

    n: int
    seed: int
    per_author: int
    minimum_probability: float
    wave: str
    round: str
    unit_kind: UnitKind
    strata: tuple[Stratum, ...] = ("platform", "week")
    random_share: float = 1.0
    lists: tuple[str, ...] = ()
    cap: Literal["author_pseudonym", "thread_key", "unit_key"] = "author_pseudonym"

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

    @property
    def arms(self) -> tuple[str, ...]:
        """The word lists that have an arm."""
        return self.lists if self.random_share < 1 else ()

    @property
    def random_size(self) -> float:
        """Units of the random arm."""
        return self.n * self.random_share if self.arms else float(self.n)


@dataclass(frozen=True, slots=True)
class FrameSummary:
    """What became of a frame's units before the draw."""

    units_count: int
    distinct_count: int
    prolific_authors_count: int
    prolific_units_count: int
    strata_count: int


class Arm(NamedTuple):
    """One independent draw: the columns that say a unit's group in it and its rate."""

    name: str
    group: str
    rate: str


def inclusion_probabilities(frame: dy.DataFrame[FrameUnit], plan: SamplingPlan) -> pl.DataFrame:
    """State every drawable unit's chance, one row per cluster, without drawing.

    Columns: those of the frame, `stratum`, `author_share` (c), for each arm its group and its
    rate (`rate`, `rate_0`, …) and `inclusion_probability`.

    Raises:
        StudyInvalid: the size is too small for the frame.
    """
    units = _random_rates(_drawable(frame, plan), plan)
    missed = 1 - pl.col("rate")
    for number, arm in enumerate(arms_of(plan)[1:]):
        units = _band_rates(units, plan, number, arm, missed)
        missed = missed * (1 - pl.col(arm.rate))
    return units.with_columns(
        (pl.col("author_share") * (1 - missed)).alias("inclusion_probability")
    )


def summarise_frame(frame: dy.DataFrame[FrameUnit], plan: SamplingPlan) -> FrameSummary:
    """Count a frame's units, distinct posts, strata, and what authors of too many units hold."""
    distinct = representatives(frame)
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


def representatives(frame: dy.DataFrame[FrameUnit]) -> pl.DataFrame:
    """Keep one unit of each cluster of duplicates, whatever the seed, ordered by key."""
    is_other = pl.col("unit_key") != pl.col("cluster_key")
    return (
        frame.sort("cluster_key", is_other, "week", "unit_key")
        .unique("cluster_key", keep="first", maintain_order=True)
        .sort("unit_key")
    )


def arms_of(plan: SamplingPlan) -> list[Arm]:
    """List the arms: the random one, then one per word list."""
    found = (Arm(name, f"band_{n}", f"rate_{n}") for n, name in enumerate(plan.arms))
    return [Arm("draw", "stratum", "rate"), *found]


def with_stratum(units: pl.DataFrame, plan: SamplingPlan) -> pl.DataFrame:
    """Add the stratum: the plan's variables, a bar between."""
    days = (pl.col("week") - pl.lit(_MONDAY)).dt.total_days()
    four_weeks = pl.lit(_MONDAY) + pl.duration(days=days // 28 * 28)
    parts = {"four_weeks": four_weeks.cast(pl.Date).cast(pl.String)}
    named = [parts.get(name, pl.col(name).cast(pl.String)) for name in plan.strata]
    together = pl.concat_str(named, separator="|") if named else pl.lit("all")
    return units.with_columns(together.alias("stratum"))


def _drawable(frame: dy.DataFrame[FrameUnit], plan: SamplingPlan) -> pl.DataFrame:
    """Add stratum, bands and author's share to the representatives; drop authors of too many."""
    share = (plan.per_author / pl.len().over(plan.cap)).clip(upper_bound=1.0)
    bands = [
        pl.col("bands").str.slice(number, 1).alias(arm.group)
        for number, arm in enumerate(arms_of(plan)[1:])
    ]
    return (
        with_stratum(representatives(frame), plan)
        .with_columns(share.alias("author_share"), *bands)
        .filter(pl.col("author_share") >= plan.minimum_probability)
    )


def _random_rates(units: pl.DataFrame, plan: SamplingPlan) -> pl.DataFrame:
    """Add the random arm's rate, at least what gives a unit its least chance."""
    expected = float(units["author_share"].sum())
    if plan.random_size < expected * plan.minimum_probability:
        least = expected * plan.minimum_probability / (plan.random_share if plan.arms else 1)
        raise StudyInvalid(
            f"sampling: {plan.n} {plan.unit_kind} units from a frame of {units.height} leave a "
            f"chance under minimum_probability = {plan.minimum_probability}: draw at least "
            f"{int(np.ceil(least))}, narrow the frame, or lower it"
        )
    strata = units.group_by("stratum").agg(pl.col("author_share").sum().alias("size"))
    sizes = strata.sort("stratum")["size"].to_numpy()
    shares = allocate(sizes, plan.random_size) / np.maximum(sizes, 1e-300)
    rates = strata.sort("stratum").select("stratum", pl.Series("stratum_rate", shares))
    asked = pl.max_horizontal(pl.lit(plan.minimum_probability), "least_probability")
    floor = asked / pl.col("author_share")
    rate = pl.max_horizontal("stratum_rate", floor).clip(upper_bound=1.0)
    return (
        units.join(rates, on="stratum", how="left", maintain_order="left")
        .with_columns(rate.alias("rate"))
        .drop("stratum_rate")
    )


def _band_rates(
    units: pl.DataFrame, plan: SamplingPlan, number: int, arm: Arm, missed: pl.Expr
) -> pl.DataFrame:
    """Add one enrichment arm's rate: by bands, planned for what the arms before it leave."""
    left = (pl.col("author_share") * missed).sum()
    sizes = dict(units.group_by(arm.group).agg(left.alias("left")).iter_rows())
    wanted = (plan.n - plan.random_size) / len(plan.lists)
    rates, owed = {}, 0.0
    for band, share in BAND_SHARES.items():
        size = sizes.get(band, 0.0)
        taken = min(wanted * share + owed, size)
        owed += wanted * share - taken
        rates[band] = min(taken / size, 1.0) if size > 0 else 0.0
    rate = pl.col(arm.group).replace_strict(rates, default=0.0, return_dtype=pl.Float64)
    return units.with_columns(rate.alias(arm.rate))
