"""Removal: a unit leaves Label Studio, in every coder's project, and what stood above others."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from annotation.form import EMPTY_THREAD, REPLY_EVIDENCE
from annotation.label_studio_client import (
    UIDS_PER_QUERY,
    Client,
    asking,
    chunks,
    task_numbered,
    tasks_where,
    with_uids,
)
from annotation.label_studio_projects import Project, projects
from annotation.label_studio_push import thread_data
from schema.coding import CodingTask


def task_uids(client: Client, project: Project) -> set[str]:
    """Return the keys of the units that a project holds tasks of.

    Raises:
        LabelStudioError: the server refuses or does not answer.
    """
    with asking("for its tasks"):
        tasks = tasks_where(client, project.id, [], with_annotations=False)
        return {str(task.data["post_uid"]) for task in tasks}


def remove_tasks(client: Client, post_uids: Collection[str]) -> int:
    """Delete the units' tasks with their codings and drafts; return how many tasks went.

    Every project of ours is searched, of any round and codebook version. The server's database
    may keep the deleted rows in free pages, and exports that a person made keep copies: on an
    embedded server `label_studio_home.purge_files` removes both.

    Raises:
        LabelStudioError: the server refuses or does not answer; run it again.
    """
    removed = 0
    for project in projects(client):
        for chunk in chunks(sorted(post_uids), UIDS_PER_QUERY):
            with asking("to delete tasks"):
                found = tasks_where(client, project.id, [with_uids(chunk)], with_annotations=False)
                for task in list(found):
                    client.sdk.tasks.delete(str(task.id))
                    removed += 1
    return removed


def close_open_tasks(client: Client, project: Project) -> int:
    """Delete a project's tasks that nobody answered, skipped or not; return how many went.

    Raises:
        LabelStudioError: the server refuses or does not answer; run it again.
    """
    with asking("to delete tasks"):
        found = [
            task
            for task in tasks_where(client, project.id, [], with_annotations=False)
            if not task.total_annotations
        ]
        for task in found:
            client.sdk.tasks.delete(str(task.id))
    return len(found)


def renew_tasks(client: Client, project: Project, tasks: Sequence[CodingTask]) -> int:
    """Take out of a project's tasks what is shown beside a unit no more; return how many changed.

    A task that shows words around it which none of `tasks`, as built now, has there is given the
    thread as it stands; a card one of whose posts went is given its figures as they stand. The
    codings stay: they are of the unit. A task whose answers or drafts may quote such words, marked
    in a reply, is deleted: whoever has not coded it gets it anew, from the next push.

    Raises:
        LabelStudioError: the server refuses or does not answer; run it again.
    """
    standing = {task.post_uid: task for task in tasks}
    changed = 0
    with asking("to renew tasks"):
        for held in list(tasks_where(client, project.id, [], with_annotations=False)):
            task = standing.get(str(held.data["post_uid"]))
            if task is None or not _is_stale(held.data, task):
                continue
            changed += 1
            if project.key.unit_kind == "thread" and _may_quote(client, project, held.id):
                client.sdk.tasks.delete(str(held.id))
                continue
            shown = {"thread": thread_data(task), "parts": task.parts}
            if task.parts:
                shown |= {"title": task.title, "text": task.text}
            client.sdk.tasks.update(str(held.id), data={**held.data, **shown})
    return changed


def _may_quote(client: Client, project: Project, task_id: int) -> bool:
    """Tell whether somebody marked words in a task's replies, submitted or not."""
    [task] = tasks_where(client, project.id, [task_numbered(task_id)], with_annotations=True)
    results = [one.get("result") or () for one in task.annotations or ()]
    marks = [entry for result in results for entry in result]
    return bool(task.drafts) or any(one.get("from_name") == REPLY_EVIDENCE for one in marks)


def _is_stale(held: Mapping[str, Any], task: CodingTask) -> bool:
    if task.parts:
        return bool(held.get("parts") != task.parts)
    return not _texts(held.get("thread")) <= _texts(thread_data(task))


def _texts(thread: object) -> set[str]:
    turns = thread if isinstance(thread, list) else []
    return {str(turn.get("text")) for turn in turns if turn not in EMPTY_THREAD}
