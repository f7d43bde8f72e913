"""A run of one source, written to `collection_runs` when it starts and when it ends."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from uuid import uuid4

from flows.journal import flow_run_id, note
from flows.tally import Tally
from flows.workspace import Workspace
from schema.sources import Source
from schema.vocabulary import SourceRoute
from warehouse import store


@dataclass(frozen=True, slots=True)
class Run:
    """One pass over one source, and what it has done so far."""

    run_id: str
    source: str
    route: SourceRoute
    tally: Tally = field(default_factory=Tally)

    def for_source(self, source: Source, route: SourceRoute) -> "Run":
        """Go on in the name of another source; the counts are the run's."""
        return replace(self, source=source.name, route=route)

    def stamp(self, stream: str, route: SourceRoute | None = None) -> store.SaveStamp:
        """Say under which run, source, stream and route rows are saved."""
        return store.SaveStamp(
            run_id=self.run_id, source=self.source, stream=stream, route=route or self.route
        )


@contextmanager
def recorded(
    workspace: Workspace,
    source: Source,
    *,
    route: SourceRoute | None = None,
    stream: str | None = None,
) -> Iterator[Run]:
    """Open a run, hand it out, and close it as completed or failed.

    `route`: under which permission it reads, where that is not the source's own. `stream`: which
    part of the source it reads, where it reads one of several files.

    Raises:
        VaultLocked: the vault is gone from beside the warehouse; no run is opened.
    """
    workspace.refuse_lost_vault()
    run = Run(uuid4().hex, source.name, route or workspace.study.route(source.kind))
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        store.begin_run(
            warehouse,
            run.stamp(stream or source.name),
            started_at=workspace.now(),
            flow_run=flow_run_id(),
        )
    note(workspace, "run_began", run_id=run.run_id, source=run.source, route=run.route)
    try:
        yield run
    except BaseException as error:
        _close(workspace, run, status="failed", error=type(error).__name__)
        raise
    _close(workspace, run, status="completed", error=None)


def _close(workspace: Workspace, run: Run, *, status: str, error: str | None) -> None:
    now = workspace.now()
    with store.open_warehouse(workspace.warehouse, now=now) as warehouse:
        store.end_run(
            warehouse,
            run.run_id,
            finished_at=now,
            status=status,
            error=error,
            counts=asdict(run.tally),
        )
    counts = {name: count for name, count in asdict(run.tally).items() if count}
    ended = {"run_id": run.run_id, "source": run.source, "status": status, "error": error}
    note(workspace, "run_ended", **ended, **counts)
