"""Agreement: the published tables, an independent oracle, and the laws alpha obeys."""

import csv
import json
from pathlib import Path
from typing import Any

import krippendorff
import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from annotation.agreement import AGREEMENT_SCHEMA, agreement, measure, spread
from annotation.agreement_parts import PARTS_SCHEMA, agreement_parts
from annotation.alpha import (
    FEW_DRAWS,
    NOTHING_PAIRABLE,
    ONE_VALUE,
    AlphaLevel,
    alpha,
    alpha_interval,
    set_distances,
)
from annotation.codebook import load_codebook
from annotation.span_agreement import NO_SPAN, span_f1

CODEBOOK = load_codebook()
LEVELS: tuple[AlphaLevel, ...] = ("nominal", "ordinal", "interval", "ratio")
NAN = float("nan")


def reliability(rows: list[list[float | None]]) -> Any:
    return np.array([[NAN if v is None else v for v in row] for row in rows], dtype=float)


def published(shared: Path, name: str) -> list[dict[str, str]]:
    with (shared / "recordings" / "agreement" / f"{name}.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def expected(shared: Path) -> Any:
    return json.loads((shared / "recordings" / "agreement" / "EXPECTED.json").read_text("utf-8"))


@pytest.mark.recordings
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["krippendorff2011", "wikipedia_alpha"])
def test_alpha_equals_the_published_tables(shared: Path, name: str, level: AlphaLevel) -> None:
    rows = [list(row.values())[1:] for row in published(shared, name)]
    matrix = reliability([[float(v) if v else None for v in row] for row in rows])
    table = expected(shared)[name][level]
    value = alpha(matrix, level).value
    assert value == pytest.approx(table["independent"], abs=5e-7)
    if table["published"] is not None:
        assert value == pytest.approx(table["published"], abs=5e-4)


@pytest.mark.recordings
def test_fleiss_kappa_follows_from_nominal_alpha(shared: Path) -> None:
    counts = [
        [int(n) for n in list(r.values())[1:]] for r in published(shared, "fleiss_wikipedia_counts")
    ]
    rows = [[float(v) for v, n in enumerate(row) for _ in range(n)] for row in counts]
    value = alpha(np.array(rows), "nominal").value
    assert value is not None
    n = np.array(rows).size  # alpha corrects kappa for small samples by (n - 1) / n
    kappa = 1 - (1 - value) * n / (n - 1)
    assert kappa == pytest.approx(
        expected(shared)["fleiss_wikipedia_counts"]["fleiss_kappa"]["computed"], abs=5e-7
    )


def matrices(values: st.SearchStrategy[Any], *, missing: Any = None) -> st.SearchStrategy[Any]:
    shapes = st.tuples(st.integers(2, 8), st.integers(2, 4))
    return shapes.flatmap(
        lambda shape: st.lists(
            st.lists(values | st.just(missing), min_size=shape[1], max_size=shape[1]),
            min_size=shape[0],
            max_size=shape[0],
        )
    )


numbers = matrices(st.integers(0, 4).map(float))


@pytest.mark.parametrize("level", LEVELS)
@given(rows=numbers)
def test_alpha_equals_an_independent_implementation(rows: Any, level: AlphaLevel) -> None:
    matrix = reliability(rows)
    ours = alpha(matrix, level)
    assume(ours.value is not None)
    pairable = matrix[(~np.isnan(matrix)).sum(axis=1) > 1]
    theirs = krippendorff.alpha(reliability_data=pairable.T, level_of_measurement=level)
    assert ours.value == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("level", LEVELS)
@given(rows=numbers, seed=st.randoms(use_true_random=False))
def test_neither_coder_order_nor_unit_order_matters(
    rows: Any, level: AlphaLevel, seed: Any
) -> None:
    matrix = reliability(rows)
    units = seed.sample(range(matrix.shape[0]), matrix.shape[0])
    coders = seed.sample(range(matrix.shape[1]), matrix.shape[1])
    shuffled = matrix[np.ix_(units, coders)]
    assert alpha(matrix, level) == alpha(shuffled, level)
    assert alpha_interval(matrix, level, seed=1, draws=50) == alpha_interval(
        shuffled, level, seed=1, draws=50
    )


@pytest.mark.parametrize("level", LEVELS)
@given(values=st.lists(st.integers(0, 5), min_size=2, max_size=20), coders=st.integers(2, 5))
def test_perfect_agreement_is_one(values: list[int], coders: int, level: AlphaLevel) -> None:
    assume(len(set(values)) > 1)
    matrix = np.repeat(np.array(values, dtype=float)[:, None], coders, axis=1)
    assert alpha(matrix, level).value == 1


@given(rows=numbers)
def test_units_with_one_value_change_nothing(rows: Any) -> None:
    lonely = [0.0, *[None] * (len(rows[0]) - 1)]
    assert alpha(reliability(rows), "ordinal") == alpha(reliability([*rows, lonely]), "ordinal")


@given(rows=numbers)
def test_the_interval_lies_in_order_and_below_one(rows: Any) -> None:
    interval = alpha_interval(reliability(rows), "ordinal", seed=7, draws=100)
    if interval.low is not None and interval.high is not None:
        assert interval.low <= interval.high <= 1 + 1e-12
    else:
        assert interval.reason in (NOTHING_PAIRABLE, ONE_VALUE, FEW_DRAWS)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    generator = np.random.default_rng(3)
    share_noise = 0.2

    def sample(units: int) -> Any:
        truth = generator.integers(0, 2, size=(units, 1)).repeat(2, axis=1)
        flipped = generator.random((units, 2)) < share_noise
        return np.where(flipped, 1 - truth, truth).astype(float)

    truth = alpha(sample(200_000), "nominal").value
    hits = 0
    for seed in range(200):
        interval = alpha_interval(sample(100), "nominal", seed=seed, draws=300)
        assert truth is not None
        assert interval.low is not None
        assert interval.high is not None
        hits += interval.low <= truth <= interval.high
    assert 0.88 <= hits / 200 <= 0.99


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([[1.0, None], [None, 2.0]], NOTHING_PAIRABLE),
        ([], NOTHING_PAIRABLE),
        ([[1.0, 1.0], [1.0, 1.0]], ONE_VALUE),
        ([[1.0, 1.0], [2.0, None]], ONE_VALUE),
    ],
)
def test_where_alpha_is_undefined_the_reason_is_said(rows: Any, reason: str) -> None:
    matrix = reliability(rows) if rows else np.empty((0, 2))
    for level in LEVELS:
        assert alpha(matrix, level) == (None, reason)
        assert alpha_interval(matrix, level, seed=1).reason == reason


def test_an_interval_that_rests_on_few_draws_is_withheld() -> None:
    matrix = np.zeros((20, 2))
    matrix[0] = [1, 1]
    assert alpha(matrix, "nominal").value == 1
    assert alpha_interval(matrix, "nominal", seed=1) == (None, None, FEW_DRAWS)


sets = st.frozensets(st.sampled_from("abcd"))


def jaccard_distance(one: frozenset[str], other: frozenset[str]) -> float:
    union = one | other
    return 1 - len(one & other) / len(union) if union else 0.0


def masi_distance(one: frozenset[str], other: frozenset[str]) -> float:
    if one == other:
        return 0.0
    monotonicity = 2 / 3 if one <= other or other <= one else 1 / 3
    return 1 - (1 - jaccard_distance(one, other)) * monotonicity


@given(some=st.lists(sets, min_size=1, max_size=6))
def test_set_distances_equal_their_definitions(some: Any) -> None:
    ways: Any = (("masi", masi_distance), ("jaccard", jaccard_distance))
    for level, distance in ways:
        table = [[distance(one, other) for other in some] for one in some]
        assert set_distances(some, some, level) == pytest.approx(np.array(table))


def test_masi_weighs_subsets_and_overlaps() -> None:
    a, ab, bc, c = (frozenset(members) for members in ("a", "ab", "bc", "c"))
    [row] = set_distances([ab], [ab, a, bc, c, frozenset()], "masi").tolist()
    assert row == pytest.approx([0, 1 - 1 / 2 * 2 / 3, 1 - 1 / 3 * 1 / 3, 1, 1])


def slow_set_alpha(rows: Any, distance: Any) -> float | None:
    """Sum over pairs as the definition says, with nothing clever."""
    units = [[v for v in row if v is not None] for row in rows]
    units = [unit for unit in units if len(unit) > 1]
    everything = [value for unit in units for value in unit]
    n = len(everything)
    expected = sum(distance(a, b) for a in everything for b in everything) / (n * (n - 1) or 1)
    observed = sum(
        sum(distance(a, b) for a in unit for b in unit) / (len(unit) - 1) for unit in units
    ) / (n or 1)
    return None if not expected else 1 - observed / expected


@pytest.mark.parametrize(
    ("level", "distance"), [("masi", masi_distance), ("jaccard", jaccard_distance)]
)
@given(rows=matrices(sets))
def test_set_alpha_equals_the_definition(rows: Any, level: AlphaLevel, distance: Any) -> None:
    matrix = np.empty((len(rows), len(rows[0])), dtype=object)
    for n, row in enumerate(rows):
        matrix[n] = row
    slow = slow_set_alpha(rows, distance)
    assert alpha(matrix, level).value == (None if slow is None else pytest.approx(slow, abs=1e-9))


def codings(rows: list[tuple[int, str, str, int]]) -> pl.DataFrame:
    schema = {"unit": pl.UInt64, "coder": pl.String, "code": pl.String, "value": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def round_of(share: float, units: int = 300, coders: int = 3) -> pl.DataFrame:
    """Invent codings in which coders stray from the truth with the given share."""
    generator = np.random.default_rng(11)
    truth = generator.integers(0, 3, size=units)
    rows = []
    for code in ("struggleposting", "help_seeking_step", "crisis_flag"):
        top = 2 if code == "struggleposting" else 1
        for coder in range(coders):
            strays = generator.random(units) < share
            given_values = np.where(strays, generator.integers(0, top + 1, size=units), truth)
            values = np.minimum(given_values, top).tolist()
            rows += [(u, f"c{coder}", code, int(v)) for u, v in enumerate(values)]
    return codings(rows)


def test_a_round_is_measured_code_by_code() -> None:
    table = agreement(round_of(0.05), CODEBOOK, seed=1)
    assert table.schema == AGREEMENT_SCHEMA
    assert table["code_id"].to_list() == ["struggleposting", "help_seeking_step", "crisis_flag"]
    first = table.row(0, named=True)
    assert first["level"] == "ordinal"
    assert first["floor"] == 0.75
    assert first["is_floor_met"] is True
    assert first["alpha_low"] < first["alpha"] < first["alpha_high"]
    assert (first["n_units"], first["n_coders"]) == (300, 3)
    assert first["reason"] is None
    assert table["level"].to_list()[1:] == ["nominal", "nominal"]
    assert table["is_floor_met"].to_list()[2] is None


def test_a_floor_is_missed_by_the_point_or_by_the_interval() -> None:
    assert not agreement(round_of(0.6), CODEBOOK, seed=1)["is_floor_met"][0]
    few = round_of(0.05).filter(pl.col("unit") < 6)
    row = agreement(few, CODEBOOK, seed=1).row(0, named=True)
    assert row["is_floor_met"] == (row["alpha"] >= 0.75 and (row["alpha_low"] or 0) > 0.6)


def test_row_order_does_not_change_the_table() -> None:
    frame = round_of(0.3)
    shuffled = frame.sample(fraction=1, shuffle=True, seed=5)
    one, other = (agreement(rows, CODEBOOK, seed=4) for rows in (frame, shuffled))
    assert_frame_equal(one, other, check_exact=True)


def test_other_codes_in_the_frame_do_not_change_a_codes_row() -> None:
    frame = round_of(0.3)
    alone = agreement(frame.filter(pl.col("code") == "help_seeking_step"), CODEBOOK, seed=4)
    among = agreement(frame, CODEBOOK, seed=4).filter(pl.col("code_id") == "help_seeking_step")
    assert_frame_equal(alone, among, check_exact=True)


def test_presence_and_raw_agreement_are_counted_by_hand() -> None:
    rows = [
        *((1, "c1", "help_seeking_step", 1), (1, "c2", "help_seeking_step", 1)),
        *((2, "c1", "help_seeking_step", 1), (2, "c2", "help_seeking_step", 0)),
        *((3, "c1", "help_seeking_step", 0), (3, "c2", "help_seeking_step", 0)),
        (4, "c1", "help_seeking_step", 1),
    ]
    row = agreement(codings(rows), CODEBOOK, seed=1).row(0, named=True)
    assert row["n_units"] == 3
    assert row["prevalence"] == pytest.approx(4 / 7)
    assert row["positive_agreement"] == pytest.approx(2 / 3)
    assert row["raw_agreement"] == pytest.approx(2 / 3)


def test_a_code_nobody_saw_has_no_alpha_and_says_why() -> None:
    rows = [(unit, coder, "help_seeking_step", 0) for unit in range(5) for coder in ("c1", "c2")]
    row = agreement(codings(rows), CODEBOOK, seed=1).row(0, named=True)
    assert row["alpha"] is None
    assert row["reason"] == ONE_VALUE
    assert row["is_floor_met"] is False
    assert row["raw_agreement"] == 1
    assert row["positive_agreement"] is None


def test_no_codings_give_an_empty_table() -> None:
    assert agreement(codings([]), CODEBOOK, seed=1).schema == AGREEMENT_SCHEMA


def test_unusable_codings_are_refused() -> None:
    twice = codings([(1, "c1", "struggleposting", 0), (1, "c1", "struggleposting", 2)])
    with pytest.raises(ValueError, match="2 codings share unit, coder and code: keep the latest"):
        agreement(twice, CODEBOOK, seed=1)
    with pytest.raises(ValueError, match="1 codes of the codings are not in the codebook"):
        agreement(codings([(1, "c1", "mood", 0)]), CODEBOOK, seed=1)


def test_lists_are_sets_and_words_have_no_presence() -> None:
    frame = pl.DataFrame(
        {
            "unit": [1, 1, 2, 2],
            "coder": ["a", "b", "a", "b"],
            "value": [["x", "y"], ["y", "x"], [], ["x"]],
        }
    )
    measured = measure(frame, "masi", seed=1, draws=20)
    assert measured["alpha"] == alpha(spread(frame, "masi").values, "masi").value
    assert measured["prevalence"] is None
    words = frame.with_columns(pl.Series("value", ["x", "x", "y", "x"]))
    assert measure(words, "nominal", seed=1, draws=20)["positive_agreement"] is None


MARKED = pl.DataFrame(
    {
        "unit": ["u1", "u1", "u1", "u2", "u2", "u3"],
        "coder": ["a", "b", "b", "a", "b", "a"],
        "start": [0, 0, 20, 5, 14, 0],
        "end": [10, 10, 25, 15, 30, 4],
    }
)
WHO = pl.DataFrame({"unit": ["u1", "u1", "u2", "u2", "u3"], "coder": ["a", "b", "a", "b", "a"]})


def test_spans_are_compared_exactly_and_by_overlap() -> None:
    exact, overlap, low, high, reason = span_f1(WHO, MARKED, seed=1)
    assert exact == pytest.approx(2 / 5)  # u1's first; u3 has one coder and does not count
    assert overlap == pytest.approx(4 / 5)
    assert low is not None
    assert high is not None
    assert low <= 4 / 5 <= high
    assert reason is None


def test_a_span_that_only_touches_another_does_not_overlap_it() -> None:
    next_to = MARKED.filter(pl.col("unit") == "u2").with_columns(start=pl.Series([5, 15]))
    assert span_f1(WHO, next_to, seed=1).overlap == 0


def test_span_agreement_that_is_undefined_says_why() -> None:
    assert span_f1(WHO, MARKED.clear(), seed=1) == (None, None, None, None, NO_SPAN)
    alone = span_f1(WHO.filter(pl.col("coder") == "a"), MARKED, seed=1)
    assert alone == (None, None, None, None, NOTHING_PAIRABLE)


def taken_apart(frame: pl.DataFrame, repeats: pl.DataFrame | None = None) -> pl.DataFrame:
    week = pl.date(2026, 3, 2) + pl.duration(weeks=pl.col("unit") // 150)
    arm = pl.when(pl.col("unit") % 3 == 0).then(pl.lit("enriched")).otherwise(pl.lit("random"))
    frame = frame.with_columns(unit_kind=pl.lit("root"), week=week, arm=arm)
    none = frame.select("unit", "coder", "code", "value", take=pl.lit("1")).clear()
    return agreement_parts(
        frame, CODEBOOK, repeats=none if repeats is None else repeats, seed=1, draws=100
    )


def test_a_round_is_taken_apart_by_arm_pair_week_and_coder() -> None:
    frame = round_of(0.1).filter(pl.col("code") == "help_seeking_step")
    parts = taken_apart(frame)
    assert parts.schema == PARTS_SCHEMA
    by = {(row["part_kind"], row["part"]): row for row in parts.to_dicts()}
    assert [part for kind, part in by if kind == "coders"] == ["c0 x c1", "c0 x c2", "c1 x c2"]
    assert by["arm", "random"]["n_units"] == 200
    assert by["arm", "enriched"]["n_units"] == 100
    assert by["week", "2026-03-02"]["n_units"] == by["week", "2026-03-09"]["n_units"] == 150
    pair = frame.filter(pl.col("coder") != "c2")
    alone = agreement(pair, CODEBOOK, seed=1, draws=10)["alpha"][0]
    assert by["coders", "c0 x c1"]["alpha"] == pytest.approx(alone)
    assert {by["codes", "root"]["level"]} <= {"masi", "jaccard"}
    assert all(row["alpha"] is not None or row["reason"] for row in by.values())


def test_a_coder_who_sees_more_than_the_team_drifts() -> None:
    frame = round_of(0.0).filter(pl.col("code") == "help_seeking_step")
    late = (pl.col("coder") == "c1") & (pl.col("unit") >= 150)
    eager = frame.with_columns(value=pl.when(late).then(1).otherwise("value").cast(pl.Int32))
    drift = taken_apart(eager).filter(pl.col("part_kind") == "drift")
    flagged = drift.filter("is_drifting")["part"].to_list()
    assert flagged == ["c1 2026-03-09"]
    calm = taken_apart(frame).filter(pl.col("part_kind") == "drift")
    assert not calm["is_drifting"].any()


def test_a_coders_repeats_are_measured_against_the_first_time() -> None:
    first = round_of(0.0).filter((pl.col("coder") == "c1") & (pl.col("code") == "struggleposting"))
    again = first.with_columns(value=pl.when(pl.col("unit") < 10).then(0).otherwise("value"))
    repeats = pl.concat(
        [first.with_columns(take=pl.lit("1")), again.with_columns(take=pl.lit("2"))],
        how="vertical_relaxed",
    )
    [row] = taken_apart(round_of(0.0), repeats).filter(pl.col("part_kind") == "repeats").to_dicts()
    assert (row["part"], row["code_id"], row["n_units"]) == ("c1", "struggleposting", 300)
    assert 0.9 < row["alpha"] < 1


def test_negative_agreement_is_counted_on_absence() -> None:
    rows = [
        *((1, "c1", "help_seeking_step", 1), (1, "c2", "help_seeking_step", 0)),
        *((2, "c1", "help_seeking_step", 0), (2, "c2", "help_seeking_step", 0)),
    ]
    row = agreement(codings(rows), CODEBOOK, seed=1).row(0, named=True)
    assert row["negative_agreement"] == pytest.approx(2 / 3)
    assert row["positive_agreement"] == 0


def test_a_coder_below_the_floor_on_sentinels_two_weeks_running_drifts() -> None:
    code = "help_seeking_step"
    frame = round_of(0.0).filter((pl.col("code") == code) & (pl.col("unit") < 240))
    week = pl.col("unit") // 60
    is_c1 = pl.col("coder") == "c1"
    lapses = is_c1 & week.is_in([0, 2, 3]) & (pl.col("unit") % 2 == 0)
    frame = frame.with_columns(
        value=pl.when(lapses).then(1 - pl.col("value")).otherwise("value").cast(pl.Int32),
        unit=pl.format("root {}", "unit"),
        unit_kind=pl.lit("root"),
        arm=pl.lit("random"),
        week=pl.date(2026, 3, 2) + pl.duration(weeks=week),
    )
    none = frame.select("unit", "coder", "code", "value", take=pl.lit("1")).clear()
    watched = frozenset(f"root {unit}" for unit in range(0, 240, 3))
    parts = agreement_parts(
        frame, CODEBOOK, repeats=none, sentinels=watched, seed=1, draws=50
    ).filter(pl.col("part_kind") == "sentinels")
    by = {row["part"]: row for row in parts.to_dicts()}
    assert len(by) == 12  # three coders, four weeks
    # where the others are split there is nothing to hold c0 against
    assert [
        sum(row["n_units"] for part, row in by.items() if part[:2] == one) for one in ("c0", "c1")
    ] == [50, 80]
    assert [part for part, row in by.items() if row["is_drifting"]] == ["c1 2026-03-23"]
    assert by["c1 2026-03-02"]["alpha"] < 0.75  # once is no drift
    assert by["c1 2026-03-09"]["raw_agreement"] == 1
    assert all(row["alpha"] is not None or row["reason"] for row in by.values())
