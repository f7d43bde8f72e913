"""What every pass over the platforms shares: one part after the other, then the clearing up."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from prefect import task

from flows.after_removals import finish
from flows.alerts import tell_pass
from flows.artifacts import show_pass
from flows.guard import guarded
from flows.kept_posts import compare_due
from flows.removing import resume
from flows.workspace import open_workspace
from schema.errors import CorpusError
from warehouse import store

RETRY_SECONDS = [2.0, 10.0]
DUPLICATES: Final = "duplicates"
CLEAR_UP: Final = "clear-up"
Part = TypeVar("Part", bound=str)


def each(
    parts: Sequence[Part], work: Callable[[Part], dict[str, int]]
) -> dict[str, dict[str, int]]:
    """Do `work` for each part, mark duplicates, clear up after removals; return the counts.

    A part that fails does not keep the next from running; the first failure is raised last. No
    part runs while a removal that was begun cannot be completed.

    Raises:
        CorpusError: at least one part failed, or what follows on them.
    """
    done: dict[str, dict[str, int]] = {}
    failures: dict[str, CorpusError] = {}
    with _put_off(failures, CLEAR_UP):
        guarded(resume)(open_workspace())
    for part in () if failures else parts:  # what was begun to be removed goes first
        with _put_off(failures, part):
            done[part] = work(part)
    marked: int | None = None
    with _put_off(failures, DUPLICATES):
        marked = mark_duplicates()
    with _put_off(failures, CLEAR_UP):
        guarded(finish)()
    _tell(parts, done, failures, marked)
    for failure in failures.values():
        raise failure
    return done


@contextmanager
def _put_off(failures: dict[str, CorpusError], step: str) -> Iterator[None]:
    """Keep a step's failure for the end of the pass; of two, the first."""
    try:
        yield
    except CorpusError as error:
        failures.setdefault(step, error)


def _tell(
    parts: Sequence[str],
    done: Mapping[str, Mapping[str, int]],
    failures: Mapping[str, CorpusError],
    marked: int | None,
) -> None:
    """Show and tell how the pass went: each part of it, and what follows on them."""
    failed = {step: str(error) for step, error in failures.items()}
    show_pass(parts, done, failed, duplicates_count=marked)
    tell_pass([step for step in (*done, DUPLICATES, CLEAR_UP) if step not in failed], failed)


@task(task_run_name="mark-duplicates", persist_result=False)
@guarded
def mark_duplicates() -> int:
    """Mark posts that say what an earlier one said; return how many are marked.

    Only what is new or changed since the last marking is compared, with all that is held.
    """
    workspace = open_workspace()
    return compare_due(
        lambda: store.open_warehouse(workspace.warehouse, now=workspace.now()),
        across_platforms=workspace.study.policy.cross_platform_duplicates,
    )
