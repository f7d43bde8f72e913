"""Coders of planted skill: alpha, labels and the second opinion come back to what was planted."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest

from annotation.agreement import measure_matrix
from annotation.alpha import alpha
from annotation.codebook import load_codebook
from annotation.dawid_skene import dawid_skene
from annotation.disputes import find_disputes
from flows.adjudicating import second_opinions
from tests.support.warehouse_rows import NOW, coding, codings, opened, spans
from tests.test_warehouse_codings import drawn
from warehouse import store

UNITS = 400
CODERS = 3


class Planted(NamedTuple):
    """A code as it truly is: chances of its values, and each coder's error table."""

    shares: Any
    errors: Any

    def sample(self, units: int, seed: int) -> tuple[Any, Any]:
        """Return true values, and values given: units by coders."""
        generator = np.random.default_rng(seed)
        truth = generator.choice(len(self.shares), size=units, p=self.shares)
        given = np.empty((units, CODERS))
        for coder in range(CODERS):
            steps = self.errors[coder].cumsum(axis=1)[truth]
            given[:, coder] = (generator.random(units)[:, None] > steps).sum(axis=1)
        return truth, given


def planted(seed: int) -> Planted:
    """Plant a code of 2 or 3 values with coders who are right in 80 to 95 of 100 cases."""
    generator = np.random.default_rng(seed)
    size = 2 + seed % 2
    shares = np.array([0.6, 0.4] if size == 2 else [0.5, 0.3, 0.2])
    right = generator.uniform(0.80, 0.95, size=(CODERS, size))
    errors = np.repeat(((1 - right) / (size - 1))[:, :, None], size, axis=2)
    errors[:, range(size), range(size)] = right
    return Planted(shares, errors)


CODES = [planted(seed) for seed in range(40)]
LEVELS = ("nominal", "ordinal")


def test_alphas_interval_holds_the_planted_alpha() -> None:
    hits = 0
    for seed, code in enumerate(CODES):
        level: Any = LEVELS[len(code.shares) - 2]
        truth = alpha(code.sample(40_000, 900 + seed)[1], level).value
        found = measure_matrix(code.sample(UNITS, seed)[1], level, seed=seed, draws=400)
        assert truth is not None
        hits += found["alpha_low"] <= truth <= found["alpha_high"]
    assert hits >= 35  # 38 of 40 expected


def test_dawid_and_skene_find_how_often_each_coder_is_right() -> None:
    hits = asked = 0
    better = []
    for seed, code in enumerate(CODES):
        truth, given = code.sample(UNITS, seed)
        fitted = dawid_skene(given)
        assert fitted is not None
        better.append((fitted.opinions == truth).mean() - (given[:, 0] == truth).mean())
        for coder in range(CODERS):
            right = np.diagonal(code.errors[coder])
            seen = np.diagonal(fitted.errors[coder])
            # a true value is known for sure in so many units only: twice the error of a share
            error = 2 * 1.96 * np.sqrt(right * (1 - right) / (UNITS * code.shares))
            hits += int((np.abs(seen - right) <= error).sum())
            asked += len(right)
    assert hits >= 0.95 * asked
    assert np.mean(better) > 0.03


def expected_share_right(code: Planted) -> float:
    """Sum over all that three coders can say: majority where it settles, else the truth."""
    size, right = len(code.shares), 0.0
    for truth in range(size):
        for said in np.ndindex(*[size] * CODERS):
            chance = code.shares[truth] * np.prod(
                [code.errors[coder, truth, value] for coder, value in enumerate(said)]
            )
            counts = np.bincount(said, minlength=size)
            is_disputed = max(said) - min(said) == 2 or counts.max() == 1
            right += chance * (is_disputed or counts.argmax() == truth)
    return float(right)


@pytest.mark.parametrize(("code_id", "seed"), [("struggleposting", 1), ("help_seeking_step", 2)])
def test_adjudicated_labels_are_right_as_often_as_planted(
    tmp_path: Path, code_id: str, seed: int
) -> None:
    code = CODES[seed]
    truth, given = code.sample(UNITS, seed)
    keys = range(1, UNITS + 1)
    rows = [
        coding(key, code_id, int(given[key - 1, coder]), coder=f"c{coder + 1}")
        for key in keys
        for coder in range(CODERS)
    ]
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, *keys)
        store.save_codings(warehouse, codings(*rows), spans(), now=NOW)
        coded = store.read_coded(warehouse, "W1", "R1", "1.0.0")
        disputes = find_disputes(coded, load_codebook())
        rulings = [
            (one.unit_key, code_id, 10**6 + one.unit_key, NOW, int(truth[one.unit_key - 1]), "x")
            for one in disputes
        ]
        store.save_rulings(
            warehouse,
            pl.DataFrame(rulings, schema=store.RULING, orient="row"),
            place=("W1", "R1", "1.0.0", "root"),
            adjudicator="a1",
            held_uids=(),
            now=NOW,
        )
        opinions = second_opinions(coded)
        store.save_second_opinions(warehouse, opinions, wave="W1", round_="R1", version="1.0.0")
        labels = warehouse.frame("select unit_key, value, label_route from label order by unit_key")
        counted = store.count_labels(warehouse)
    share = float((labels["value"].to_numpy() == truth).mean())
    expected = expected_share_right(code)
    assert abs(share - expected) <= 1.96 * np.sqrt(expected * (1 - expected) / UNITS)
    assert labels.filter(pl.col("label_route") == "adjudicated").height == len(disputes)
    assert counted["majority"] + counted.get("adjudicated", 0) == UNITS
    assert counted["doubted"] < UNITS / 4
