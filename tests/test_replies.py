"""Replies: chances joined with their roots', stated before any draw, at least three of a thread."""

from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.inclusion import SamplingPlan, inclusion_probabilities
from annotation.replies import (
    draw_replies,
    draw_threads,
    reply_chances,
    with_enough_replies,
    with_least_chances,
)
from annotation.sampling import draw, draw_with_timelines, joint_chances
from schema.coding import FrameUnit
from schema.errors import StudyInvalid
from tests.test_sampling import ARMS, AUTHORS, FRAME, NOW, frame, furthest, plan

LENGTHS = [n % 5 if n % 9 else 60 + n for n in range(len(AUTHORS))]
REPLIES = frame(
    list(range(100, 100 + sum(LENGTHS))),
    threads=[int(key) for key, n in zip(FRAME["unit_key"], LENGTHS, strict=True) for _ in range(n)],
)
OF_REPLIES: dict[str, Any] = {"unit_kind": "reply", "cap": "thread_key", "per_author": 20}
NO_TIMELINES = pl.DataFrame(
    schema={
        "author_pseudonym": pl.String,
        "timeline_chance": pl.Float64,
        "is_drawn": pl.Boolean,
    }
)


def of_replies(n: int, **changes: object) -> SamplingPlan:
    return plan(n, **{**OF_REPLIES, **changes})


def ten_of(roots: pl.DataFrame) -> list[int]:
    """Name each root's thread ten times."""
    return [int(key) for key in roots["unit_key"] for _ in range(10)]


def drawn_with_replies(draws: int, *, with_lines: bool) -> float:
    """Draw roots, by arms and by timelines, and replies of theirs; compare with what was stated."""
    root, reply = plan(24, **ARMS), of_replies(120, minimum_probability=0.1)
    roots = with_least_chances(FRAME, REPLIES, reply)
    line = plan(2, unit_kind="timeline", minimum_probability=0.2)
    authors = FRAME.filter(pl.col("author_pseudonym").is_in([f"{a:032x}" for a in (0, 1, 2, 7)]))
    firsts = authors.unique("author_pseudonym", keep="first", maintain_order=True)
    lines = FrameUnit.validate(firsts.with_columns(cluster_key="unit_key"))
    by_line = inclusion_probabilities(lines, line)
    stated: pl.DataFrame | None = None
    hits: Counter[int] = Counter()
    sizes = []
    for seed in range(draws):
        theirs = NO_TIMELINES
        if with_lines:
            is_in = draw(lines, replace(line, seed=seed), now=NOW)["unit_key"].implode()
            theirs = by_line.select(
                "author_pseudonym",
                timeline_chance="inclusion_probability",
                is_drawn=pl.col("unit_key").is_in(is_in),
            )
        if seed < 20:
            chances = reply_chances(REPLIES, joint_chances(roots, root, theirs), reply)
            told = chances.select("unit_key", "inclusion_probability")
            assert stated is None or told.equals(stated)  # whatever the seed, and what is drawn
            stated = told
        opened = draw_with_timelines(roots, replace(root, seed=seed), theirs, now=NOW)
        units = draw_replies(chances, opened, replace(reply, seed=seed), now=NOW)
        of = units.join(REPLIES, on="unit_key").group_by("thread_key").len()
        held = chances.group_by("thread_key").len("all")
        least = of.join(held, on="thread_key").select(pl.col("len") >= pl.min_horizontal("all", 3))
        assert least["len"].all()
        assert of["len"].max() <= 20  # type: ignore[operator]
        hits.update(units["unit_key"])
        sizes.append(units.height)
    assert stated is not None
    assert stated["inclusion_probability"].min() >= 0.1 - 1e-9  # type: ignore[operator]
    expected = float(stated["inclusion_probability"].sum())
    assert abs(np.mean(sizes) - expected) <= 4 * np.std(sizes) / np.sqrt(draws)
    return furthest(stated, hits, draws)


def test_replies_are_drawn_as_often_as_stated_for_root_and_reply_together() -> None:
    assert drawn_with_replies(250, with_lines=True) < 4.5  # of some 700 replies


@pytest.mark.long
def test_replies_are_drawn_as_often_as_stated_over_ten_thousand_draws() -> None:
    assert drawn_with_replies(10_000, with_lines=False) < 4.5
    assert drawn_with_replies(10_000, with_lines=True) < 4.5


@given(st.lists(st.integers(0, 90), min_size=1, max_size=25), st.integers(1, 400))
@settings(max_examples=40, deadline=None)
def test_no_reply_that_can_be_drawn_has_less_than_the_least_chance(
    lengths: list[int], n: int
) -> None:
    roots = frame([k // 2 for k in range(len(lengths))])
    threads = [
        int(key) for key, m in zip(roots["unit_key"], lengths, strict=True) for _ in range(m)
    ]
    if not threads:
        return
    replies = frame(list(range(100, 100 + len(threads))), threads=threads)
    reply = of_replies(max(n, len(threads) // 20 + 1), minimum_probability=0.05)
    asked = with_least_chances(roots, replies, reply)
    root = plan(8, minimum_probability=0.05)
    chances = reply_chances(replies, joint_chances(asked, root, NO_TIMELINES), reply)
    assert chances["inclusion_probability"].is_between(0.05 - 1e-9, 1 + 1e-9).all()
    assert chances.height == len(threads)  # the roots' chances were raised for the long ones
    size = chances.group_by("thread_key").len("size")
    rates = chances.join(size, on="thread_key")
    takes = rates["rate"] * rates["size"]
    assert (takes <= 20 + 1e-6).all()
    assert (takes >= rates["size"].clip(upper_bound=3) - 1e-6).all()


def test_the_size_is_what_is_wanted_where_threads_let_it_be() -> None:
    roots = frame(list(range(40)))
    replies = frame(list(range(100, 500)), threads=ten_of(roots))
    chances = reply_chances(replies, joint_chances(roots, plan(20), NO_TIMELINES), of_replies(100))
    assert chances["inclusion_probability"].sum() == pytest.approx(100)
    few = reply_chances(replies, joint_chances(roots, plan(20), NO_TIMELINES), of_replies(10))
    assert few["inclusion_probability"].sum() == pytest.approx(20 * 3)  # three of each thread


def test_too_few_replies_for_their_least_chance_are_refused() -> None:
    roots = frame(list(range(40)))
    replies = frame(list(range(100, 500)), threads=ten_of(roots))
    chances = joint_chances(roots, plan(20), NO_TIMELINES)
    with pytest.raises(StudyInvalid, match="draw at least 40"):
        reply_chances(replies, chances, of_replies(39, minimum_probability=0.1))


def test_a_thread_too_long_for_any_chance_is_left_out_and_asks_nothing() -> None:
    roots = frame([1, 2])
    replies = frame(list(range(100, 150)), threads=[1000] * 45 + [1001] * 5)
    reply = of_replies(30, minimum_probability=0.5)
    asked = with_least_chances(roots, replies, reply)
    assert asked["least_probability"].to_list() == [0, 0]
    chances = reply_chances(
        replies, joint_chances(asked, plan(2, minimum_probability=0.5), NO_TIMELINES), reply
    )
    assert set(chances["thread_key"]) == {1001}


def test_a_reply_whose_root_was_not_drawn_or_is_gone_cannot_be_drawn() -> None:
    roots = frame([1])
    lost = frame([2, 3], threads=[1, 2]).with_columns(thread_key=pl.lit(None, pl.UInt64))
    replies = FrameUnit.validate(lost)
    chances = reply_chances(replies, joint_chances(roots, plan(1), NO_TIMELINES), of_replies(2))
    assert draw_replies(chances, draw(roots, plan(1), now=NOW), of_replies(2), now=NOW).is_empty()


def test_threads_come_with_their_roots_chance_and_at_least_three_replies() -> None:
    roots = frame(list(range(24)))
    threads = [int(key) for n, key in enumerate(roots["unit_key"]) for _ in range(n % 6)]
    replies = frame(list(range(100, 100 + len(threads))), threads=threads)
    opened = draw(roots, plan(8), now=NOW)
    chances = reply_chances(replies, joint_chances(roots, plan(8), NO_TIMELINES), of_replies(20))
    enough = with_enough_replies(roots, chances)
    assert set(enough["unit_key"]) == {1000 + n for n in range(24) if n % 6 >= 3}
    drawn = draw_threads(enough, opened, plan(0, unit_kind="thread"), now=NOW)
    both = drawn.join(opened, on="unit_key", suffix="_root")
    assert both.height == drawn.height > 0
    assert (both["inclusion_probability"] == both["inclusion_probability_root"]).all()
    units = draw_replies(chances, opened, of_replies(20), now=NOW).join(replies, on="unit_key")
    shown = dict(units.group_by("thread_key").len().iter_rows())
    assert all(shown[key] >= 3 for key in drawn["unit_key"])
