"""Do intervals cover, and verdicts err, as often as they say? Simulated corpora, planted effects.

`python -m bench.bench_planted_truth [CORPORA [PARQUET]]` draws that many (200), lets chance say of
each claim whether it is true, false or null, judges them with the warehouse's own views and
estimators, and prints the table that `docs/verdicts.md` shows. Two processes.
"""

import sys
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime
from functools import partial
from multiprocessing import get_context
from time import perf_counter

import numpy as np
import polars as pl

from annotation.codebook import load_codebook
from demo.planted import STEPS, Truth, draw_truths, plant
from demo.simulated import simulate
from demo.simulated_roots import Size
from warehouse.from_frames import corpus_of
from warehouse.judging import ClaimTest, judge

NOW = datetime(2026, 12, 1)  # noqa: DTZ001  naive UTC
BOOK = load_codebook()
TESTS = tuple(
    ClaimTest(
        claim.id, claim.kind, claim.sign, claim.sesoi, claim.testability, claim.priority, claim.sql
    )
    for claim in BOOK.claims
    if claim.is_testable
)


def judged(seed: int, size: Size | None = None) -> list[dict[str, object]]:
    """Simulate one corpus and judge it; one row a claim, with what was planted."""
    wanted = draw_truths(BOOK.claims, np.random.default_rng([seed, 1]))
    corpus = simulate(plant(BOOK.claims, wanted), seed=seed, size=size)
    truths = {claim.claim_id: _truth(claim, corpus.truths[claim.claim_id]) for claim in TESTS}
    with corpus_of(corpus.tables, now=NOW) as warehouse:
        findings, _ = judge(warehouse, TESTS, locks={}, has_checks=False)
    return [
        {
            "seed": seed,
            "claim_id": found.claim_id,
            "truth": truths[found.claim_id],
            "planted": corpus.truths[found.claim_id],
            "verdict": found.verdict,
            "estimate": found.estimate,
            "se": found.se,
            "low": found.interval_low,
            "high": found.interval_high,
            "is_primary": claim.priority == "primary",
        }
        for claim, found in zip(TESTS, findings, strict=True)
    ]


def _truth(claim: ClaimTest, planted: float) -> Truth:
    """Say what an effect makes of a claim; within a twentieth of a step it is null."""
    assert claim.sesoi is not None
    beyond = claim.sign * (planted - claim.sesoi) / STEPS[claim.claim_id]
    return "null" if abs(beyond) < 0.05 else "true" if beyond > 0 else "false"


def judge_many(
    seeds: Iterable[int], *, size: Size | None = None, processes: int = 2
) -> pl.DataFrame:
    """Judge a corpus a seed, in processes of their own: Polars' threads do not survive a fork."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        rows = [row for found in pool.map(partial(judged, size=size), seeds) for row in found]
    return pl.DataFrame(rows, infer_schema_length=None)


def rates(rows: pl.DataFrame, *by: str) -> pl.DataFrame:
    """Return coverage, power and error rates, over all rows or by columns.

    covered: of intervals, those that hold what was planted. wrongly_supported: of claims that are
    null or false. wrongly_refuted: of claims that are null or true.
    """
    is_true, is_false = pl.col("truth") == "true", pl.col("truth") == "false"
    supported, refuted = pl.col("verdict") == "supported", pl.col("verdict") == "not supported"
    figures = [
        pl.len().alias("n"),
        pl.col("planted").is_between("low", "high").mean().alias("covered"),
        ((pl.col("estimate") - pl.col("planted")) / pl.col("se")).mean().alias("bias_in_se"),
        supported.filter(is_true).mean().alias("power"),
        refuted.filter(is_false).mean().alias("refuting_power"),
        supported.filter(~is_true).mean().alias("wrongly_supported"),
        refuted.filter(~is_false).mean().alias("wrongly_refuted"),
        (pl.col("verdict") == "no data").sum().alias("no_data"),
    ]
    return rows.group_by(by, maintain_order=True).agg(figures) if by else rows.select(figures)


def main(arguments: list[str]) -> None:
    """Print the table in Markdown, and the rates over all claims."""
    corpora = int(arguments[0]) if arguments else 200
    began = perf_counter()
    rows = judge_many(range(1, corpora + 1))
    seconds = perf_counter() - began
    if len(arguments) > 1:
        rows.write_parquet(arguments[1])
    with pl.Config(
        tbl_formatting="MARKDOWN", tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True,
        tbl_rows=-1, tbl_cols=-1, float_precision=3, tbl_width_chars=200,
    ):  # fmt: skip
        print(rates(rows, "claim_id"))
        print(rates(rows, "is_primary"))
        print(rates(rows))
    found = rows.filter(pl.col("is_primary") & (pl.col("verdict") == "supported"))
    wrong = found.filter(pl.col("truth") != "true").height / max(found.height, 1)
    print(f"false among the supported primary claims: {wrong:.3f}; {seconds / corpora:.1f} s each")


if __name__ == "__main__":
    main(sys.argv[1:])
