"""Adjudication: what is disputed, what an adjudicator sees, and what comes back as a label."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import polars as pl
import pytest

from annotation import label_studio
from annotation.adjudication_form import TASK_FIELDS, adjudication_config
from annotation.codebook import load_codebook
from annotation.dawid_skene import dawid_skene
from annotation.disputes import Dispute, find_disputes
from flows.adjudicating import adjudication_projects, disputes_text, settle
from flows.coding_round import draw_task
from schema.codebook import Codebook
from tests.support.coding_tasks import coding_task
from tests.support.command import PORCH
from tests.support.passes import passes
from tests.support.reddit_village import NOON, minutely, village
from tests.support.warehouse_rows import NOW, coding, opened
from tests.test_warehouse_codings import drawn, keep, labels
from warehouse import store

CODE = "struggleposting"
LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    ("code", "values", "why"),
    [
        (CODE, [2], None),
        (CODE, [1, 1, 2], None),
        (CODE, [1, 2], "tie"),
        (CODE, [1, 1, 2, 2], "tie"),
        (CODE, [0, 0, 2], "two steps apart"),
        (CODE, [0, 1, 2], "two steps apart"),
        ("help_seeking_step", [0, 0, 1], None),
        ("identifying_detail", [0, 0, 1], "safety"),
        ("identifying_detail", [1, 1, 1], None),
    ],
)
def test_ties_gaps_and_safety_are_disputed(code: str, values: list[int], why: str | None) -> None:
    frame = pl.DataFrame({"value": values}).with_columns(
        unit_kind=pl.lit("root"), unit_key=7, code=pl.lit(code)
    )
    found = find_disputes(frame, load_codebook())
    assert [one.why for one in found] == ([] if why is None else [why])
    if why is not None:
        assert found[0].readings == tuple(sorted(values))


def test_the_form_shows_readings_and_rules_but_no_coder() -> None:
    config = adjudication_config(load_codebook())
    fields = {value[1:] for tag in ET.fromstring(config).iter() for value in tag.attrib.values()}
    assert set(TASK_FIELDS) - {"dispute"} <= fields
    hotkeys = [tag.attrib["hotkey"] for tag in ET.fromstring(config).iter("Choice")]
    assert len(hotkeys) == len(set(hotkeys))
    assert "coder" not in config.lower()


def ruling(value: int, *, annotation: int = 9001, rule: str | None = "x", **other: Any) -> Any:
    row = {"unit_key": 1, "code_id": CODE, "annotation_id": annotation, "revised_at": LATER}
    return pl.DataFrame([row | {"value": value, "rule": rule} | other], schema=store.RULING)


def rule(warehouse: store.Warehouse, rows: pl.DataFrame, *held: tuple[int, str]) -> int:
    return store.save_rulings(
        warehouse,
        rows,
        place=("W1", "R1", "1.0.0", "root"),
        adjudicator="a1",
        held_uids=held,
        now=NOW,
    )


def test_a_ruling_settles_its_code_alone_until_it_is_taken_back(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1)
        keep(warehouse, coding(1, CODE, 0), coding(1, CODE, 2, coder="c2"))
        keep(warehouse, coding(1, "help_seeking_step", 1, annotation_id=101))
        assert rule(warehouse, ruling(1)) == 1
        assert rule(warehouse, ruling(1)) == 0
        assert sorted(labels(warehouse), key=repr) == [
            (1, 1, 3, "adjudicated"),
            (1, 1, 3, "single"),
        ]
        assert store.open_disputes(warehouse, "W1", "R1", "1.0.0").is_empty()
        later = ruling(2, rule=None, revised_at=LATER + timedelta(minutes=1))
        assert rule(warehouse, later) == 1
        [asked] = store.open_disputes(warehouse, "W1", "R1", "1.0.0").to_dicts()
        assert (asked["value"], asked["readings"]) == (2, [0, 2])
        assert store.ruled_units(warehouse, "W1", "R1", "1.0.0") == {(1, CODE)}
        assert rule(warehouse, ruling(1).clear()) == 0  # its task is gone: the ruling stays
        assert store.ruled_units(warehouse, "W1", "R1", "1.0.0") == {(1, CODE)}
        rule(warehouse, ruling(1).clear(), (1, CODE))
        assert store.ruled_units(warehouse, "W1", "R1", "1.0.0") == set()
        assert all(count == 0 for _, count in store.run_checks(warehouse))


def test_a_withheld_units_ruling_counts_no_more(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb") as warehouse:
        drawn(warehouse, 1)
        keep(warehouse, coding(1, CODE, 0), coding(1, CODE, 2, coder="c2"))
        rule(warehouse, ruling(1))
        store.withhold_units(warehouse, [1], at=NOW)
        assert store.ruled_units(warehouse, "W1", "R1", "1.0.0") == set()
        assert labels(warehouse) == []


def test_dawid_and_skene_side_with_the_reliable_and_bear_missing_values() -> None:
    nan = float("nan")
    rows: Any = [[1, 1, 0]] * 30 + [[0, 0, 1]] * 30 + [[1, 1, 1]] * 10 + [[0, 0, 0]] * 10
    rows += [[1, nan, nan], [nan, nan, 1]]
    fitted = dawid_skene(np.array(rows, dtype=float))
    assert fitted is not None
    assert fitted.opinions[:80].tolist() == [row[0] for row in rows[:80]]
    assert np.allclose(fitted.posterior.sum(axis=1), 1)
    assert fitted.errors[0, 1, 1] > 0.95 > fitted.errors[2, 1, 1]
    assert dawid_skene(np.full((2, 2), nan)) is None


@pytest.mark.label_studio
def test_disputes_go_to_label_studio_once_and_come_back_as_rulings(
    client: label_studio.Client, codebook: Codebook, new_key: Callable[[], label_studio.ProjectKey]
) -> None:
    key = new_key()
    tasks = {task.unit_key: task for task in (coding_task(9101), coding_task(9102))}
    first, second = tasks
    disputes = [
        Dispute("root", first, CODE, (0, 2), "two steps apart"),
        Dispute("root", first, "help_seeking_step", (0, 1), "tie"),
        Dispute("root", second, CODE, (1, 2), "tie"),
        Dispute("root", 99, CODE, (1, 2), "tie"),
    ]
    project = label_studio.ensure_adjudication(client, key, codebook)
    assert label_studio.ensure_adjudication(client, key, codebook) == project
    pushed = [
        label_studio.push_disputes(client, project, codebook, disputes, tasks) for _ in range(2)
    ]
    assert pushed == [3, 0]
    answers: dict[str, tuple[int, int | None]] = {CODE: (1, None), "help_seeking_step": (2, 1)}
    for task, code_id, _readings in label_studio.open_disputes(client, project):
        label_studio.submit(client, task, label_studio.ruling_result(*answers[code_id]))
    found = label_studio.pull_rulings(client, project, codebook)
    assert found.refused_count == 1  # the binary code has no value 2
    assert {(one.unit_key, one.code_id, one.value, one.rule) for one in found.standing} == {
        (first, CODE, 1, None),
        (second, CODE, 1, None),
    }
    assert found.held_uids == {one.uid for one in disputes[:3]}
    assert label_studio.open_disputes(client, project) == []
    assert label_studio.remove_tasks(client, {tasks[first].post_uid}) == 2


@pytest.mark.label_studio
def test_a_round_is_settled_by_what_the_adjudicator_rules(
    tmp_path: Path, client: label_studio.Client
) -> None:
    with village(minutely(4, until=NOON)) as place:
        study = passes(tmp_path, reddit=place.url, now=NOON, sources=PORCH)
        path = study.place.folder / "study.toml"
        path.write_text(path.read_text() + "\n[label_studio]\nembedded = false\n")
        study.collect()
        study.now = NOON + timedelta(days=20)
        with study.workspace() as workspace:
            draw_task.fn("W1", "ruled", 4, 0)
            with store.open_warehouse(workspace.warehouse, now=study.now) as warehouse:
                keys = sorted(store.unit_keys(warehouse, "W1", "ruled", "root"))
                rows = [
                    coding(key, CODE, value, coder=coder, round="ruled", annotation_id=10 * n + m)
                    for n, key in enumerate(keys)
                    for m, (coder, value) in enumerate((("c1", 2), ("c2", 2 * (n > 0))))
                ]
                keep(warehouse, *rows)
            first = settle(workspace, client, "W1", "ruled")
            assert (first["queued"], first["open"], first["rulings"]) == (1, 1, 0)
            assert settle(workspace, client, "W1", "ruled")["queued"] == 0
            [key] = [
                one
                for one in adjudication_projects(workspace, load_codebook(), "W1", "ruled")
                if one.unit_kind == "root"
            ]
            project = label_studio.find_project(client, key)
            assert project is not None
            [(task, code_id, readings)] = label_studio.open_disputes(client, project)
            assert (task.unit_key, code_id, readings) == (keys[0], CODE, [0, 2])
            label_studio.submit(client, task, label_studio.ruling_result(1, None))
            last = settle(workspace, client, "W1", "ruled")
            assert (last["rulings"], last["open"], last["disputes"]) == (1, 0, 1)
            assert (last["majority"], last["adjudicated"]) == (len(keys) - 1, 1)
            told = disputes_text(study.place.folder, "W1", "ruled")
    assert f"- `{CODE}`: coders read 0, 2; ruled 1 for now (a1" in told
