"""Collect: one pass over the study's sources, then over the threads they opened.

A task is a unit of retry. Frames that name people never leave it: parameters are names of
sources, results are counts.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict

from prefect import flow, task

from flows.alerts import PASS_HOOKS
from flows.alone import alone, is_followed, is_followed_already
from flows.gate import land
from flows.guard import guarded, worth_retrying
from flows.passes import RETRY_SECONDS, each
from flows.permission import check_permission
from flows.runs import recorded
from flows.sources import readings
from flows.threads import read_threads
from flows.workspace import Workspace, open_workspace
from schema.errors import BadInput
from schema.sources import FILE_SOURCES, BlueskyStreamSource, BlueskyThreadSource, Source


@flow(name="collect", log_prints=False, persist_result=False, **PASS_HOOKS)
@guarded
def collect(sources: list[str] | None = None) -> dict[str, dict[str, int]]:
    """Read every source once, in the study's order; return each one's counts.

    A source that fails does not keep the next from running; the first failure is raised
    at the end.

    Raises:
        CorpusError: at least one source failed.
    """
    chosen = wanted(open_workspace(), sources)
    return each([source.name for source in chosen], collect_source)


@task(
    task_run_name="collect-{source}",
    retries=len(RETRY_SECONDS),
    retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=worth_retrying,
    persist_result=False,
)
@guarded
def collect_source(source: str) -> dict[str, int]:
    """Read one source from its stored position, then the threads it opened."""
    workspace = open_workspace()
    [chosen] = choose(workspace, [source])
    with _undisturbed(workspace, chosen), recorded(workspace, chosen) as run:
        check_permission(workspace, chosen)
        if not isinstance(chosen, BlueskyThreadSource):
            for reading in readings(workspace, chosen):
                stamp = run.stamp(reading.page.stream, reading.route)
                run.tally.add(land(workspace, reading.page, reading.parse(reading.page), stamp))
        read_threads(workspace, chosen, run)
    return asdict(run.tally)


def wanted(workspace: Workspace, names: Sequence[str] | None) -> tuple[Source, ...]:
    """Pick the sources that a pass reads: those named, or all with a live side.

    Raises:
        BadInput: the study has no such source, or it is read from files.
    """
    chosen = with_a_live_side(choose(workspace, names), were_named=bool(names))
    if names:
        return chosen
    return tuple(source for source in chosen if not _is_followed(workspace, source))


def choose(workspace: Workspace, names: Sequence[str] | None) -> tuple[Source, ...]:
    """Pick sources by name, in the study's order.

    Raises:
        BadInput: the study has no such source, or none at all.
    """
    known = {source.name: source for source in workspace.study.source}
    if not known:
        raise BadInput("the study has no [[source]]: add one to study.toml")
    if unknown := [name for name in names or () if name not in known]:
        raise BadInput(f"no source is called {unknown[0]}: there are {', '.join(known)}")
    return tuple(source for name, source in known.items() if not names or name in names)


def with_a_live_side(sources: Sequence[Source], *, were_named: bool) -> tuple[Source, ...]:
    """Leave out sources that are read from files.

    Raises:
        BadInput: such a source was asked for by its name.
    """
    from_files = [source for source in sources if isinstance(source, FILE_SOURCES)]
    if from_files and were_named:
        raise BadInput(f"source {from_files[0].name} {has_files_only(from_files[0].name)}")
    return tuple(source for source in sources if source not in from_files)


def has_files_only(name: str) -> str:
    """Say how a source that has no live side is read."""
    return f"is read from files: `confide backfill FILE… --source {name}`"


def left_out(workspace: Workspace) -> list[str]:
    """Say of each source that a pass over all of them leaves out how it is read."""
    told = []
    for source in workspace.study.source:
        if isinstance(source, FILE_SOURCES):
            told.append(f"{source.name}: {has_files_only(source.name)}")
        elif _is_followed(workspace, source):
            told.append(f"{source.name}: {is_followed_already(source.name)}")
    return told


def _is_followed(workspace: Workspace, source: Source) -> bool:
    return isinstance(source, BlueskyStreamSource) and is_followed(workspace, source.name)


def _undisturbed(workspace: Workspace, source: Source) -> AbstractContextManager[None]:
    """Keep a second process from a stream; any other source may be read twice."""
    is_stream = isinstance(source, BlueskyStreamSource)
    return alone(workspace, source.name) if is_stream else nullcontext()
