"""How coders get on: what status says of them, from the warehouse."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from flows import coders
from tests.support.warehouse_rows import NOW, coding, opened
from tests.test_warehouse_codings import CODE, drawn, keep
from warehouse import store


def test_progress_tells_units_pace_agreement_drift_and_the_quiz(tmp_path: Path) -> None:
    old = NOW - timedelta(days=20)
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1, 2, 3)
        keep(
            warehouse,
            coding(1, CODE, 1, coded_at=old),
            *(coding(key, CODE, 1, lead_seconds=40.0) for key in (2, 3)),
            coding(1, CODE, 1, coder="c2"),
            coding(1, CODE, 0, coder="a1"),
        )
        part = {"code_id": CODE, "level": "ordinal", "n_units": 1, "n_coders": 2}
        parts = pl.DataFrame(
            [
                {
                    **part,
                    "part_kind": "coders",
                    "part": "c1 x c2",
                    "alpha": 0.8,
                    "is_drifting": None,
                },
                {
                    **part,
                    "part_kind": "coders",
                    "part": "c1 x c3",
                    "alpha": 0.6,
                    "is_drifting": None,
                },
                {**part, "part_kind": "drift", "part": "c2 2026-03-02", "is_drifting": True},
            ],
            schema_overrides={"is_drifting": pl.Boolean},
        )
        none = pl.DataFrame(schema={"code_id": pl.String})
        store.save_agreement(warehouse, none, parts=parts, wave="W1", round_="R1", now=NOW)
        score = {"coder": "c1", "asked_count": 9, "answered_count": 9, "right_count": 9}
        scores = pl.DataFrame([score | {"crisis_missed_count": 0, "is_passed": True}])
        for _ in range(2):
            store.save_qualifications(warehouse, scores, codebook_version="1.0.0", now=NOW)
        one, two = store.read_progress_of_coders(warehouse).to_dicts()
        assert store.unit_seconds(warehouse, "c1") == 40  # of 20, 40 and 40
        assert store.unit_seconds(warehouse, "c9") is None
    assert (one["coder"], one["coded"], one["median_seconds"], one["last_week"]) == ("c1", 3, 40, 2)
    assert (one["mean_alpha"], one["drifting_codes"], one["quiz_passed"]) == (0.7, 0, True)
    assert (two["coder"], two["coded"], two["mean_alpha"]) == ("c2", 1, 0.8)
    assert (two["drifting_codes"], two["quiz_passed"]) == (1, None)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        ([], "passwords were shown when they were made"),
        ([{"coder": "c1", "address": "c1@x.invalid", "password": "moss"}], "password moss"),
    ],
)
def test_passwords_are_said_once(made: list[dict[str, str]], told: str) -> None:
    assert told in coders.said(made)
