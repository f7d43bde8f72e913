"""Label Studio as the flows see it: projects, push, pull, removal, accounts."""

from annotation.label_studio_accounts import coder_email, ensure_coders
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
from annotation.label_studio_pull import NotCodable, Pulled, pull
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
    "ensure_coders",
    "ensure_project",
    "find_project",
    "open_tasks",
    "projects",
    "pull",
    "push",
    "refuse_telemetry",
    "remove_tasks",
    "renew_tasks",
    "server_time",
    "submit",
    "task_uids",
]
