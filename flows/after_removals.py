"""What follows a removal or an edit: Label Studio's tasks go, and files are rewritten.

Nothing is remembered of what was removed. Label Studio is compared with the warehouse:
whatever task has no unit there any more is deleted, so a run that died is made good by the
next one. The task of a post that was edited or masked anew goes as well, with the words it shows;
the next push sends the post as it stands now to whoever has not coded it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from prefect import task

from annotation import label_studio, label_studio_server
from flows.guard import guarded
from flows.label_studio import DEFAULT_PORT, connect, data_directory, program, purge
from flows.workspace import Workspace, open_workspace
from warehouse import store


def finish(done: Mapping[str, Mapping[str, int]], *, is_masked_anew: bool = False) -> None:
    """Let bytes and tasks go where a flow removed, hid, reworded or masked something."""
    compact_warehouse()
    is_removed = is_masked_anew or any(
        tally["removed_count"] or tally.get("hidden_count") for tally in done.values()
    )
    if is_removed or any(tally["updated_count"] for tally in done.values()):
        close_tasks(is_removed)


@task(name="compact-warehouse", persist_result=False)
@guarded
def compact_warehouse() -> bool:
    """Rewrite the warehouse where rows were removed; tell whether it was needed."""
    workspace = open_workspace()
    return store.compact(workspace.warehouse, now=workspace.now())


@task(name="close-tasks", persist_result=False)
@guarded
def close_tasks(is_removed: bool) -> int:
    """Delete the tasks whose units are gone or reworded; return how many tasks went."""
    workspace = open_workspace()
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        drawn, reworded = store.drawn_rounds(warehouse), store.reworded_units(warehouse)
    if not drawn or not (is_removed or reworded):
        return 0
    with client_for_a_while(workspace) as client:
        return close_removed(workspace, client)


def close_removed(workspace: Workspace, client: label_studio.Client) -> int:
    """Compare Label Studio with the warehouse; delete what has no unit of its wording any more.

    Replies show the posts above them: what is gone or hidden goes from there, too.
    """
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        reworded = store.reworded_units(warehouse)
        held = {
            place: store.unit_keys(warehouse, *place) - reworded
            for place in store.drawn_rounds(warehouse)
        }
        threads = {
            (wave, round_, kind): store.coding_tasks(warehouse, wave, round_, "reply")
            for wave, round_, kind in held
            if kind == "reply"
        }
    gone: set[str] = set()
    renewed = 0
    for project in label_studio.projects(client):
        place = (project.key.wave, project.key.round, project.key.unit_kind)
        if place in held:
            uids = label_studio.task_uids(client, project)
            gone |= {uid for uid in uids if int(uid, 16) not in held[place]}
        if place in threads:
            renewed += label_studio.renew_threads(client, project, threads[place])
    removed = label_studio.remove_tasks(client, gone) if gone else 0
    if gone or renewed:
        purge(workspace)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        store.requeue_units(warehouse, reworded)
    return removed


@contextmanager
def client_for_a_while(workspace: Workspace) -> Iterator[label_studio.Client]:
    """Connect; an embedded server that had to be started is stopped again."""
    if not workspace.study.label_studio.embedded:
        yield connect(workspace)
        return
    port = urlsplit(workspace.study.label_studio.url).port or DEFAULT_PORT
    with label_studio_server.running_label_studio(
        program(), data_directory(workspace), port=port
    ) as handle:
        yield label_studio.connect(handle.url, handle.token)
