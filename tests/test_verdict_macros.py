"""Verdicts from end to end: codings in, what the data say of each claim out."""

import math
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from annotation.codebook import load_codebook
from schema.codebook import Codebook
from schema.errors import WarehouseError
from tests.support.warehouse_rows import (
    NOW,
    author,
    coding,
    codings,
    counts,
    opened,
    post,
    save,
    spans,
    units,
)
from tests.test_warehouse_units import PLAN, frame_of
from warehouse import store
from warehouse.models import make_views
from warehouse.verdicts import make_claim_views


def values_of(key: int) -> dict[str, int]:
    """Plant: 9 of 10 posts are struggles, all struggles seek empathy, a third seek connection."""
    is_struggle = key % 10 != 0
    return {
        "struggleposting": int(is_struggle),
        "audience_empathy_seeking": int(is_struggle),
        "theme_connection_validation": int(is_struggle and key % 3 == 0),
        "theme_support_community": 0,
        "theme_attention_empathy": 0,
        "theme_digital_footprint": 0,
    }


def measured(book: Codebook, *, low: tuple[str, ...] = ()) -> pl.DataFrame:
    """Return agreement rows for every code: 0.9, or 0.4 for those in `low`."""
    rows = []
    for code in book.codes:
        alpha, floor = 0.4 if code.id in low else 0.9, book.floor(code.id)
        is_met = None if floor is None else alpha >= floor
        rows.append(
            {
                "code_id": code.id,
                "level": "ordinal",
                "alpha": alpha,
                "alpha_low": alpha - 0.05,
                "alpha_high": alpha + 0.05,
                "n_units": 90,
                "n_coders": 3,
                "prevalence": 0.3,
                "positive_agreement": 0.8,
                "raw_agreement": 0.9,
                "floor": floor,
                "is_floor_met": is_met,
                "reason": None,
            }
        )
    return pl.DataFrame(rows, infer_schema_length=None)


def coded(warehouse: store.Warehouse, book: Codebook, n: int = 120) -> None:
    """Save, draw and code n roots by 60 authors, all three coders of one mind."""
    keys = range(1, n + 1)
    save(warehouse, *(post(key, author_pseudonym=author(key % 60)) for key in keys))
    drawn = units(*((key, key * 1000 + 1) for key in keys))
    store.save_units(warehouse, drawn, plan=PLAN, frame=frame_of(warehouse))
    store.save_codebook(warehouse, book)
    store.set_current_round(warehouse, "W1", "R1", book.version)
    rows = [
        coding(key, code, value, coder=coder)
        for key in keys
        for code, value in values_of(key).items()
        for coder in ("c1", "c2", "c3")
    ]
    store.save_codings(warehouse, codings(*rows), spans(), now=NOW)


def verdicts(warehouse: store.Warehouse) -> dict[str, dict[str, Any]]:
    store.compute_verdicts(warehouse, now=NOW)
    return {row["claim_id"]: row for row in warehouse.frame("select * from verdicts").to_dicts()}


def test_claims_are_judged_from_codings(tmp_path: Path) -> None:
    book = load_codebook()
    with opened(tmp_path / "w.duckdb") as warehouse:
        coded(warehouse, book)
        store.save_agreement(
            warehouse,
            measured(book, low=("theme_support_community",)),
            wave="W1",
            round_="R1",
            now=NOW,
        )
        found = verdicts(warehouse)
    assert len(found) == len(book.claims)
    assert found["C19"]["verdict"] == "supported"
    assert (found["C19"]["estimate"], found["C19"]["n"]) == (1.0, 108)
    assert found["C05"]["verdict"] in ("supported", "inconclusive")
    assert found["C05"]["estimate"] == pytest.approx(1 / 3)
    assert found["C24"]["verdict"] == "supported"  # a share below its smallest effect
    assert found["C07"]["verdict"] == "not testable"
    assert (found["C01"]["verdict"], found["C01"]["estimate"]) == ("locked", None)
    assert found["C01"]["reason"] == "theme_support_community reaches 0.40, its floor is 0.67"
    assert found["C23"]["verdict"] == "no data"
    assert found["C36"]["verdict"] == "no data"


def test_a_code_that_was_never_measured_locks_every_claim_on_it(tmp_path: Path) -> None:
    book = load_codebook()
    with opened(tmp_path / "w.duckdb") as warehouse:
        coded(warehouse, book, n=10)
        found = verdicts(warehouse)
    assert not {row["verdict"] for row in found.values()} & {"supported", "not supported"}
    assert "struggleposting was never measured" in found["C19"]["reason"]
    resting = {claim.id for claim in book.claims if claim.needs.codes}
    assert {key for key, row in found.items() if row["verdict"] == "locked"} == resting


def test_agreement_of_another_codebook_version_unlocks_nothing(tmp_path: Path) -> None:
    book = load_codebook()
    with opened(tmp_path / "w.duckdb") as warehouse:
        coded(warehouse, book, n=10)
        store.save_agreement(
            warehouse, measured(book), wave="W1", round_="R1", codebook_version="0.9.0", now=NOW
        )
        assert verdicts(warehouse)["C19"]["verdict"] == "locked"


def test_every_claim_of_the_codebook_runs_and_its_companion_too(tmp_path: Path) -> None:
    book = load_codebook()
    with opened(tmp_path / "w.duckdb") as warehouse:
        coded(warehouse, book, n=5)
        make_views(warehouse.connection)
        make_claim_views(warehouse.connection)
        made = warehouse.execute("from duckdb_views() where view_name like 'claim_c%'")
        assert len(made) == len([claim for claim in book.claims if claim.sql is not None])
        for claim in book.claims:
            if claim.companion_sql is not None:
                warehouse.execute(claim.companion_sql)


def test_a_claim_whose_sql_does_not_run_is_an_error_not_a_silence(tmp_path: Path) -> None:
    book = load_codebook()
    broken = book.claims[0].model_copy(update={"sql": "select no_such_column from v_post"})
    with opened(tmp_path / "w.duckdb") as warehouse:
        coded(warehouse, book.model_copy(update={"claims": (broken,)}), n=5)
        with pytest.raises(WarehouseError, match="claim C01 of the codebook does not run"):
            store.compute_verdicts(warehouse, now=NOW)


def test_without_a_round_there_is_no_verdict(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        assert store.compute_verdicts(warehouse, now=NOW) == 0


def test_threads_weigh_their_replies_and_leave_unsettled_ones_out(tmp_path: Path) -> None:
    support = {"reply_emotional_support": 1, "reply_esteem_validation": 0}
    plan = type(PLAN)(unit_kind="reply")
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(warehouse, post(1), *(post(key, parent_key=1) for key in (2, 3, 4)))
        drawn = units(*((key, key * 1000 + 1) for key in (2, 3, 4)), kind="reply")
        store.save_units(warehouse, drawn, plan=plan, frame=frame_of(warehouse, "reply"))
        store.set_current_round(warehouse, "W1", "R1", "1.0.0")
        kind = {"unit_kind": "reply"}
        rows = [coding(2, code, value, **kind) for code, value in support.items()]
        rows += [coding(3, code, 0, **kind) for code in support]
        rows += [
            coding(4, code, value, coder=coder, **kind)
            for code in support
            for coder, value in (("c1", 0), ("c2", 1))
        ]
        store.save_codings(warehouse, codings(*rows), spans(), now=NOW)
        make_views(warehouse.connection)
        [(coded_count, supportive, hostile)] = warehouse.execute(
            "select n_coded, supportive_share, harm_share from v_thread"
        )
    assert (coded_count, supportive, hostile) == (3, 0.5, None)


def test_what_was_never_observed_is_no_reaction_of_zero(tmp_path: Path) -> None:
    seen_at = {1: [1, 24], 2: [24], 3: []}  # hours after each post at which it was counted
    created_at = post(1)["created_at"]
    looks = [
        {
            "post_key": key,
            "observed_at": created_at + timedelta(minutes=key - 1, hours=hours),
            "reddit_score": -4 if key == 1 else 7,
            "reddit_crossposts_count": 0,
            "replies_count": 2,
        }
        for key, ages in seen_at.items()
        for hours in ages
    ]
    with opened(tmp_path / "w.duckdb") as warehouse:
        save(
            warehouse,
            *(post(key, author_pseudonym=author(1)) for key in seen_at),
            snapshots=counts(*looks),
        )
        make_views(warehouse.connection)
        found = warehouse.execute(
            "select post_key, r1h, r1h_own, r24h_own, fb from v_engage order by post_key"
        )
    [first, second] = found
    assert first[:3] == (1, -4, None)  # no other of its author's posts was counted at that age
    assert first[3] == pytest.approx(-math.log(8))  # a score below zero counts as none
    assert second[:3] == (2, None, None)
    assert second[3] == pytest.approx(math.log(8))
    assert second[4] == pytest.approx(math.log(10))


def test_a_lock_names_the_end_of_the_interval_that_locks(tmp_path: Path) -> None:
    book = load_codebook()
    unsure = measured(book).with_columns(
        alpha_low=pl.when(pl.col("code_id") == "theme_support_community")
        .then(0.3)
        .otherwise("alpha_low"),
        is_floor_met=pl.col("is_floor_met") & (pl.col("code_id") != "theme_support_community"),
    )
    with opened(tmp_path / "w.duckdb") as warehouse:
        coded(warehouse, book)
        store.save_agreement(warehouse, unsure, wave="W1", round_="R1", now=NOW)
        found = verdicts(warehouse)
    assert found["C01"]["reason"] == (
        "theme_support_community reaches 0.90, but its interval begins at 0.30: "
        "too few units to be sure"
    )


def test_no_data_shows_no_estimate(tmp_path: Path) -> None:
    book = load_codebook()
    with opened(tmp_path / "w.duckdb") as warehouse:
        coded(warehouse, book, n=10)
        store.save_agreement(warehouse, measured(book), wave="W1", round_="R1", now=NOW)
        found = verdicts(warehouse)
    row = found["C19"]
    assert (row["verdict"], row["n"] > 0) == ("no data", True)
    assert {row[name] for name in ("estimate", "se", "interval_low", "interval_high")} == {None}
