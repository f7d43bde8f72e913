"""Publish: verdicts computed, checks passed, the analysts' file replaced at once."""

from prefect import flow, task

from flows.artifacts import show_figures
from flows.guard import guarded
from flows.workspace import open_workspace
from schema.errors import WarehouseError
from warehouse import store
from warehouse.publish import publish as write_corpus
from warehouse.verdicts import compute_verdicts


@flow(name="publish", log_prints=False, persist_result=False)
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
    """
    workspace = open_workspace()
    now = workspace.now()
    with store.open_warehouse(workspace.warehouse, now=now) as warehouse:
        verdicts = compute_verdicts(warehouse, now=now)
        failed = [(name, count) for name, count in store.run_checks(warehouse) if count]
    if failed:
        told = ", ".join(f"{name} ({count} rows)" for name, count in failed)
        raise WarehouseError(f"nothing was published, since checks fail: {told}")
    rows = write_corpus(workspace.warehouse, workspace.published, now=now)
    return {"tables": len(rows), "rows": sum(rows.values()), "verdicts": verdicts}
