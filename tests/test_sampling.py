from datetime import UTC, date, datetime, timedelta

import dataframely as dy
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.sampling import (
    SamplingPlan,
    allocate,
    draw,
    draw_within,
    inclusion_probabilities,
    summarise_frame,
)
from schema.coding import FrameUnit, Unit
from schema.errors import StudyInvalid

NOW = datetime(2026, 3, 30, tzinfo=UTC)
MONDAY = date(2026, 3, 2)


def plan(n: int = 20, **changes: object) -> SamplingPlan:
    fields: dict[str, object] = {
        "n": n,
        "seed": 7,
        "per_author": 3,
        "minimum_probability": 0.01,
        "wave": "W1",
        "round": "R1",
        "unit_kind": "root",
    }
    return SamplingPlan(**(fields | changes))  # type: ignore[arg-type]


def frame(
    authors: list[int],
    *,
    weeks: list[int] | None = None,
    clusters: list[int] | None = None,
    platforms: list[str] | None = None,
    threads: list[int] | None = None,
) -> dy.DataFrame[FrameUnit]:
    first = 1000 if threads is None else 5000  # replies' keys are not those of roots
    keys = [first + n for n in range(len(authors))]
    return FrameUnit.validate(
        pl.DataFrame(
            {
                "unit_key": keys,
                "version_key": keys,
                "thread_key": threads or keys,
                "platform": platforms or ["reddit"] * len(authors),
                "week": [MONDAY + timedelta(weeks=w) for w in weeks or [0] * len(authors)],
                "author_pseudonym": [f"{a:032x}" for a in authors],
                "cluster_key": clusters or keys,
            },
            schema_overrides={"unit_key": pl.UInt64, "version_key": pl.UInt64}
            | {"cluster_key": pl.UInt64, "thread_key": pl.UInt64},
        ),
        cast=True,
    )


@st.composite
def frames(draw_: st.DrawFn) -> dy.DataFrame[FrameUnit]:
    size = draw_(st.integers(1, 60))

    def column(low: int, high: int) -> list[int]:
        return draw_(st.lists(st.integers(low, high), min_size=size, max_size=size))

    return frame(
        column(0, 15),
        weeks=column(0, 4),
        clusters=[1000 + c for c in column(0, size - 1)],
        platforms=[("reddit", "bluesky")[p] for p in column(0, 1)],
    )


@given(frames(), st.integers(1, 70), st.integers(0, 2**32), st.integers(1, 4))
def test_no_cluster_twice_and_no_author_past_the_cap(
    units: dy.DataFrame[FrameUnit], n: int, seed: int, cap: int
) -> None:
    drawn = draw(units, plan(n, seed=seed, per_author=cap), now=NOW).join(units, on="unit_key")
    assert drawn["cluster_key"].is_unique().all()
    assert drawn.group_by("author_pseudonym").len()["len"].max() or cap >= 0


@given(frames(), st.integers(1, 70), st.integers(0, 2**32))
def test_row_order_does_not_matter(units: dy.DataFrame[FrameUnit], n: int, seed: int) -> None:
    shuffled = FrameUnit.validate(units.sample(fraction=1, shuffle=True, seed=seed))
    one = draw(units, plan(n, seed=seed), now=NOW)
    assert one.equals(draw(shuffled, plan(n, seed=seed), now=NOW))


@given(frames(), st.integers(1, 70), st.floats(0.01, 0.5))
def test_chances_do_not_depend_on_the_seed_and_keep_the_minimum(
    units: dy.DataFrame[FrameUnit], n: int, least: float
) -> None:
    one = plan(n, minimum_probability=least)
    if n < inclusion_probabilities(units, plan(70))["author_share"].sum() * least:
        with pytest.raises(StudyInvalid, match="minimum_probability"):
            draw(units, one, now=NOW)
        return
    chances = inclusion_probabilities(units, one)
    assert chances.equals(
        inclusion_probabilities(units, plan(n, minimum_probability=least, seed=9))
    )
    assert chances["inclusion_probability"].is_between(least - 1e-12, 1).all()
    drawn = draw(units, one, now=NOW).join(chances, on="unit_key", suffix="_stated")
    assert drawn["inclusion_probability"].equals(
        drawn["inclusion_probability_stated"].alias("inclusion_probability")
    )


@given(frames(), st.integers(1, 70), st.integers(0, 2**32))
def test_without_a_binding_cap_the_size_is_exact(
    units: dy.DataFrame[FrameUnit], n: int, seed: int
) -> None:
    one = plan(n, seed=seed, per_author=60, minimum_probability=1e-6)
    distinct = units["cluster_key"].n_unique()
    drawn = draw(units, one, now=NOW)
    assert drawn.height == min(n, distinct)
    strata = inclusion_probabilities(units, one)["stratum"].n_unique()
    if n >= strata:
        assert drawn["stratum"].n_unique() == strata


@given(st.lists(st.floats(0.01, 1e4), min_size=1, max_size=30), st.floats(0, 1e5))
def test_allocation_sums_to_what_is_wanted_and_fills_no_stratum_past_its_size(
    sizes: list[float], wanted: float
) -> None:
    whole = np.array(sizes)
    shares = allocate(whole, wanted)
    assert shares.sum() == pytest.approx(min(wanted, whole.sum()), rel=1e-9, abs=1e-9)
    assert (shares <= whole).all()
    if wanted >= np.minimum(whole, 1).sum():
        assert (shares >= np.minimum(whole, 1) - 1e-9).all()


def test_a_grown_frame_keeps_most_of_the_sample() -> None:
    small, large = frame(list(range(100))), frame(list(range(110)))
    before = set(draw(small, plan(30), now=NOW)["unit_key"])
    after = set(draw(large, plan(30), now=NOW)["unit_key"])
    assert len(before & after) >= 25


def test_a_cluster_is_stood_for_by_the_unit_that_names_it() -> None:
    units = frame([1, 2, 3], weeks=[2, 1, 0], clusters=[1001, 1001, 1001])
    assert draw(units, plan(5), now=NOW)["unit_key"].to_list() == [1001]


def test_a_cluster_whose_name_is_not_in_the_frame_is_stood_for_by_its_earliest() -> None:
    units = frame([1, 2, 3], weeks=[2, 0, 0], clusters=[5, 5, 5])
    assert draw(units, plan(5), now=NOW)["unit_key"].to_list() == [1001]


def test_authors_of_too_many_units_are_left_out_and_counted() -> None:
    units = frame([1] * 11 + [2, 3])
    one = plan(5, per_author=1, minimum_probability=0.1)
    summary = summarise_frame(units, one)
    assert (summary.prolific_authors_count, summary.prolific_units_count) == (1, 11)
    assert draw(units, one, now=NOW)["unit_key"].to_list() == [1011, 1012]


def test_an_empty_frame_gives_no_units() -> None:
    units = FrameUnit.create_empty()
    drawn = draw(units, plan(5), now=NOW)
    assert drawn.height == 0
    Unit.validate(drawn)


@pytest.mark.parametrize("n", [-1])
def test_a_plan_that_no_draw_can_keep_is_refused(n: int) -> None:
    with pytest.raises(StudyInvalid):
        plan(n)


def drawn_share(draws: int) -> float:
    """Return the largest deviation, in standard errors, of inclusion from what is stated."""
    authors = [0] * 9 + [1] * 5 + [2] * 4 + list(range(3, 30))
    units = frame(
        authors,
        weeks=[n % 3 for n in range(len(authors))],
        platforms=["bluesky" if n % 5 == 0 else "reddit" for n in range(len(authors))],
        clusters=[1000 + (n if n % 11 else 0) for n in range(len(authors))],
    )
    one = plan(11, minimum_probability=0.2)
    stated = inclusion_probabilities(units, one).sort("unit_key")
    hits = dict.fromkeys(stated["unit_key"], 0)
    for seed in range(draws):
        for key in draw(units, plan(11, minimum_probability=0.2, seed=seed), now=NOW)["unit_key"]:
            hits[key] += 1
    probability = stated["inclusion_probability"].to_numpy()
    assert len(np.unique(probability.round(6))) > 4
    errors = np.sqrt(probability * (1 - probability) / draws)
    deviation = np.abs(np.array(list(hits.values())) / draws - probability)
    return float((deviation / np.maximum(errors, 1e-9)).max())


def test_units_are_drawn_as_often_as_stated() -> None:
    assert drawn_share(2_000) < 4


@pytest.mark.long
def test_units_are_drawn_as_often_as_stated_over_ten_thousand_draws() -> None:
    assert drawn_share(10_000) < 4


def test_replies_come_from_drawn_threads_and_their_weights_stand_for_every_reply() -> None:
    roots = frame(list(range(24)), weeks=[n % 3 for n in range(24)])
    threads = [int(key) for key in roots["unit_key"] for _ in range(4)]
    replies = frame(list(range(100, 196)), threads=threads)
    totals = []
    for seed in range(300):
        opened = draw(roots, plan(8, seed=seed), now=NOW)
        drawn = draw_within(replies, opened, plan(12, seed=seed, unit_kind="reply"), now=NOW)
        of = dict(zip(replies["unit_key"], replies["thread_key"], strict=True))
        assert {of[key] for key in drawn["unit_key"]} <= set(opened["unit_key"])
        assert (drawn["weight"] * drawn["inclusion_probability"] - 1).abs().max() < 1e-9  # type: ignore[operator]
        totals.append(float(drawn["weight"].sum()))
    error = float(np.std(totals) / np.sqrt(len(totals)))
    assert abs(float(np.mean(totals)) - replies.height) <= max(4 * error, 1e-6)


def test_a_reply_whose_root_was_not_drawn_or_is_gone_cannot_be_drawn() -> None:
    roots = frame([1])
    lost = frame([2, 3], threads=[1, 2]).with_columns(thread_key=pl.lit(None, pl.UInt64))
    replies = FrameUnit.validate(lost)
    assert draw_within(replies, draw(roots, plan(1), now=NOW), plan(2), now=NOW).is_empty()
