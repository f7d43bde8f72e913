"""Label Studio killed while it is pushed to and pulled from: nothing twice, nothing lost."""

import json
import os
import random
import shutil
import signal
from collections import Counter
from contextlib import suppress
from pathlib import Path
from threading import Timer

import pytest

from annotation import detached, label_studio
from annotation import label_studio_server as server
from annotation.codebook import load_codebook
from annotation.label_studio_client import tasks_where
from annotation.results import build_result
from schema.coding import CodingTask
from schema.errors import LabelStudioError
from tests.support.coding_tasks import CODER, coding_task
from tests.support.ports import free_port
from tests.support.warehouse_rows import NOW, opened, post, save, units
from tests.test_warehouse_units import PLAN, frame_of
from warehouse import store

pytestmark = pytest.mark.label_studio

CODEBOOK = load_codebook()
VALUES = {"struggleposting": 2, "help_seeking_step": 1}


class Victim:
    """A server of the test's own that can be killed and comes back on the same port."""

    def __init__(self, program: Path, template: Path, folder: Path) -> None:
        self.program, self.data_dir, self.port = program, folder / "data", free_port()
        shutil.copytree(template, self.data_dir)
        self.kills = 0
        self.handle = self.start()

    def start(self) -> server.ServerHandle:
        self.handle = server.start(self.program, self.data_dir, port=self.port)
        return self.handle

    def client(self) -> label_studio.Client:
        return label_studio.connect(self.handle.url, self.handle.token)

    def kill(self) -> None:
        pid = json.loads((self.data_dir / "running.json").read_text())["pid"]
        with suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
        assert detached.has_ended(pid, within_seconds=10)
        self.kills += 1


def push_and_pull_under_fire(victim: Victim, folder: Path, *, kills: int, count: int) -> None:
    """Push `count` units, code and pull them, the server killed `kills` times in all."""
    chance = random.Random(kills)
    with opened(folder / "w.duckdb") as warehouse:
        save(warehouse, *(post(n) for n in range(1, count + 1)))
        drawn = units(*((n, n * 1000 + 1) for n in range(1, count + 1)))
        store.save_units(warehouse, drawn, plan=PLAN, frame=frame_of(warehouse))
    tasks = [coding_task(0, unit_key=n) for n in range(1, count + 1)]
    key = label_studio.ProjectKey("W1", CODEBOOK.version, "R1", "root", CODER)
    project = label_studio.ensure_project(victim.client(), key, CODEBOOK)

    for turn in range(kills):
        timer = Timer(chance.uniform(0.05, 0.8), victim.kill)
        done = tasks[: count * (turn + 1) // kills]
        client = victim.client()
        timer.start()
        with suppress(LabelStudioError):
            label_studio.push(client, project, done)
            code_open(client, project, done)
            pulled = pull(folder, client, project)
            assert pulled is not None
        timer.join()
        victim.start()
    client = victim.client()
    label_studio.push(client, project, tasks)
    code_open(client, project, tasks)
    pull(folder, client, project)

    assert victim.kills == kills
    held = list(tasks_where(client, project.id, [], with_annotations=False))
    assert Counter(task.data["post_uid"] for task in held) == Counter(t.post_uid for t in tasks)
    answers = sum(task.total_annotations for task in held)
    with opened(folder / "w.duckdb") as warehouse:
        stored = warehouse.execute(
            "select count(distinct annotation_id), count(*), count(distinct unit_key) "
            "from landed.codings where annotation_id not in "
            "(select annotation_id from landed.retracted_annotations)"
        )
    asked = len(CODEBOOK.codes_for("root")) - 1  # the crisis flag is not stored
    assert stored == [(answers, answers * asked, count)]


def code_open(
    client: label_studio.Client, project: label_studio.Project, tasks: list[CodingTask]
) -> None:
    """Answer what is open, as a program may that does not know what a killed server took."""
    for task in label_studio.open_tasks(client, project):
        result = build_result(CODEBOOK, "root", VALUES, {}, [], tasks[0].text)
        label_studio.submit(client, task, result)


def pull(
    folder: Path, client: label_studio.Client, project: label_studio.Project
) -> label_studio.Pulled:
    """Pull as the flow does: from the stored mark on, into the warehouse, in one transaction."""
    with opened(folder / "w.duckdb") as warehouse:
        mark = store.read_position(warehouse, "ls")
        known = store.known_annotations(warehouse, "W1", "R1", "root", CODER, "1.0.0")
    pulled = label_studio.pull(client, project, CODEBOOK, since=mark, known=known)
    with opened(folder / "w.duckdb") as warehouse:
        store.save_codings(
            warehouse,
            pulled.codings,
            pulled.spans,
            retracted=pulled.retracted,
            stream="ls",
            position=pulled.mark,
            now=NOW,
        )
    return pulled


@pytest.fixture
def victim(label_studio_program: Path, label_studio_template: Path, tmp_path: Path) -> Victim:
    return Victim(label_studio_program, label_studio_template, tmp_path)


def test_killed_three_times_each_task_is_there_once_and_each_annotation_is_stored_once(
    victim: Victim, tmp_path: Path
) -> None:
    try:
        push_and_pull_under_fire(victim, tmp_path, kills=3, count=60)
    finally:
        server.stop(victim.data_dir)


@pytest.mark.long
def test_killed_twenty_times_each_task_is_there_once_and_each_annotation_is_stored_once(
    victim: Victim, tmp_path: Path
) -> None:
    try:
        push_and_pull_under_fire(victim, tmp_path, kills=20, count=1_000)
    finally:
        server.stop(victim.data_dir)
