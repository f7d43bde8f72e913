"""What every pass over the platforms shares: one part after the other, then the clearing up."""

from collections.abc import Callable, Sequence
from typing import TypeVar

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
Part = TypeVar("Part", bound=str)


def each(
    parts: Sequence[Part], work: Callable[[Part], dict[str, int]]
) -> dict[str, dict[str, int]]:
    """Do `work` for each part, mark duplicates, clear up after removals; return the counts.

    A part that fails does not keep the next from running; the first failure is raised last.

    Raises:
        CorpusError: at least one part failed.
    """
    done: dict[str, dict[str, int]] = {}
    failures: dict[str, CorpusError] = {}
    resume(open_workspace())
    for part in parts:
        try:
            done[part] = work(part)
        except CorpusError as error:
            failures[part] = error
    mark_duplicates()
    try:
        finish()
    except CorpusError as error:
        failures["clear-up"] = error
    failed = {part: str(error) for part, error in failures.items()}
    show_pass(done, failed)
    tell_pass([*done], failed)
    for failure in failures.values():
        raise failure
    return done


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
