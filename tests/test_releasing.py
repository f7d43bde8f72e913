"""Batches on the real Label Studio: one open at a time, the next after the break, none twice."""

import os
import signal
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from annotation import label_studio
from annotation.codebook import load_codebook
from annotation.label_studio_server import Login, ServerHandle
from annotation.results import build_reason, build_result
from annotation.safety_log import read_flags
from flows import watching
from flows.coders import pushed_text
from flows.coding_round import pull_task, releasing
from flows.label_studio import TOKEN_VARIABLE
from flows.watching import nothing_told, take_turn
from flows.workspace import Workspace, open_workspace
from schema.errors import LabelStudioError, StudyInvalid
from schema.study_file import load_study
from tests.support.warehouse_rows import opened, post, qualify, save, units
from tests.test_warehouse_units import PLAN, frame_of
from transforms.scrub import SCRUBBER_VERSION
from warehouse import store

pytestmark = pytest.mark.label_studio

CODEBOOK = load_codebook()
STUDY = """[study]
name = "paced"
since = 2026-01-01

[label_studio]
url = "{url}"
embedded = false

[sampling]
timelines = 0

[coding]
coders = {coders}
batch = 2
high_intensity_share = 0.5
"""
HEAVY = "He hit me again, and I told nobody of it until today: {n}."


@pytest.fixture
def workspace(
    tmp_path: Path,
    label_studio_server: ServerHandle,
    coder_login: Login,
    monkeypatch: pytest.MonkeyPatch,
) -> Workspace:
    """A study of five drawn posts, two of them intense, in batches of two."""
    monkeypatch.setenv(TOKEN_VARIABLE, coder_login.token)
    monkeypatch.setenv("CONFIDE_STUDY", str(tmp_path))
    name = f"P{abs(hash(tmp_path)) % 10_000}"  # of this test alone: the server is everybody's
    with_coders(tmp_path, '["c1", "k8"]', label_studio_server.url)
    given: list[dict[str, Any]] = [{"scrubber_version": SCRUBBER_VERSION} for _ in range(5)]
    for n in (4, 5):
        given[n - 1] |= {"text": HEAVY.format(n=n)}
    with opened(tmp_path / "warehouse.duckdb") as warehouse:
        save(warehouse, *(post(n, **other) for n, other in enumerate(given, start=1)))
        drawn = units(*((n, n * 1000 + 1) for n in range(1, 6)), round_=name)
        plan = replace(PLAN, round=name)
        store.save_units(warehouse, drawn, plan=plan, frame=frame_of(warehouse))
        qualify(warehouse, "c1", "k8", "k9")
    (tmp_path / "round").write_text(name)
    return open_workspace(tmp_path)


def with_coders(folder: Path, coders: str, url: str) -> None:
    (folder / "study.toml").write_text(STUDY.format(url=url, coders=coders))


def push(workspace: Workspace, client: label_studio.Client) -> dict[str, int]:
    return releasing(workspace, CODEBOOK, "W1", round_of(workspace)).push(client)


def round_of(workspace: Workspace) -> str:
    return (workspace.directory / "round").read_text()


def project_of(
    workspace: Workspace, client: label_studio.Client, coder: str
) -> label_studio.Project:
    key = label_studio.ProjectKey("W1", CODEBOOK.version, round_of(workspace), "root", coder)
    found = label_studio.find_project(client, key)
    assert found is not None
    return found


def answer(workspace: Workspace, client: label_studio.Client, coder: str) -> None:
    """Answer the coder's open tasks: the first is coded, another cannot be."""
    tasks = label_studio.open_tasks(client, project_of(workspace, client, coder))
    for number, task in enumerate(tasks):
        coded = build_result(CODEBOOK, "root", {}, {}, [], task.text)
        label_studio.submit(client, task, build_reason("masked") if number else coded)
    pull_task.fn("W1", round_of(workspace))


def test_a_coder_has_one_batch_at_a_time_and_the_next_after_a_break(
    workspace: Workspace, client: label_studio.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, ahead = label_studio.server_time, [timedelta()]
    monkeypatch.setattr(label_studio, "server_time", lambda one: real(one) + ahead[0])
    assert push(workspace, client) == {"tasks": 4}
    assert push(workspace, client) == {"tasks": 0, "waiting_open": 2}
    answer(workspace, client, "c1")
    assert push(workspace, client) == {"tasks": 0, "waiting_open": 1, "waiting_break": 1}
    ahead[0] = timedelta(minutes=11)
    assert push(workspace, client) == {"tasks": 2, "waiting_open": 1}
    held = label_studio.task_uids(client, project_of(workspace, client, "c1"))
    with opened(workspace.warehouse) as warehouse:
        released = store.read_assignments(warehouse, "W1", round_of(workspace), CODEBOOK.version)
    mine = [one for one in released if one.coder == "c1"]
    assert held == {f"{one.unit_key:016x}" for one in mine}
    assert [one.batch for one in mine] == [1, 1, 2, 2]
    for number in (1, 2):  # half of a batch of two may be intense
        assert sum(one.is_intense for one in mine if one.batch == number) <= 1


def test_what_a_push_that_died_had_released_is_sent_by_the_next(
    workspace: Workspace, client: label_studio.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_arguments: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(label_studio, "push", dies)
        with pytest.raises(KeyboardInterrupt):
            push(workspace, client)
    assert push(workspace, client)["tasks"] == 4
    assert push(workspace, client)["tasks"] == 0


def test_a_coder_who_leaves_gives_back_what_lies_open_and_another_takes_it_up(
    workspace: Workspace, client: label_studio.Client
) -> None:
    push(workspace, client)
    answer(workspace, client, "k8")
    with_coders(workspace.directory, '["c1", "k9"]', client.url)
    after = open_workspace(workspace.directory)
    push(after, client)
    left = label_studio.task_uids(client, project_of(after, client, "k8"))
    assert len(left) == 2  # answered: what was coded counts
    assert len(label_studio.open_tasks(client, project_of(after, client, "k9"))) == 2
    pull_task.fn("W1", round_of(workspace))
    with opened(workspace.warehouse) as warehouse:
        coded = warehouse.execute("select distinct coder from landed.codings")
    assert coded == [("k8",)]


def test_a_crisis_flag_closes_its_unit_for_everybody_at_the_next_look(
    workspace: Workspace, client: label_studio.Client
) -> None:
    push(workspace, client)
    task, other = label_studio.open_tasks(client, project_of(workspace, client, "c1"))
    flagged = build_result(CODEBOOK, "root", {"crisis_flag": 1}, {}, [], task.text)
    label_studio.submit(client, task, flagged)
    told = nothing_told()
    take_turn(workspace, told)
    assert told["crisis_flags"] == 1
    uid = f"{task.unit_key:016x}"
    for coder in ("c1", "k8"):
        assert uid not in label_studio.task_uids(client, project_of(workspace, client, coder))
    assert [flag.post_uid for flag in read_flags(workspace.safety_log)] == [uid]
    assert other.unit_key != task.unit_key
    with opened(workspace.warehouse) as warehouse:  # the codebook's own text alone names the code
        tables = warehouse.execute(
            "select table_name from information_schema.tables "
            "where table_schema = 'landed' and table_name <> 'codebooks'"
        )
        for (table,) in tables:
            row = f"cast({table} as varchar)"
            held = f"select count(*) from landed.{table} where contains({row}, 'crisis_flag')"
            assert warehouse.scalar(held) == 0, table


def test_the_watch_goes_on_where_a_look_fails_and_ends_on_a_signal(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with_coders(tmp_path, '["c1"]', "http://127.0.0.1:1")
    monkeypatch.setenv("CONFIDE_STUDY", str(tmp_path))
    looks: list[Workspace] = []

    def look(workspace: Workspace, _told: dict[str, int]) -> None:
        looks.append(workspace)
        if len(looks) < 3:
            raise LabelStudioError("Label Studio does not answer for codings: is it running?")
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(watching, "take_turn", look)
    told = watching.watch.fn(0.01)
    assert told["failed"] == 2
    assert told["turns"] >= 3


def test_only_an_invented_study_may_lift_the_pace(tmp_path: Path) -> None:
    with_coders(tmp_path, '["c1"]', "http://127.0.0.1:1")
    path = tmp_path / "study.toml"
    path.write_text(path.read_text() + "paced = false\n")
    with pytest.raises(StudyInvalid, match="only for an invented study"):
        load_study(path)


def test_who_has_not_passed_the_quiz_gets_no_unit_and_is_told_why(
    workspace: Workspace, client: label_studio.Client
) -> None:
    with opened(workspace.warehouse) as warehouse:
        warehouse.execute("delete from landed.qualifications where coder = 'k8'")
        qualify(warehouse, "k8", version="0.9.0")  # a major version ago
    done = push(workspace, client)
    assert done == {"tasks": 2, "waiting_quiz": 1}
    told = pushed_text(workspace.directory, done)
    assert "k8: no unit before the quiz of codebook 1 is passed" in told
    assert "confide push --quiz" in told
    assert "c1" not in told
    key = label_studio.ProjectKey("W1", CODEBOOK.version, round_of(workspace), "root", "k8")
    assert label_studio.find_project(client, key) is None
    with opened(workspace.warehouse) as warehouse:
        qualify(warehouse, "k8", version="1.4.2")  # of the same major version
    assert push(workspace, client) == {"tasks": 2, "waiting_open": 1}
