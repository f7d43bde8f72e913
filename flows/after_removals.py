"""What follows a removal or an edit: files are rewritten, tasks go, the published file is renewed.

Nothing is remembered of what was removed, only how often something was. Label Studio is compared
with the warehouse: whatever task has no unit there any more is deleted. The task of a post that
was edited or masked anew goes as well, with the words it shows; the next push sends the post as it
stands now to whoever has not coded it. A run that died leaves a count that does not add up, and
the next one makes it good.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from urllib.parse import urlsplit

from prefect import flow, task

from annotation import label_studio, label_studio_server
from annotation.label_studio_home import has_database
from flows.guard import guarded
from flows.label_studio import DEFAULT_PORT, connect, data_directory, program, purge
from flows.publish import renew
from flows.removing import resume
from flows.workspace import Workspace, open_workspace
from schema.errors import CorpusError
from warehouse import store


@flow(name="clear-up", log_prints=False, persist_result=False)
@guarded
def clear_up() -> dict[str, int]:
    """Do what removals leave to be done; return the counts."""
    return finish()


def finish() -> dict[str, int]:
    """Complete removals; let bytes and tasks go; renew the published file, each where it is due.

    One that fails does not keep the next from being done; the first failure is raised last.

    Raises:
        CorpusError: something could not be done; the next run tries again.
    """
    parts: dict[str, Callable[[], int]] = {
        "completed_count": lambda: guarded(resume)(open_workspace()),
        "rewritten_count": compact_warehouse,
        "tasks_count": lambda: close_tasks() if _due().are_tasks_due else 0,
        "published_count": lambda: renew_published() if _due().is_published_due else 0,
    }
    done: dict[str, int] = {}
    failures: list[CorpusError] = []
    for name, part in parts.items():
        try:
            done[name] = int(part())
        except CorpusError as error:
            failures.append(error)
    if failures:
        raise failures[0]
    return done


def clear_up_here() -> None:
    """Do what `clear_up` does in this process alone, without a run of Prefect's.

    Raises:
        CorpusError: something could not be done; the next run tries again.
    """
    resume(open_workspace())
    compact_warehouse.fn()
    close_tasks.fn()
    renew_published.fn()


def _due() -> store.Due:
    workspace = open_workspace()
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        return store.read_due(warehouse)


@task(name="compact-warehouse", persist_result=False)
@guarded
def compact_warehouse() -> bool:
    """Rewrite the warehouse where rows were removed; tell whether it was needed."""
    workspace = open_workspace()
    return store.compact(workspace.warehouse, now=workspace.now())


@task(name="close-tasks", persist_result=False)
@guarded
def close_tasks() -> int:
    """Delete the tasks whose units are gone or reworded, where any may be; return how many."""
    return _close_due(open_workspace(), client_for_a_while)


def close_unseen(workspace: Workspace) -> int:
    """Do what `close_tasks` does before anybody can sign in: on a port that only this knows.

    A Label Studio of the lab's own is up already: `close_tasks` sees to it.
    """
    if not workspace.study.label_studio.embedded:
        return 0
    return _close_due(workspace, lambda one: client_for_a_while(one, port=0))


def _close_due(
    workspace: Workspace,
    connected: Callable[[Workspace], AbstractContextManager[label_studio.Client]],
) -> int:
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        due, drawn = store.read_due(warehouse), store.drawn_rounds(warehouse)
    closed = 0
    if due.are_tasks_due and drawn and _may_hold_tasks(workspace):
        with connected(workspace) as client:
            closed = close_removed(workspace, client)
    if due.are_tasks_due:
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            store.tasks_follow(warehouse, due.taken_count)
    return closed


@task(name="renew-published", persist_result=False)
@guarded
def renew_published() -> bool:
    """Replace the published file where it may show what is gone; tell whether it was needed."""
    return renew(open_workspace())


def _may_hold_tasks(workspace: Workspace) -> bool:
    """Tell whether there is a Label Studio to be asked: an embedded one may never have run."""
    is_embedded = workspace.study.label_studio.embedded
    return not is_embedded or has_database(data_directory(workspace))


def close_removed(workspace: Workspace, client: label_studio.Client) -> int:
    """Compare Label Studio with the warehouse; delete what has no unit of its wording any more.

    Replies show the posts above them: what is gone or hidden goes from there, too. That bytes may
    be left in Label Studio's files is noted before the first task goes and struck out at the end.
    """
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        was_cut_off = store.begin_purge(warehouse)
        reworded = store.reworded_units(warehouse)
        drawn = store.drawn_rounds(warehouse)
        held = {place: store.unit_keys(warehouse, *place) - reworded for place in drawn}
        # what shows more than its own words
        shown = {
            (wave, round_, kind): store.coding_tasks(warehouse, wave, round_, kind)
            for wave, round_, kind in drawn
            if kind != "root"
        }
        for one, tasks in shown.items():
            held[one] &= {task.unit_key for task in tasks}
    gone: set[str] = set()
    renewed = 0
    for project in label_studio.projects(client):
        place = (project.key.wave, project.key.round, project.key.unit_kind)
        if place in held:
            uids = label_studio.task_uids(client, project)
            gone |= {uid for uid in uids if int(uid, 16) not in held[place]}
        if place in shown:
            renewed += label_studio.renew_tasks(client, project, shown[place])
    removed = label_studio.remove_tasks(client, gone) if gone else 0
    if gone or renewed or was_cut_off:
        purge(workspace)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        store.requeue_units(warehouse, reworded)
        store.end_purge(warehouse)
    return removed


@contextmanager
def client_for_a_while(
    workspace: Workspace, port: int | None = None
) -> Iterator[label_studio.Client]:
    """Connect; an embedded server that had to be started is stopped again.

    It is started on the study's port unless another is given; 0 is a free one.
    """
    if not workspace.study.label_studio.embedded:
        yield connect(workspace)
        return
    if port is None:
        port = urlsplit(workspace.study.label_studio.url).port or DEFAULT_PORT
    with label_studio_server.running_label_studio(
        program(), data_directory(workspace), port=port
    ) as handle:
        yield label_studio.connect(handle.url, handle.token)
