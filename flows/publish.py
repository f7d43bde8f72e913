"""Publish: verdicts computed, checks passed, the analysts' file replaced at once."""

from prefect import flow, task

from flows.alerts import HOOKS
from flows.artifacts import show_figures
from flows.guard import guarded
from flows.removing import resume
from flows.rule_table import refuse_if_blocked
from flows.workspace import Workspace, open_workspace
from schema.errors import StoreBusy, WarehouseError
from warehouse import store
from warehouse.publish import publish as write_corpus
from warehouse.verdicts import compute_verdicts


@flow(name="publish", log_prints=False, persist_result=False, **HOOKS)
@guarded
def publish() -> dict[str, int]:
    """Compute the verdicts, check the warehouse and replace the published file."""
    figures = publish_task()
    show_figures(figures)
    return figures


@task(name="publish", persist_result=False)
@guarded
def publish_task() -> dict[str, int]:
    """Replace the published file; readers of the old one keep it until they close it.

    Raises:
        WarehouseError: a data check found offending rows; nothing was published.
        PolicyRefused: a compliance rule fails; nothing was published.
        CorpusError: a removal that was begun cannot be completed; nothing was published.
    """
    workspace = open_workspace()
    resume(workspace)
    refuse_if_blocked(workspace, "publish")
    return _replace(workspace)


def renew(workspace: Workspace) -> bool:
    """Let the published file show nothing that is gone since; tell whether it showed any.

    Removed posts are taken out of it; where more happened, it is made anew. Where that fails it is
    taken away: what an author took back must not stay in it.

    Raises:
        WarehouseError: a data check found offending rows; the published file is gone.
    """
    if not workspace.warehouse.exists():
        return False
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        due = store.read_due(warehouse)
        if due.is_published_due and not workspace.published.exists():
            store.published_follows(warehouse, due.taken_count)
    if not due.is_published_due or not workspace.published.exists():
        return False
    if store.withdraw(workspace.warehouse, workspace.published, now=workspace.now()):
        return True
    try:
        _replace(workspace)
    except StoreBusy:
        raise  # nothing is known against the rows: a later try may work
    except WarehouseError as error:
        workspace.published.unlink()
        raise WarehouseError(
            f"{workspace.published.name} held what is gone since and was taken away: {error}"
        ) from None
    return True


def _replace(workspace: Workspace) -> dict[str, int]:
    now = workspace.now()
    with store.open_warehouse(workspace.warehouse, now=now) as warehouse:
        store.show_cells_from(warehouse, workspace.study.policy.minimum_cell)
        verdicts = compute_verdicts(warehouse, now=now)
        failed = [(name, count) for name, count in store.run_checks(warehouse) if count]
    if failed:
        told = ", ".join(f"{name} ({count} rows)" for name, count in failed)
        raise WarehouseError(f"nothing was published, since checks fail: {told}")
    rows = write_corpus(workspace.warehouse, workspace.published, now=now)
    return {"tables": len(rows), "rows": sum(rows.values()), "verdicts": verdicts}
