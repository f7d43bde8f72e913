"""Retention: text and rows go when the policy says, in counts first, and do not come back."""

import json
import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from annotation.safety_log import CrisisFlag, read_flags, record_flags
from flows.coding_round import draw_task
from flows.retain import retain_task
from tests.support.command import PORCH, environment
from tests.support.passes import Passes, passes
from tests.support.prefect_server import PrefectServer
from tests.support.reddit_village import NOON, Village, minutely, village
from tests.support.warehouse_rows import opened, post, save
from warehouse import store

WORDS = "The boards creaked"
YEAR = NOON + timedelta(days=366)


@pytest.fixture(scope="module")
def porch() -> Iterator[Village]:
    with village(minutely(6, until=NOON)) as place:
        yield place


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory, porch: Village) -> Path:
    """Collect, draw and raise two flags once; tests work on copies."""
    folder = tmp_path_factory.mktemp("retain")
    study = passes(folder, reddit=porch.url, now=NOON, sources=PORCH)
    study.collect()
    study.now = NOON + timedelta(days=20)
    with study.workspace() as workspace:
        draw_task.fn("W1", "R1", 4, 0)
        flags = [
            CrisisFlag(NOON + timedelta(days=days), f"{days:016x}", "R1", "c1") for days in (0, 300)
        ]
        record_flags(workspace.safety_log, flags)
    return folder


@pytest.fixture
def study(tmp_path: Path, collected: Path, porch: Village) -> Passes:
    made = passes(tmp_path, reddit=porch.url, now=YEAR, sources=PORCH)
    shutil.copytree(collected / made.place.folder.name, made.place.folder, dirs_exist_ok=True)
    return made


def retain(study: Passes, *, dry_run: bool = False, at: datetime = YEAR) -> dict[str, int]:
    study.now = at
    with study.workspace():
        return retain_task.fn(dry_run)


@pytest.mark.prefect_server
def test_the_dry_run_counts_by_rule_and_the_run_does_it(
    study: Passes, prefect_server: PrefectServer
) -> None:
    study.place = study.place.having(**prefect_server.environment(), CONFIDE_NOW=YEAR.isoformat())
    path = study.place.folder / "warehouse.duckdb"
    before = path.read_bytes()
    told = study.place.invoke("retain", "--dry-run", "--json").succeeds().out
    due = {"texts_count": 6, "reddit_posts_count": 0, "units_count": 3, "safety_lines_count": 1}
    assert json.loads(told) == due
    assert study.sql("select count(*) from post where text_masked like ?", [f"%{WORDS}%"]).item()
    assert len(before) == path.stat().st_size
    assert json.loads(study.place.invoke("retain", "--json").succeeds().out) == due
    assert study.sql("select count(*) as n, max(trim(text_masked)) as t from post").rows() == [
        (6, "")
    ]
    with study.workspace() as workspace:
        assert len(read_flags(workspace.safety_log)) == 1
    again = json.loads(study.place.invoke("retain", "--json").succeeds().out)
    assert set(again.values()) == {0}
    lines = study.sql("select reason, rows_by_store from removals_audit order by seq").rows()
    assert [reason for reason, _ in lines] == ["retain", "retain"]
    assert json.loads(lines[0][1]) == due


def test_a_text_is_kept_to_its_last_day(study: Passes) -> None:
    assert retain(study, at=NOON + timedelta(days=364))["texts_count"] == 0
    assert retain(study, at=NOON + timedelta(days=365))["texts_count"] == 6


def test_no_later_look_brings_a_text_back(study: Passes, porch: Village) -> None:
    retain(study)
    before = study.held()
    try:
        porch.now = study.now
        study.refresh()
        study.collect()
    finally:
        porch.now = NOON
    assert study.held() == before
    texts = study.sql("select distinct concat(title, text) as words from landed.post_versions")
    assert texts["words"].to_list() == [""]


def test_units_without_text_are_neither_drawn_nor_shown(study: Passes) -> None:
    retain(study)
    with study.workspace() as workspace:
        path = workspace.warehouse
        with store.open_warehouse(path, now=study.now) as warehouse:
            assert store.unit_keys(warehouse, "W1", "R1", "root") == set()
            assert store.coding_tasks(warehouse, "W1", "R1", "root") == []
            assert store.count_units(warehouse, "W1", "R1", "root") == 3
            frame = store.sampling_frame(warehouse, "root", now=study.now, minimum_age_days=14)
            assert frame.is_empty()
            assert all(count == 0 for _, count in store.run_checks(warehouse))


def test_a_remasked_text_is_no_younger(tmp_path: Path) -> None:
    with opened(tmp_path / "w.duckdb", now=YEAR) as warehouse:
        early = {"observed_at": NOON, "scrubber_version": 1}
        save(warehouse, post(1, **early))
        save(warehouse, post(1, observed_at=YEAR, scrubber_version=2))
        assert store.old_texts(warehouse, now=YEAR, months=12) == [1]
        save(warehouse, post(1, observed_at=YEAR, version_key=1002, text="Mended.", edited_at=YEAR))
        assert store.old_texts(warehouse, now=YEAR, months=12) == []


APPROVED = """
[platforms.reddit.approval]
programme = "Reddit for Researchers"
reference = "x"
communities = ["QuietPorch"]
signed_by = ["lead", "officer"]
expires = 2020-02-10
"""
EXPORTS = """
[[source]]
name = "old-dumps"
kind = "reddit_archive"
permission = { reference = "x", covers = "x", expires = 2020-02-10 }
[[source]]
name = "new-dumps"
kind = "reddit_archive"
permission = { reference = "x", covers = "x", expires = 2099-02-10 }
"""


def real(study: Passes) -> None:
    """Let the study be one of the real Reddit, as its rows say."""
    name = study.place.folder.name
    text = f'[study]\nname = "{name}"\nsince = 2026-01-01\n{APPROVED}{PORCH}{EXPORTS}'
    (study.place.folder / "study.toml").write_text(text, "utf-8")
    study.write("update landed.post_versions set route = 'reddit_approved_api' where rowid < 3")
    study.write(
        "update landed.post_versions set route = 'reddit_archive', "
        "source = case rowid when 3 then 'old-dumps' else 'new-dumps' end where rowid >= 3"
    )


def test_reddit_s_rows_go_when_their_permission_has_ended(study: Passes) -> None:
    real(study)
    live = study.place.without("CONFIDE_NOW")
    with environment({**live.variables(), "CONFIDE_STUDY": str(live.folder)}):
        assert retain_task.fn(True)["reddit_posts_count"] == 4
        assert len(study.held()) == 6
        retain_task.fn(False)
        assert retain_task.fn(True)["reddit_posts_count"] == 0
    lines = study.sql("select reason, posts_count from removals_audit where platform = 'reddit'")
    assert lines.rows() == [("expired", 4)]
    assert study.sql("select distinct source from landed.post_versions").item() == "new-dumps"
    assert study.sql("select count(*) from landed.units").item() <= 2
