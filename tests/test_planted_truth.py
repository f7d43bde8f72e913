"""Verdicts on corpora whose truth is known: intervals cover, and verdicts err, as they say."""

from collections.abc import Iterator

import numpy as np
import polars as pl
import pytest

from bench.bench_planted_truth import BOOK, NOW, TESTS, judge_many, rates
from demo.planted import draw_truths, plant
from demo.simulated import simulate
from demo.simulated_roots import Size
from warehouse.connection import Warehouse
from warehouse.from_frames import corpus_of
from warehouse.judging import judge

SLOPES_ON_SAMPLES = ("C03", "C13", "C21", "C22")
SMALL = Size(communities=22, weeks=8, posts=20, timelines=100)


def chance_limit(count: int, rate: float) -> float:
    """Return the rate that `count` independent trials at `rate` exceed once in a thousand."""
    return rate + 3.1 * (rate * (1 - rate) / count) ** 0.5


@pytest.fixture(scope="module")
def few() -> pl.DataFrame:
    """Twenty small corpora, every claim true, false or null by lot."""
    return judge_many(range(1001, 1021), size=SMALL)


def held(rows: pl.DataFrame) -> None:
    """Check the rates over all claims; claims of one corpus count as independent."""
    [found] = rates(rows).to_dicts()
    drowned = rows.filter(pl.col("claim_id").is_in(SLOPES_ON_SAMPLES))
    [unjudged] = rates(drowned)["no_data"]  # their past weeks may be nearly all noise
    assert found["no_data"] - unjudged <= found["n"] // 100
    assert 0.91 <= found["covered"] <= 0.98
    assert abs(found["bias_in_se"]) < 0.15
    assert found["wrongly_supported"] <= chance_limit(2 * found["n"] // 3, 0.025)
    assert found["wrongly_refuted"] <= chance_limit(2 * found["n"] // 3, 0.025)
    assert found["power"] > 0.4
    assert found["refuting_power"] > 0.4
    discoveries = rows.filter(pl.col("is_primary") & (pl.col("verdict") == "supported"))
    assert (discoveries["truth"] != "true").mean() <= chance_limit(len(discoveries), 0.05)


def test_intervals_cover_and_verdicts_err_as_stated(few: pl.DataFrame) -> None:
    held(few)


def test_no_claim_misses_what_was_planted_much_oftener_than_it_says(few: pl.DataFrame) -> None:
    by_claim = rates(few, "claim_id")
    assert by_claim.height == len(TESTS)
    judged = by_claim.filter(pl.col("no_data") < 10)
    assert judged.height >= len(TESTS) - len(SLOPES_ON_SAMPLES)
    assert judged.filter(pl.col("covered") < 0.75).is_empty()  # 5 misses of 20: 1 in 3,000
    assert by_claim.filter(pl.col("bias_in_se").abs() > 1).is_empty()


@pytest.mark.long
def test_two_hundred_corpora_cover_claim_by_claim() -> None:
    rows = judge_many(range(1, 201))
    held(rows)
    by_claim = rates(rows, "claim_id")
    assert by_claim.filter(~pl.col("covered").is_between(0.89, 1)).is_empty()
    assert by_claim.filter(pl.col("covered").is_between(0.91, 0.98)).height > len(TESTS) / 2


@pytest.fixture(scope="module")
def corpus() -> Iterator[Warehouse]:
    truths = dict.fromkeys(draw_truths(BOOK.claims, np.random.default_rng(1)), "null")
    made = simulate(plant(BOOK.claims, truths), seed=7, size=SMALL)  # type: ignore[arg-type]
    with corpus_of(made.tables, now=NOW) as warehouse:
        yield warehouse


def test_without_the_weights_a_share_would_be_wrong(corpus: Warehouse) -> None:
    """Word lists drew struggles oftener: the raw share is off, the weighted one is not."""
    roots = (
        "select author_key as cluster, value >= 1 as y, weight as w from label "
        "inner join sample_unit using (unit_type, unit_key) "
        "inner join post on unit_key = post_key where is_root and code_id = 'struggleposting'"
    )
    corpus.execute(f"create temp table weighted as {roots} and thread_key < 2000000000")
    corpus.execute("create temp table raw as select cluster, y, 1 as w from weighted")
    [(weighted, error)] = corpus.execute("select est, se from est_share('weighted')")
    [(raw,)] = corpus.execute("select est from est_share('raw')")
    assert weighted == pytest.approx(0.42, abs=3 * error + 0.02)  # communities differ besides
    assert raw > weighted + 3 * error


def test_judging_a_corpus_twice_says_the_same(corpus: Warehouse) -> None:
    first, second = (judge(corpus, TESTS[:12], locks={}) for _ in range(2))
    assert first == second
    assert {check.part for check in first[1]} == {"bluesky", "reddit"}


def test_what_cannot_be_tested_cannot_be_planted() -> None:
    with pytest.raises(ValueError, match="claim C07 cannot be planted"):
        plant(BOOK.claims, {"C07": "true"})
    with pytest.raises(ValueError, match="strength"):
        plant(BOOK.claims, {}, strength=2)
