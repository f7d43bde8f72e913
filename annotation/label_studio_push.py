"""Push: units become tasks in a coder's project, each once.

Label Studio neither replaces nor recognises a task it is sent twice, and carries out a
request whose sender has given up. So what is there is asked for by `post_uid` first, unless the
project is empty, and only the missing is sent. Where the project then holds other than as many
tasks more, an earlier request ended late: it is asked again, and a task that is there twice is
removed unless it was coded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.form import EMPTY_THREAD
from annotation.label_studio_client import (
    UIDS_PER_QUERY,
    Client,
    asking,
    chunks,
    tasks_where,
    with_uids,
)
from annotation.label_studio_projects import Project
from schema.coding import CodingTask

TASKS_PER_IMPORT = 500
LISTED_SHARE = 20  # where more than one task in so many is asked for, all are listed


@dataclass(frozen=True, slots=True)
class PushCounts:
    """How many tasks were new, how many there, and each unit's task in Label Studio."""

    new: int
    present: int
    task_ids: Mapping[int, int] = field(repr=False)


def push(
    client: Client,
    project: Project,
    tasks: Sequence[CodingTask],
    *,
    batches: Mapping[int, int] | None = None,
) -> PushCounts:
    """Make sure that the project holds one task for each of `tasks`; run twice, it adds none.

    `batches` says of each unit in which batch it goes out; 1 where it does not.

    Raises:
        LabelStudioError: the server refuses or does not answer; what it took stays, and a
            later push goes on from there.
    """
    uids = [task.post_uid for task in tasks]
    before = _count_tasks(client, project)
    present = _single_tasks(client, project, uids, before) if before else {}
    missing = [task for task in tasks if task.post_uid not in present]
    held = {**present, **_import(client, project, missing, batches or {})}
    now = _count_tasks(client, project) if missing else before
    if now != before + len(missing):
        held = _single_tasks(client, project, uids, now)  # what an earlier request sent came late
    return PushCounts(
        new=len(missing),
        present=len(present),
        task_ids={task.unit_key: held[task.post_uid] for task in tasks},
    )


def _import(
    client: Client, project: Project, tasks: Sequence[CodingTask], batches: Mapping[int, int]
) -> dict[str, int]:
    """Send tasks; return each one's number on the server, which numbers them as they were sent."""
    sent: dict[str, int] = {}
    for chunk in chunks(tasks, TASKS_PER_IMPORT):
        requests = [
            {"data": task_data(task, project, batch=batches.get(task.unit_key, 1))}
            for task in chunk
        ]
        with asking("to take tasks"):
            answer: Any = client.sdk.projects.import_tasks(
                id=project.id,
                request=requests,  # type: ignore[arg-type]  # it takes plain dictionaries
                return_task_ids=True,
            )
        sent |= dict(zip((task.post_uid for task in chunk), answer.task_ids, strict=True))
    return sent


def _count_tasks(client: Client, project: Project) -> int:
    with asking("how many tasks it has"):
        return int(client.sdk.projects.get(id=project.id).task_number or 0)


def task_data(task: CodingTask, project: Project, *, batch: int) -> dict[str, Any]:
    """Return the data fields the form shows or stamps on a task."""
    return {
        "post_uid": task.post_uid,
        "content_note": task.content_note,
        "thread": thread_data(task),
        "title": task.title,
        "text": task.text,
        "codebook_version": project.key.codebook_version,
        "round": project.key.round,
        "unit_kind": project.key.unit_kind,
        "batch": batch,
        "parts": task.parts,
    }


def thread_data(task: CodingTask) -> list[dict[str, str]]:
    """Return what the form shows above a unit."""
    turns = [
        {"author": turn.author, "text": turn.text}
        | ({"uid": turn.post_uid} if turn.post_uid else {})
        for turn in task.thread
    ]
    return turns or [dict(turn) for turn in EMPTY_THREAD]


def _single_tasks(
    client: Client, project: Project, uids: Sequence[str], count: int
) -> dict[str, int]:
    """Map the uids that are there to their task; of several, keep the coded or the first.

    The server looks through all its tasks for every query by uid: a good part of the project's
    `count` tasks is found sooner by listing them.
    """
    asked, found = set(uids), dict[str, list[Any]]()
    is_part = len(uids) * LISTED_SHARE < count
    queries = [[with_uids(chunk)] for chunk in chunks(uids, UIDS_PER_QUERY)] if is_part else [[]]
    for conditions in queries:
        with asking("which tasks it has"):
            for task in tasks_where(client, project.id, conditions, with_annotations=False):
                if (uid := str(task.data["post_uid"])) in asked:
                    found.setdefault(uid, []).append(task)
    for tasks in found.values():
        tasks.sort(key=lambda task: (not task.total_annotations, task.id))
        for extra in tasks[1:]:
            if not extra.total_annotations:
                with asking("to delete a doubled task"):
                    client.sdk.tasks.delete(str(extra.id))
    return {uid: int(tasks[0].id) for uid, tasks in found.items()}
