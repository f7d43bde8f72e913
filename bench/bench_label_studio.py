"""Push of 10,000 (or 100,000) tasks beside the bare SDK; pull after 1 % changed beside an export.

    PYTHONPATH=. python bench/bench_label_studio.py [TASKS] [--turns 2] [--import-only]

On a real embedded Label Studio of its own, in a throw-away folder. Both ways import the same tasks
by as many a call; ours asks before and after, so that a second push adds none.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

from annotation import label_studio
from annotation.codebook import load_codebook
from annotation.label_studio_client import chunks
from annotation.label_studio_push import TASKS_PER_IMPORT, task_data
from annotation.label_studio_server import running_label_studio
from annotation.results import build_result
from flows.label_studio import program
from schema.coding import CodingTask

CODEBOOK = load_codebook()
TEXT = "An invented post. The kettle clicked off and nobody came, and I sat there. " * 14


def tasks(count: int) -> list[CodingTask]:
    """Invent units of about 1,300 bytes."""
    return [CodingTask(n, "root", f"Title {n}", TEXT, (), "Topics: none.") for n in range(count)]


def timed(what: str, count: int, work: Callable[..., Any], *given: Any) -> float:
    """Run, print the rate and return the seconds."""
    began = perf_counter()
    work(*given)
    seconds = perf_counter() - began
    print(f"{what:<52}{seconds:8.2f} s {count / seconds:9.0f} tasks/s", flush=True)
    return seconds


def main(count: int, turns: int, *, is_import_only: bool) -> None:
    """Run both ways in turns on one server, and pull what 1 % of changes left."""
    units = tasks(count)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        with running_label_studio(program(), data) as server:
            client = label_studio.connect(server.url, server.token)
            ratios = []
            for turn in range(turns):
                ours, bare = (project(client, f"{name}{turn}") for name in ("ours", "bare"))
                theirs = timed("bare SDK: import", count, bare_import, client, bare, units)
                mine = timed("push", count, label_studio.push, client, ours, units)
                ratios.append(theirs / mine)
            print(f"push runs at {min(ratios):.0%} to {max(ratios):.0%} of the bare rate")
            if is_import_only:
                return
            timed("push again: nothing to do", count, label_studio.push, client, ours, units)
            pull_changes(client, ours, units)


def project(client: label_studio.Client, name: str) -> label_studio.Project:
    """Make a project of its own."""
    key = label_studio.ProjectKey("W1", CODEBOOK.version, name, "root", "c1")
    return label_studio.ensure_project(client, key, CODEBOOK)


def bare_import(
    client: label_studio.Client, to: label_studio.Project, units: list[CodingTask]
) -> None:
    """Import the same tasks by the SDK alone: run twice, each is there twice."""
    for chunk in chunks(units, TASKS_PER_IMPORT):
        request: Any = [{"data": task_data(task, to, batch=1)} for task in chunk]
        client.sdk.projects.import_tasks(id=to.id, request=request, return_task_ids=True)


def pull_changes(
    client: label_studio.Client, of: label_studio.Project, units: list[CodingTask]
) -> None:
    """Code 1 % of the tasks; pull them, and export everything as the other way to get them.

    A pull looks back a few seconds before the newest change it knows. So one task is coded first:
    else it would look at the last of the import again.
    """
    result = build_result(CODEBOOK, "root", {"struggleposting": 1}, {}, [], TEXT)
    first, *rest = label_studio.open_tasks(client, of)
    sleep(6)
    label_studio.submit(client, first, result)
    mark = label_studio.pull(client, of, CODEBOOK, since=None).mark
    sleep(6)
    changed = rest[: max(len(units) // 100, 1)]
    for task in changed:
        label_studio.submit(client, task, result)
    found = []
    timed(
        f"pull after {len(changed)} changed",
        len(units),
        lambda: found.append(label_studio.pull(client, of, CODEBOOK, since=mark)),
    )
    assert found[0].annotations_count >= len(changed)
    timed("full export", len(units), lambda: b"".join(export(client, of)))


def export(client: label_studio.Client, of: label_studio.Project) -> Any:
    """Download the whole project as Label Studio exports it."""
    return client.sdk.projects.exports.download_sync(
        of.id, export_type="JSON", download_all_tasks=True
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", type=int, nargs="?", default=10_000)
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--import-only", action="store_true")
    given = parser.parse_args()
    main(given.tasks, given.turns, is_import_only=given.import_only)
