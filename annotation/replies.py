"""Replies of drawn roots: two stages, one chance, stated before anything is drawn.

Design: a thread is drawn with its root, and of its M replies, duplicates apart, so many are drawn
by their random numbers that each stays with the chance f; a reply's chance is its root's times f.

1. *At least three of a thread, at most twenty*: f lies between min(1, 3/M) and min(1, 20/M). A
   thread of which fewer are shown has no pattern.
2. *The least chance*: f is at least p / (its root's chance). Where a thread is too long for that
   under the cap, its root's chance is raised to p M / 20 before roots are drawn. What cannot have
   p even so, threads of more than 20 / p replies and those of authors of too many roots, is left
   out.
3. *One rate* f for all threads, as far as 1 and 2 let it be, so that the expected size over all
   roots of the frame is what is wanted, or what they ask for, if that is more.

All of this follows from the frames of roots and replies and from the plans, the same for every
seed. M f is rounded up or down by one random number of the thread.
"""

from datetime import datetime
from typing import Final

import dataframely as dy
import numpy as np
import polars as pl

from annotation.inclusion import SamplingPlan, representatives, with_stratum
from annotation.sampling import random_number, random_numbers, ranks, take_all
from schema.coding import FrameUnit, Unit
from schema.errors import StudyInvalid

LEAST_REPLIES: Final = 3


def with_least_chances(
    roots: dy.DataFrame[FrameUnit], replies: dy.DataFrame[FrameUnit], plan: SamplingPlan
) -> dy.DataFrame[FrameUnit]:
    """Say of each root what chance its replies ask of it, under the replies' plan."""
    needed = plan.minimum_probability * pl.len() / plan.per_author
    asked = (
        representatives(replies)
        .group_by("thread_key")
        .agg(pl.when(needed <= 1).then(needed).otherwise(0.0).alias("asked"))
        .filter(pl.col("thread_key").is_not_null() & (pl.col("asked") > plan.minimum_probability))
    )
    found = roots.drop("least_probability").join(
        asked, left_on="unit_key", right_on="thread_key", how="left", maintain_order="left"
    )
    least = pl.col("asked").fill_null(0.0).alias("least_probability")
    return FrameUnit.validate(found.with_columns(least).select(FrameUnit.column_names()))


def reply_chances(
    replies: dy.DataFrame[FrameUnit], roots: pl.DataFrame, plan: SamplingPlan
) -> pl.DataFrame:
    """State every drawable reply's chance, one row per cluster of duplicates, without drawing.

    `roots` has the frame's roots, `unit_key` and `inclusion_probability`. Columns: those of the
    frame, `stratum`, `first` (its root's chance), `rate` (f) and `inclusion_probability`.

    Raises:
        StudyInvalid: the size is too small for the frame.
    """
    first = roots.select(thread_key="unit_key", first="inclusion_probability")
    size, least = pl.len().over("thread_key"), plan.minimum_probability
    units = (
        with_stratum(representatives(replies), plan)
        .join(first, on="thread_key", how="inner", maintain_order="left")
        .with_columns(
            high=(plan.per_author / size).clip(upper_bound=1.0),
            low=pl.max_horizontal(
                (LEAST_REPLIES / size).clip(upper_bound=1.0), least / pl.col("first")
            ),
        )
        # 1e-9: a root whose chance was raised for this must not miss it by a rounding error
        .filter(pl.col("low") <= pl.col("high") + 1e-9)
        .with_columns(low=pl.min_horizontal("low", "high"))
    )
    if plan.n < units.height * least:
        raise StudyInvalid(
            f"sampling: {plan.n} reply units from a frame of {units.height} leave a chance under "
            f"minimum_probability = {least}: draw at least {int(np.ceil(units.height * least))}, "
            "narrow the frame, or lower it"
        )
    rate = pl.lit(_rate(units, plan.n)).clip(pl.col("low"), pl.col("high"))
    return (
        units.with_columns(rate.alias("rate"))
        .with_columns(inclusion_probability=pl.col("first") * pl.col("rate"))
        .drop("low", "high")
    )


def draw_replies(
    chances: pl.DataFrame,
    roots: dy.DataFrame[Unit],
    plan: SamplingPlan,
    *,
    now: datetime,
) -> dy.DataFrame[Unit]:
    """Draw replies from the threads of drawn roots, by the chances that were stated for them.

    Only so does a thread come with both its root and its replies coded, which is what claims about
    threads ask for.
    """
    staged = chances.join(roots.select(thread_key="unit_key"), on="thread_key", how="semi")
    keys = staged["unit_key"].to_list()
    threads = staged["thread_key"].to_list()
    groups = (staged["thread_key"].rank("dense") - 1).cast(pl.Int64).to_numpy()
    sizes = np.bincount(groups) if keys else np.zeros(0)
    starts = np.array([random_number(plan, "rounding replies", thread) for thread in threads])
    expected = np.round(staged["rate"].to_numpy() * sizes[groups], 9)
    is_drawn = ranks(groups, random_numbers(keys, plan, "draw")) < np.floor(expected + starts)
    return take_all(staged.filter(pl.Series(is_drawn, dtype=pl.Boolean)), plan, now=now)


def draw_threads(
    frame: dy.DataFrame[FrameUnit],
    roots: dy.DataFrame[Unit],
    plan: SamplingPlan,
    *,
    now: datetime,
) -> dy.DataFrame[Unit]:
    """Take the threads of the drawn roots that are in the frame; each has its root's chance."""
    chances = roots.select("unit_key", "inclusion_probability")
    return take_all(frame.join(chances, on="unit_key", how="inner"), plan, now=now)


def with_enough_replies(
    threads: dy.DataFrame[FrameUnit], chances: pl.DataFrame
) -> dy.DataFrame[FrameUnit]:
    """Keep the threads of which enough replies can be drawn to be shown."""
    enough = chances.group_by("thread_key").len().filter(pl.col("len") >= LEAST_REPLIES)
    kept = threads.join(enough, left_on="unit_key", right_on="thread_key", how="semi")
    return FrameUnit.validate(kept.sort("unit_key"))


def _rate(units: pl.DataFrame, wanted: int) -> float:
    """Find the rate at which the expected size is `wanted`, between each reply's least and most."""
    first, lows, highs = (units[name].to_numpy() for name in ("first", "low", "high"))
    low, high = 0.0, 1.0
    for _ in range(100):  # halving: the expected size grows with the rate
        rate = (low + high) / 2
        if (first * np.clip(rate, lows, highs)).sum() > wanted:
            high = rate
        else:
            low = rate
    return low
