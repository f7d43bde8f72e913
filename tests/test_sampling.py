from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import dataframely as dy
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.inclusion import (
    SamplingPlan,
    allocate,
    inclusion_probabilities,
    summarise_frame,
)
from annotation.sampling import (
    draw,
    draw_with_timelines,
    drawn_at_random,
    drawn_of,
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
    bands: list[str] | None = None,
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
                "community_kind": ["subreddit"] * len(authors),
                "volume": [("low", "mid")[n % 2] for n in range(len(authors))],
                "author_pseudonym": [f"{a:032x}" for a in authors],
                "cluster_key": clusters or keys,
                "bands": bands or [""] * len(authors),
                "least_probability": [0.0] * len(authors),
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
    loose = inclusion_probabilities(units, plan(70, minimum_probability=least))
    if n < loose["author_share"].sum() * least:
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


AUTHORS = [0] * 9 + [1] * 5 + [2] * 4 + list(range(3, 30))
FRAME = frame(
    AUTHORS,
    weeks=[n % 9 for n in range(len(AUTHORS))],
    platforms=["bluesky" if n % 5 == 0 else "reddit" for n in range(len(AUTHORS))],
    clusters=[1000 + (n if n % 11 else 0) for n in range(len(AUTHORS))],
    bands=[f"{(n % 7 == 0) + (n % 14 == 0)}{int(n % 9 == 0)}" for n in range(len(AUTHORS))],
)
ARMS: dict[str, object] = {
    "minimum_probability": 0.1,
    "random_share": 0.5,
    "lists": ("virtual_catharsis", "trauma_capitalization"),
    "strata": ("platform", "community_kind", "four_weeks", "volume"),
}


def furthest(stated: pl.DataFrame, hits: dict[int, int], draws: int) -> float:
    """Return the largest deviation, in standard errors, of inclusion from what is stated."""
    probability = stated["inclusion_probability"].to_numpy()
    found = np.array([hits.get(key, 0) for key in stated["unit_key"]]) / draws
    errors = np.sqrt(probability * (1 - probability) / draws)
    return float((np.abs(found - probability) / np.maximum(errors, 1e-9)).max())


def drawn_share(draws: int, n: int = 11, **changes: object) -> float:
    """Draw with so many seeds; return how far inclusion lies from what is stated."""
    plain: dict[str, object] = {"minimum_probability": 0.2, "strata": ("platform", "four_weeks")}
    one = plan(n, **(plain | changes))
    stated = inclusion_probabilities(FRAME, one)
    hits: Counter[int] = Counter()
    keys = stated["unit_key"].to_numpy()
    for seed in range(draws):
        hits.update(keys[drawn_of(stated, replace(one, seed=seed))].tolist())
    assert len(np.unique(stated["inclusion_probability"].to_numpy().round(6))) > 4
    return furthest(stated, hits, draws)


def drawn_with_timelines(draws: int) -> float:
    """Do the same where the authors of drawn timelines bring all their root posts."""
    one, lines = plan(14, **ARMS), plan(2, unit_kind="timeline", minimum_probability=0.2)
    authors = FRAME.filter(pl.col("author_pseudonym").is_in([f"{a:032x}" for a in (0, 1, 2, 7)]))
    timelines = authors.unique("author_pseudonym", keep="first", maintain_order=True)
    frame_of_lines = FrameUnit.validate(timelines.with_columns(cluster_key="unit_key"))
    chances = inclusion_probabilities(frame_of_lines, lines)
    hits: Counter[int] = Counter()
    units: dy.DataFrame[Unit] | None = None
    stated: dict[int, float] = {}
    for seed in range(draws):
        line = draw(frame_of_lines, replace(lines, seed=seed), now=NOW)["unit_key"].implode()
        known = chances.select(
            "author_pseudonym",
            pl.col("inclusion_probability").alias("timeline_chance"),
            pl.col("unit_key").is_in(line).alias("is_drawn"),
        )
        units = draw_with_timelines(FRAME, replace(one, seed=seed), known, now=NOW)
        stated |= dict(units.select("unit_key", "inclusion_probability").iter_rows())
        hits.update(units["unit_key"])
    told = pl.DataFrame(
        {"unit_key": list(stated), "inclusion_probability": list(stated.values())},
        schema_overrides={"unit_key": pl.UInt64},
    )
    assert told["inclusion_probability"].min() >= 0.1  # type: ignore[operator]
    assert told.height == FRAME["cluster_key"].n_unique()
    return furthest(told, hits, draws)


def test_units_are_drawn_as_often_as_stated() -> None:
    assert drawn_share(2_000) < 4


def test_with_enrichment_and_timelines_units_are_drawn_as_often_as_stated() -> None:
    assert drawn_share(1_000, 14, **ARMS) < 4
    assert drawn_with_timelines(200) < 4


@pytest.mark.long
def test_units_are_drawn_as_often_as_stated_over_ten_thousand_draws() -> None:
    assert drawn_share(10_000) < 4
    assert drawn_share(10_000, 14, **ARMS) < 4
    assert drawn_with_timelines(10_000) < 4


def test_enrichment_raises_the_chance_of_what_a_list_finds_and_keeps_the_size() -> None:
    chances = inclusion_probabilities(FRAME, plan(14, **ARMS))
    whole = chances.filter(pl.col("author_share") == 1)
    by_band = dict(whole.group_by("band_0").agg(pl.col("inclusion_probability").mean()).iter_rows())
    assert by_band["2"] > by_band["1"] > by_band["0"]
    assert chances["inclusion_probability"].min() >= 0.1  # type: ignore[operator]
    assert chances["inclusion_probability"].sum() == pytest.approx(14, abs=1)


def test_the_random_part_of_a_sample_is_what_its_random_arm_draws() -> None:
    listed = frame(list(range(300)), bands=["2" if n % 10 == 0 else "0" for n in range(300)])
    alone = plan(60)
    assert set(drawn_at_random(listed, alone)) == set(draw(listed, alone, now=NOW)["unit_key"])
    both = plan(60, random_share=0.4, lists=("moss",))
    random, drawn = set(drawn_at_random(listed, both)), set(draw(listed, both, now=NOW)["unit_key"])
    assert random < drawn
    assert 20 <= len(random) <= 28
    assert sum(key % 10 == 0 for key in drawn - random) > len(drawn - random) / 3
