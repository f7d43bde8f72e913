"""What every pass over the platforms shares: one part after the other, then the clearing up."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import polars as pl
from prefect import task

from flows.after_removals import finish
from flows.guard import guarded
from flows.workspace import open_workspace
from schema.errors import CorpusError
from transforms.deduplicate import VERSION, find_duplicates
from warehouse import store

RETRY_SECONDS = [2.0, 10.0]
Part = TypeVar("Part", bound=str)


def each(
    parts: Sequence[Part], work: Callable[[Part], dict[str, int]], *, is_masked_anew: bool = False
) -> dict[str, dict[str, int]]:
    """Do `work` for each part, mark duplicates, let removed bytes go; return the counts.

    `is_masked_anew` says that stored texts changed before, so that tasks show old ones. A part
    that fails does not keep the next from running; the first failure is raised last.

    Raises:
        CorpusError: at least one part failed.
    """
    done: dict[str, dict[str, int]] = {}
    failures: list[CorpusError] = []
    for part in parts:
        try:
            done[part] = work(part)
        except CorpusError as error:
            failures.append(error)
    mark_duplicates()
    finish(done, is_masked_anew=is_masked_anew)
    if failures:
        raise failures[0]
    return done


@task(task_run_name="mark-duplicates", persist_result=False)
@guarded
def mark_duplicates() -> int:
    """Mark posts that say what an earlier one said; return how many are marked.

    Where no post changed since, the marks stand as they are.
    """
    workspace = open_workspace()
    across = workspace.study.policy.cross_platform_duplicates
    rules = f"v{VERSION}{' across platforms' if across else ''}"
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        of = store.duplicates_of(warehouse, rules)
        if (marked := store.count_duplicates(warehouse, of=of)) is not None:
            return marked
        posts = store.duplicate_inputs(warehouse)

    def texts_of(post_keys: pl.Series) -> pl.DataFrame:
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            return store.duplicate_texts(warehouse, post_keys)

    marks = find_duplicates(posts, texts_of, across_platforms=across)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        return store.save_duplicates(warehouse, marks, of=of)
