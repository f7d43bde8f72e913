"""Drawing units for coding, each with a chance that was fixed before the draw.

Design: stratified, without replacement, from permanent random numbers, in independent arms.

1. *One unit per cluster of duplicates*: the population is distinct posts. A cluster is
   represented by the unit that gave it its name, or where that is not in the frame by its
   earliest week, then smallest key. This depends on no seed.
2. *At most k per author* (of replies: per thread): of an author's n units, k are kept by their
   random numbers, so each stays with chance c = min(1, k/n). Authors of more than k / p units,
   where p is the least chance a unit may have, cannot be given that chance under the cap: they
   are left out, and `summarise_frame` counts them.
3. *Random arm*: its share of the wanted size is spread over the strata in proportion to the sum
   of c in them, never under one unit a stratum where the size allows that. A stratum's rate is
   f = share / sum of c; a unit for which c * f < p gets the rate p / c instead, so the sample may
   come out larger than wanted by the few units that this adds.
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
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, NamedTuple

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl

from schema.coding import FrameUnit, Unit
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


class _Arm(NamedTuple):
    """One independent draw: the columns that say a unit's group in it and its rate."""

    name: str
    group: str
    rate: str


def draw(
    frame: dy.DataFrame[FrameUnit], plan: SamplingPlan, *, now: datetime
) -> dy.DataFrame[Unit]:
    """Draw about `plan.n` units, ordered by key; an empty frame gives none.

    Raises:
        StudyInvalid: the size is too small for the frame to give every unit its least chance.
    """
    chances = inclusion_probabilities(frame, plan)
    kept = chances.filter(_is_within_cap(chances, plan))
    is_drawn = np.zeros(kept.height, dtype=bool)
    for arm in _arms(plan):
        is_drawn |= _is_drawn(kept, plan, arm).to_numpy()
    return _units(kept.filter(pl.Series(is_drawn)), plan, now=now)


def take_all(units: pl.DataFrame, plan: SamplingPlan, *, now: datetime) -> dy.DataFrame[Unit]:
    """Take every unit of a frame that has its `inclusion_probability` already."""
    return _units(_with_stratum(units, plan), plan, now=now)


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
    staged = _staged(frame, roots, on="thread_key")
    second = draw(FrameUnit.validate(staged.select(FrameUnit.column_names())), plan, now=now)
    both = pl.col("inclusion_probability") * pl.col("first")
    return Unit.validate(
        second.join(staged.select("unit_key", "first"), on="unit_key", how="left")
        .with_columns(both.alias("inclusion_probability"), (1 / both).alias("weight"))
        .select(Unit.column_names())
    )


def draw_threads(
    frame: dy.DataFrame[FrameUnit],
    roots: dy.DataFrame[Unit],
    plan: SamplingPlan,
    *,
    now: datetime,
) -> dy.DataFrame[Unit]:
    """Take the threads of the drawn roots that are in the frame; each has its root's chance."""
    staged = _staged(frame, roots, on="unit_key")
    return take_all(staged.rename({"first": "inclusion_probability"}), plan, now=now)


def _staged(frame: dy.DataFrame[FrameUnit], roots: dy.DataFrame[Unit], *, on: str) -> pl.DataFrame:
    chances = roots.select(
        pl.col("unit_key").alias(on), pl.col("inclusion_probability").alias("first")
    )
    return frame.join(chances, on=on, how="inner")


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
    chances = inclusion_probabilities(frame, plan)
    drawn = draw(frame, plan, now=now)
    own = chances.select("unit_key", "inclusion_probability")
    joint = 1 - (1 - pl.col("inclusion_probability")) * (1 - pl.col("timeline_chance"))
    population = (
        _representatives(frame)
        .join(own, on="unit_key", how="left")
        .join(timelines, on="author_pseudonym", how="left")
        .with_columns(
            pl.col("inclusion_probability", "timeline_chance").fill_null(0.0),
            pl.col("is_drawn").fill_null(value=False),
        )
        .with_columns(joint.clip(upper_bound=1.0).alias("inclusion_probability"))
    )
    is_in = pl.col("is_drawn") | pl.col("unit_key").is_in(drawn["unit_key"].implode())
    return take_all(population.filter(is_in), plan, now=now)


def inclusion_probabilities(frame: dy.DataFrame[FrameUnit], plan: SamplingPlan) -> pl.DataFrame:
    """State every drawable unit's chance, one row per cluster, without drawing.

    Columns: those of the frame, `stratum`, `author_share` (c), for each arm its group and its
    rate (`rate`, `rate_0`, …) and `inclusion_probability`.

    Raises:
        StudyInvalid: the size is too small for the frame.
    """
    units = _random_rates(_drawable(frame, plan), plan)
    missed = 1 - pl.col("rate")
    for number, arm in enumerate(_arms(plan)[1:]):
        units = _band_rates(units, plan, number, arm, missed)
        missed = missed * (1 - pl.col(arm.rate))
    return units.with_columns(
        (pl.col("author_share") * (1 - missed)).alias("inclusion_probability")
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


def _arms(plan: SamplingPlan) -> list[_Arm]:
    """List the arms: the random one, then one per word list."""
    found = (_Arm(name, f"band_{n}", f"rate_{n}") for n, name in enumerate(plan.arms))
    return [_Arm("draw", "stratum", "rate"), *found]


def _with_stratum(units: pl.DataFrame, plan: SamplingPlan) -> pl.DataFrame:
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
        for number, arm in enumerate(_arms(plan)[1:])
    ]
    return (
        _with_stratum(_representatives(frame), plan)
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
    floor = plan.minimum_probability / pl.col("author_share")
    rate = pl.max_horizontal("stratum_rate", floor).clip(upper_bound=1.0)
    return (
        units.join(rates, on="stratum", how="left", maintain_order="left")
        .with_columns(rate.alias("rate"))
        .drop("stratum_rate")
    )


def _band_rates(
    units: pl.DataFrame, plan: SamplingPlan, number: int, arm: _Arm, missed: pl.Expr
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


def _is_within_cap(units: pl.DataFrame, plan: SamplingPlan) -> pl.Series:
    numbers = pl.Series("number", _random_numbers(units["unit_key"], plan, "author"))
    return units.select(plan.cap, numbers).select(
        (pl.col("number").rank("ordinal").over(plan.cap) <= plan.per_author).alias("kept")
    )["kept"]


def _is_drawn(units: pl.DataFrame, plan: SamplingPlan, arm: _Arm) -> pl.Series:
    numbers = pl.Series("number", _random_numbers(units["unit_key"], plan, arm.name))
    by = [arm.group, arm.rate]
    ranked = units.select(*by, numbers).with_columns(
        pl.col("number").rank("ordinal").over(by).alias("rank")
    )
    groups = ranked.group_by(by).len("kept_count").sort(by)
    expected = (groups["kept_count"] * groups[arm.rate]).to_numpy()
    start = _random_number(plan, f"rounding {arm.name}".removesuffix(" draw"), 0)
    # 9 decimals: a running total that should be whole must not miss it by a rounding error
    totals = np.floor(np.round(np.cumsum(expected), 9) + start)
    counts = np.diff(totals, prepend=np.floor(start))
    limits = groups.with_columns(pl.Series("limit", counts))
    joined = ranked.join(limits, on=by, how="left", maintain_order="left")
    return joined["rank"] <= joined["limit"]


def _random_numbers(keys: pl.Series, plan: SamplingPlan, purpose: str) -> Numbers:
    return np.array([_random_number(plan, purpose, key) for key in keys], dtype=np.float64)


def _random_number(plan: SamplingPlan, purpose: str, key: int) -> float:
    """Return a number in [0, 1) with 53 random bits, the same on every machine."""
    fields = (plan.seed, plan.wave, plan.round, plan.unit_kind, purpose, key)
    digest = hashlib.sha256("|".join(map(str, fields)).encode()).digest()
    return float(int.from_bytes(digest[:8], "big") >> 11) * 2.0**-53
