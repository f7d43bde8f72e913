"""`confide retain`: what was kept as long as the policy allows goes, by rule and in counts.

R23: text goes `policy.text_months` after it was read, its row stays. Of Reddit, rows and all that
hangs on them go once the approval, or the permission of their own source, has ended. Lines of the
safety log go after 90 days. The audit log stays.
"""

import polars as pl
from prefect import flow, task

from annotation.safety_log import count_expired, expire_flags
from flows.after_removals import finish
from flows.alerts import HOOKS
from flows.artifacts import show_figures
from flows.guard import guarded
from flows.permission import ended_permissions
from flows.removing import remove_keyed
from flows.shredded import read_mark
from flows.workspace import Workspace, open_workspace
from schema.removals import Removal
from warehouse import store


@flow(name="retain", log_prints=False, persist_result=False, **HOOKS)
@guarded
def retain(dry_run: bool = False) -> dict[str, int]:
    """Let go of what is due, or only count it; return the counts by rule."""
    counts = retain_task(dry_run)
    show_figures(counts)
    if not dry_run:
        finish()
    return counts


@task(name="retain", persist_result=False)
@guarded
def retain_task(dry_run: bool) -> dict[str, int]:
    """Let go of what is due, or only count it."""
    workspace = open_workspace()
    now, months = workspace.now(), workspace.study.policy.text_months
    ended, old, units = list[int](), list[int](), 0
    if workspace.warehouse.exists():
        with store.open_warehouse(workspace.warehouse, now=now) as warehouse:
            ended = store.no_longer_permitted(warehouse, set(ended_permissions(workspace)))
            old = sorted({*store.old_texts(warehouse, now=now, months=months)} - {*ended})
            units = store.drawn_among(warehouse, [*ended, *old])
    counts = {
        "texts_count": len(old),
        "reddit_posts_count": len(ended),
        "units_count": units,
        "safety_lines_count": count_expired(workspace.safety_log, now=now),
    }
    if not dry_run:
        _let_go(workspace, ended, old, counts)
    return counts


def _let_go(workspace: Workspace, ended: list[int], old: list[int], counts: dict[str, int]) -> None:
    now = workspace.now()
    going = _removals(workspace, ended)
    if not read_mark(workspace.directory):
        remove_keyed(workspace, "reddit", Removal.validate(going, cast=True))
    expire_flags(workspace.safety_log, now=now)
    if not workspace.warehouse.exists():
        return
    with store.open_warehouse(workspace.warehouse, now=now) as warehouse:
        if read_mark(workspace.directory):  # no vault leads to these any more
            store.remove(warehouse, Removal.validate(going, cast=True), now=now)
        store.expire_texts(warehouse, old, now=now)
        store.log_act(warehouse, "retain", counts)


def _removals(workspace: Workspace, post_keys: list[int]) -> pl.DataFrame:
    return (
        pl.DataFrame({"post_key": post_keys}, schema={"post_key": pl.UInt64})
        .with_columns(
            platform=pl.lit("reddit"),
            author_pseudonym=pl.lit(None, pl.String),
            reason=pl.lit("expired"),
            observed_at=pl.lit(workspace.now()),
        )
        .select(Removal.column_names())
    )
