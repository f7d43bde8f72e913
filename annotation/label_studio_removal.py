"""Removal: a unit leaves Label Studio, in every coder's project."""

from collections.abc import Collection

from annotation.label_studio_client import (
    UIDS_PER_QUERY,
    Client,
    asking,
    chunks,
    tasks_where,
    with_uids,
)
from annotation.label_studio_projects import Project, projects


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
