"""A crisis flag acts at once: logged outside the warehouse, and its unit closed for everybody."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from label_studio_sdk import LabelStudio

from annotation import label_studio
from annotation.label_studio_server import ServerHandle
from annotation.safety_log import CrisisFlag, read_flags
from flows.coding_round import close_flagged
from flows.workspace import Workspace, open_workspace
from schema.errors import CorpusError
from tests.support.ports import free_port
from tests.support.warehouse_rows import opened, post, save, units
from tests.test_warehouse_units import PLAN, frame_of
from warehouse import store

pytestmark = pytest.mark.label_studio

AT = datetime(2026, 3, 30, 12, tzinfo=UTC)
STUDY = """[study]
name = "crisis"
since = 2026-01-01

[label_studio]
url = "{url}"
embedded = false
"""


@pytest.fixture
def workspace(tmp_path: Path, label_studio_server: ServerHandle) -> Workspace:
    """A study of two drawn posts, on the session's Label Studio."""
    (tmp_path / "study.toml").write_text(STUDY.format(url=label_studio_server.url))
    with opened(tmp_path / "warehouse.duckdb") as warehouse:
        save(warehouse, post(1), post(2))
        drawn = units((1, 1001), (2, 2001))
        store.save_units(warehouse, drawn, plan=PLAN, frame=frame_of(warehouse))
    return open_workspace(tmp_path)


def flag(unit_key: int) -> CrisisFlag:
    return CrisisFlag(AT, f"{unit_key:016x}", "R1", "c1")


def on_offer(workspace: Workspace) -> list[int]:
    with opened(workspace.warehouse) as warehouse:
        return [task.unit_key for task in store.coding_tasks(warehouse, "W1", "R1", "root")]


def test_a_flagged_unit_is_logged_withheld_and_gone_from_label_studio(
    workspace: Workspace, client: label_studio.Client, project: label_studio.Project
) -> None:
    with opened(workspace.warehouse) as warehouse:
        tasks = store.coding_tasks(warehouse, "W1", "R1", "root")
    label_studio.push(client, project, tasks)
    close_flagged(workspace, client, [flag(1)])
    assert label_studio.task_uids(client, project) == {f"{2:016x}"}
    assert on_offer(workspace) == [2]
    assert read_flags(workspace.safety_log) == [flag(1)]
    assert workspace.safety_log.stat().st_mode & 0o777 == 0o600
    assert b"crisis_flag" not in workspace.warehouse.read_bytes()


def test_whatever_fails_after_the_log_no_push_offers_the_unit_again(workspace: Workspace) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    nobody = label_studio.Client(url, LabelStudio(base_url=url, api_key="a.b.c", max_retries=0))
    with pytest.raises(CorpusError):
        close_flagged(workspace, nobody, [flag(1)])
    assert on_offer(workspace) == [2]
    assert read_flags(workspace.safety_log) == [flag(1)]
