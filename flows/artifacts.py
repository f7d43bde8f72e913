"""What a run leaves on Prefect's pages: a table of counts, what was not seen, and the next turn.

Names of sources and counts, as everything that Prefect is told. A run outside of Prefect leaves
nothing, and what cannot be written there keeps no run from ending well.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from time import monotonic
from typing import Any, Final
from uuid import UUID

from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterNextScheduledStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.context import FlowRunContext

from flows.progress import listening
from flows.workspace import open_workspace
from warehouse import store

PROGRESS_SECONDS: Final = 2.0
COLUMNS: Final = ("new", "updated", "unchanged", "set_aside", "removed", "requests")


def show_pass(
    parts: Sequence[str],
    done: Mapping[str, Mapping[str, int]],
    failed: Mapping[str, str],
    *,
    duplicates_count: int | None,
) -> None:
    """Show a pass's counts by source or platform of its `parts`, and why what `failed` did.

    Duplicates are counted over all that is held, whatever source it came by; None: not counted.
    """
    if (run := FlowRunContext.get()) is None or run.flow_run is None:
        return
    titles = " | ".join(column.replace("_", " ") for column in COLUMNS)
    lines = [f"| source | {titles} | gaps |", "|---|" + "--:|" * (len(COLUMNS) + 1)]
    gaps = _gaps()
    for name, counts in done.items():
        told = " | ".join(str(counts.get(f"{column}_count", 0)) for column in COLUMNS)
        lines.append(f"| {name} | {told} | {'?' if gaps is None else gaps.get(name, 0)} |")
    if duplicates_count is not None:
        lines.append(f"\nDuplicates among all posts held: {duplicates_count}.")
    lines += [f"\n**{name}** failed: {sentence}" for name, sentence in failed.items()]
    _show([*lines, _next_turn(run)], parts=parts)


def show_figures(figures: Mapping[str, int]) -> None:
    """Show what else a run came to, one figure a line."""
    if (run := FlowRunContext.get()) is None or run.flow_run is None:
        return
    lines = [f"- {name.replace('_', ' ')}: {value}" for name, value in figures.items()]
    _show([*lines, _next_turn(run)], parts=[])


@contextmanager
def progress_shown(sizes: Mapping[str, int]) -> Iterator[None]:
    """Show how much of a run's files is read and stored, at most every two seconds.

    `sizes`: bytes of each stream's file.
    """
    run, total = FlowRunContext.get(), sum(sizes.values())
    artifact = _begin_progress() if run is not None and run.flow_run is not None else None
    if artifact is None or not total:
        yield
        return
    read: dict[str, int] = {}
    due_at = monotonic()

    def move(stream: str, file_at: int) -> None:
        nonlocal due_at
        read[stream] = file_at
        if monotonic() >= due_at:
            _set_progress(artifact, 100 * sum(read.values()) / total)
            due_at = monotonic() + PROGRESS_SECONDS

    with listening(move):
        yield
    _set_progress(artifact, 100.0)


def _begin_progress() -> UUID | None:
    try:
        made = create_progress_artifact(0.0, description="Of the bytes of all files")
    except Exception:  # as with the tables
        return None
    return made if isinstance(made, UUID) else None


def _set_progress(artifact: UUID, percent: float) -> None:
    with suppress(Exception):
        update_progress_artifact(artifact, round(percent, 1))


def _show(lines: list[str], *, parts: Sequence[str]) -> None:
    run = FlowRunContext.get()
    flow = run.flow.name if run is not None and run.flow is not None else "run"
    key = "-".join([flow, *parts]) if len(parts) == 1 else flow
    try:
        create_markdown_artifact("\n".join(lines), key=key.lower(), description=f"What {flow} did")
    except Exception:  # the server is gone: its pages are a courtesy
        return


def _gaps() -> dict[str, int] | None:
    """Count by source what could not be seen and no later pass has read; None: not to be told."""
    workspace = open_workspace()
    try:
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            gaps = store.read_status(warehouse).gaps
    except Exception:  # another flow holds the store, or it is broken: the pass tells of that
        return None
    return {str(name): count for name, count in gaps["source"].value_counts().iter_rows()}


def _next_turn(run: FlowRunContext) -> str:
    if run.flow_run is None or run.flow_run.deployment_id is None:
        return "\nRun by hand: no next run is due."
    try:
        with get_client(sync_client=True) as client:
            due = _due_after(client, run.flow_run.deployment_id)
    except Exception:
        due = None
    return f"\nNext run: {due or 'unknown'}."


def _due_after(client: SyncPrefectClient, deployment: Any) -> str | None:
    now = datetime.now(UTC)
    waiting = FlowRunFilterStateType(any_=[StateType.SCHEDULED])
    runs = client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=waiting),
            next_scheduled_start_time=FlowRunFilterNextScheduledStartTime.model_validate(
                {"after_": now}
            ),
        ),
        sort=FlowRunSort.NEXT_SCHEDULED_START_TIME_ASC,
        limit=1,
    )
    due = runs[0].next_scheduled_start_time if runs else None
    return None if due is None else f"{due:%Y-%m-%d %H:%M} UTC"
