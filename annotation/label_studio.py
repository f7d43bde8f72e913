"""Label Studio as the flows see it: projects, push, pull, removal, accounts."""

from annotation.label_studio_accounts import coder_email, ensure_coders
from annotation.label_studio_adjudication import (
    ensure_adjudication,
    open_disputes,
    pull_rulings,
    push_disputes,
    ruling_result,
)
from annotation.label_studio_answers import OpenTask, open_tasks, submit
from annotation.label_studio_client import Client, connect, server_time
from annotation.label_studio_login import refuse_telemetry
from annotation.label_studio_projects import (
    Project,
    ProjectKey,
    ensure_project,
    find_project,
    projects,
)
from annotation.label_studio_pull import NotCodable, Pulled, pull, read_values
from annotation.label_studio_push import PushCounts, push
from annotation.label_studio_removal import (
    close_open_tasks,
    remove_tasks,
    renew_tasks,
    task_uids,
)

__all__ = [
    "Client",
    "NotCodable",
    "OpenTask",
    "Project",
    "ProjectKey",
    "Pulled",
    "PushCounts",
    "close_open_tasks",
    "coder_email",
    "connect",
    "ensure_adjudication",
    "ensure_coders",
    "ensure_project",
    "find_project",
    "open_disputes",
    "open_tasks",
    "projects",
    "pull",
    "pull_rulings",
    "push",
    "push_disputes",
    "read_values",
    "refuse_telemetry",
    "remove_tasks",
    "renew_tasks",
    "ruling_result",
    "server_time",
    "submit",
    "task_uids",
]
