"""Answering tasks through the API, as a program does that codes: simulated coders, models.

People answer in the form; nothing here is needed for them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.label_studio_accounts import account_of
from annotation.label_studio_client import Client, asking, tasks_where
from annotation.label_studio_projects import Project


@dataclass(frozen=True, slots=True)
class OpenTask:
    """A task that nobody has answered: its unit, its text, and whose it is."""

    id: int
    unit_key: int
    text: str = field(repr=False)
    coder_id: int | None


def open_tasks(client: Client, project: Project) -> list[OpenTask]:
    """List a project's tasks without any answer, in the order they were pushed.

    Raises:
        LabelStudioError: the server refuses or does not answer.
    """
    coder_id = account_of(client, project.key.coder)
    with asking("which tasks are open"):
        return [
            OpenTask(task.id, int(task.data["post_uid"], 16), task.data["text"], coder_id)
            for task in tasks_where(client, project.id, [], with_annotations=False)
            if not task.total_annotations and not task.cancelled_annotations
        ]


def submit(
    client: Client,
    task: OpenTask,
    result: Sequence[Mapping[str, Any]],
    *,
    lead_seconds: float | None = None,
) -> None:
    """Answer a task in its coder's name, or in the client's where the coder has no account.

    Raises:
        LabelStudioError: the server refuses or does not answer.
    """
    given: dict[str, Any] = {"result": [dict(entry) for entry in result]}
    if task.coder_id is not None:
        given["completed_by"] = task.coder_id
    if lead_seconds is not None:
        given["lead_time"] = lead_seconds
    with asking("to take a coding"):
        client.sdk.annotations.create(id=task.id, **given)
