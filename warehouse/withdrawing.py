"""Taking posts that are gone out of the published file, without making it anew.

Making it takes seconds a million posts, and nearly all of that goes into rows that nobody took
back. Where nothing but removals happened to what it holds, its own rows are written to a new file
but for those of posts that are gone, and nothing in what stays points at them (ADR 38). What is
counted or computed over posts stays as of the publication, which `readme` dates.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

import duckdb
import polars as pl

from warehouse.clock import naive
from warehouse.connection import (
    SETTINGS,
    UNFINISHED,
    Warehouse,
    open_warehouse,
    quoted,
    sweep,
)
from warehouse.publish import PACKING, READABLE
from warehouse.readme import note_withdrawal, versions_of
from warehouse.rewriting import replacing
from warehouse.taken_back import published_follows, read_due

_SAME: Final = ("confide", "duckdb", "warehouse")  # of `versions`: what lays out a published file
# Posts that left; and those that came back since, in whatever words: the next publication has them.
_GONE: Final = """
select old.post_key
from published.main.post as old
left join intermediate.first_seen as held on old.post_key = held.post_key
where held.post_key is null or held.first_seen_at > old.first_seen_at
"""
# Where one of these is published and does not stand any more, more went than posts: an account's
# own page, its timeline, a round.
_HELD: Final = {
    "community": "community_key",
    "coverage": "stream",
    "sample_unit": "unit_key",
    "annotation": "unit_key",
    "evidence_span": "unit_key",
    "label": "unit_key",
    "second_opinion": "unit_key",
    "carried_unit": "unit_key",
}
# What stays of a table, where not all of it does.
_KEPT: Final[Mapping[str, str]] = {
    "post": """
        select * replace (
            case when thread_key in (from gone) then null else thread_key end as thread_key,
            case when parent_key in (from gone) then null else parent_key end as parent_key
        )
        from old.main.post
        where post_key not in (from gone)
    """,
    "engagement_snapshot": "from old.main.engagement_snapshot where post_key not in (from gone)",
    "field_source": "from old.main.field_source where post_key not in (from gone)",
    "post_link": "from old.main.post_link where post_key not in (from gone)",
    "interaction_edge": """
        from old.main.interaction_edge
        where
            post_key not in (from gone)
            and (post_key, kind, actor_key) not in (select (post_key, kind, actor_key) from lost)
    """,
    "duplicates": """
        from old.main.duplicates
        where cluster_key not in (
            select marks.cluster_key
            from old.main.duplicates as marks, gone
            where gone.post_key in (marks.post_key, marks.canonical_key, marks.cluster_key)
        )
    """,
    "reply_edge": """
        with recursive cut as (
            select reply_key
            from old.main.reply_edge
            where parent_key in (from gone) or thread_key in (from gone)
            union
            select edges.reply_key
            from old.main.reply_edge as edges
            inner join cut on edges.parent_key = cut.reply_key
        )

        select * replace (
            case when thread_key in (from gone) then null else thread_key end as thread_key,
            case when parent_key in (from gone) then null else parent_key end as parent_key,
            case when thread_key in (from gone) then null else root_author_key end
                as root_author_key,
            case when thread_key in (from gone) then null else minutes_since_root end
                as minutes_since_root,
            case when reply_key in (from cut) then null else depth end as depth,
            case when thread_key in (from gone) then null else is_self_reply end as is_self_reply
        )
        from old.main.reply_edge
        where reply_key not in (from gone)
    """,
    "thread_context": """
        with cut as (
            select
                reply_key as post_key,
                'parent' as relation
            from old.main.reply_edge
            where parent_key in (from gone)
            union all
            select
                reply_key as post_key,
                'root' as relation
            from old.main.reply_edge
            where thread_key in (from gone)
        )

        from old.main.thread_context
        where post_key not in (from gone)
        union all
        select
            post_key,
            relation,
            'not_found' as state,
            null as observed_at
        from cut
        anti join old.main.thread_context using (post_key, relation)
        where post_key not in (from gone)
    """,
}


def withdraw(path: Path, target: Path, *, now: datetime) -> bool:
    """Take posts that are gone from the warehouse out of the file published from it.

    Returns whether that makes it follow: false, and nothing is done, where more happened since
    than removals, where a sampled or coded unit went, or where another version published it.
    A crash on the way leaves the old file as it was.

    Raises:
        WarehouseError: another flow or program holds the warehouse.
    """
    with open_warehouse(path, now=now) as warehouse:
        due = read_due(warehouse)
        if due.is_published_reworded or not _is_alike(warehouse, target):
            return False
        if _is_more(warehouse):
            return False
        gone, lost = warehouse.frame(_GONE), _lost_interactions(warehouse)
        warehouse.execute("detach published")
        sweep(target.parent)
        with replacing(target, prefix=UNFINISHED[2], mode=READABLE) as fresh:
            _write(target, fresh, gone, lost, now=naive(now))
        published_follows(warehouse, due.taken_count)
    return True


def _is_alike(warehouse: Warehouse, target: Path) -> bool:
    """Attach the published file; tell whether this version wrote it, from a warehouse of it."""
    try:
        warehouse.execute(f"attach {quoted(target)} as published (read_only)")
        made = dict(warehouse.execute("select part, version from published.main.versions"))
    except duckdb.Error:  # another DuckDB's, or not even that
        return False
    wanted = versions_of(warehouse)
    return all(made.get(part) == wanted[part] for part in _SAME)


def _lost_interactions(warehouse: Warehouse) -> pl.DataFrame:
    """List who liked or reposted what, as published, if that is no more."""
    return warehouse.frame(
        "select post_key, kind, actor_key from published.main.interaction_edge "
        "anti join interaction_edge using (post_key, kind, actor_key)"
    )


def _is_more(warehouse: Warehouse) -> bool:
    """Tell whether more went than posts that nobody sampled or coded."""
    missing = " union all ".join(
        f"select 1 from published.main.{table} anti join {table} using ({column})"
        for table, column in _HELD.items()
    )
    return bool(warehouse.scalar(f"select count(*) > 0 from ({missing})"))


def _write(
    target: Path, fresh: Path, gone: pl.DataFrame, lost: pl.DataFrame, *, now: datetime
) -> None:
    connection = duckdb.connect(str(fresh), config=dict(SETTINGS))
    try:
        connection.execute(PACKING)
        connection.execute(f"attach {quoted(target)} as old (read_only)")
        connection.execute(f"copy from database old to {fresh.stem} (schema)")
        connection.register("gone_keys", gone)
        connection.execute("create temp table gone as from gone_keys")
        connection.register("lost", lost)
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'old' order by all"
        ).fetchall()
        connection.execute("begin")
        for (table,) in tables:
            rows = _KEPT.get(table, f"from old.main.{table}")
            connection.execute(f"insert into {fresh.stem}.main.{table} {rows}")
        note_withdrawal(connection, now=now)
        connection.execute("commit")
        connection.execute("detach old")
    finally:
        connection.close()
