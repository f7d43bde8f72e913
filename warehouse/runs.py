"""Runs of sources, and what is due or was left out: the operator's side."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from schema.vocabulary import Platform
from warehouse.clock import add_zones, naive
from warehouse.connection import Warehouse
from warehouse.saving import SaveStamp


def begin_run(
    warehouse: Warehouse, stamp: SaveStamp, *, started_at: datetime, flow_run: str | None = None
) -> None:
    """Note that a run began; an earlier one of the source that never ended was interrupted.

    `flow_run`: the id of the Prefect run that it is part of.
    """
    with warehouse.transaction():
        warehouse.execute(
            "update landed.collection_runs set status = 'interrupted' "
            "where source = ? and status = 'running'",
            [stamp.source],
        )
        warehouse.execute(
            "insert into landed.collection_runs values "
            "(?, ?, ?, ?, ?, null, 'running', null, null, ?)",
            [stamp.run_id, stamp.source, stamp.stream, stamp.route, naive(started_at), flow_run],
        )


def end_run(
    warehouse: Warehouse,
    run_id: str,
    *,
    finished_at: datetime,
    status: str,
    error: str | None,
    counts: Mapping[str, int],
) -> None:
    """Note how a run ended. `error` is a kind of error, never its text."""
    warehouse.execute(
        "update landed.collection_runs set finished_at = ?, status = ?, error = ?, counts = ? "
        "where run_id = ?",
        [naive(finished_at), status, error, json.dumps(dict(counts), sort_keys=True), run_id],
    )


def last_run_at(warehouse: Warehouse) -> datetime | None:
    """Return when the last completed run began, in UTC; None before the first."""
    began = warehouse.scalar(
        "select max(started_at) from landed.collection_runs where status = 'completed'"
    )
    return None if began is None else began.replace(tzinfo=UTC)


def post_keys_of(warehouse: Warehouse, source: str) -> list[int]:
    """List the posts that a source found first."""
    rows = warehouse.execute("select post_key from staging.stg_posts where source = ?", [source])
    return [int(post_key) for (post_key,) in rows]


def threads_to_read(
    warehouse: Warehouse, platform: Platform, source: str | None = None
) -> pl.DataFrame:
    """List roots whose reply count moved since their thread was last read, oldest first.

    Columns post_key and replies_count, the latest observed. `source` limits them to the roots
    that this source found first. A root without replies that was never read is not due.
    """
    return warehouse.frame(
        """
        select posts.post_key, latest.replies_count
        from staging.stg_posts as posts
        inner join intermediate.latest_replies as latest using (post_key)
        left join landed.thread_reads as reads using (post_key)
        where posts.is_root and posts.platform = ? and (? is null or posts.source = ?)
            and latest.replies_count <> coalesce(reads.replies_count, 0)
        order by posts.created_at, posts.post_key
        """,
        [platform, source, source],
    )


def count_posts(warehouse: Warehouse) -> int:
    """Count the posts that are held, hidden ones too."""
    return int(warehouse.scalar("select count(*) from landed.post_versions"))


def is_rewrite_due(warehouse: Warehouse) -> bool:
    """Tell whether bytes of deleted rows stand in the file."""
    return bool(warehouse.scalar("select rewrite_due_at is not null from landed.store"))


def read_sources(warehouse: Warehouse) -> pl.DataFrame:
    """Read of each source when a run last went well, and up to when it was read without a gap.

    Columns source, last_success_at and covered_to_at, in UTC; null where there is none yet.
    """
    return add_zones(
        warehouse.frame(
            """
            select source, last_success_at, covered_to_at
            from (
                select source, max(finished_at) filter (where status = 'completed')
                    as last_success_at
                from landed.collection_runs
                group by source
            )
            left join (
                select source, max(to_at) as covered_to_at
                from landed.coverage
                where kind = 'seen'
                group by source
            ) using (source)
            order by source
            """
        )
    )


@dataclass(frozen=True, slots=True)
class Status:
    """What an operator wants to know, as frames of counts and instants."""

    runs: pl.DataFrame
    gaps: pl.DataFrame
    set_aside: pl.DataFrame
    notes: pl.DataFrame
    posts: pl.DataFrame
    is_rewrite_due: bool


def read_status(warehouse: Warehouse) -> Status:
    """Read each source's last run, its gaps, what was set aside or happened on the way, and posts.

    Of a source that reads several files those stand beside it whose last reading did not end well.
    """
    return Status(
        runs=add_zones(
            warehouse.frame(
                "select source, stream, status, started_at, finished_at, error, counts "
                "from landed.collection_runs "  # whose rows stand in the order they were made
                "qualify row_number() over "
                "(partition by source, stream order by started_at desc, rowid desc) = 1 "
                "and (status <> 'completed' or row_number() over "
                "(partition by source order by started_at desc, rowid desc) = 1) "
                "order by source, started_at desc, stream"
            )
        ),
        gaps=add_zones(warehouse.frame("select * from coverage where kind = 'gap' order by all")),
        set_aside=warehouse.frame(
            "select source, rule, cast(sum(items_count) as bigint) as items_count "
            "from staging.stg_set_aside group by source, rule order by source, rule"
        ),
        notes=add_zones(
            warehouse.frame(
                "select source, note, cast(sum(notes_count) as bigint) as times_count, "
                "max(noted_at) as last_at from staging.stg_page_notes "
                "group by source, note order by source, note"
            )
        ),
        posts=warehouse.frame(
            "select platform, count(*) as posts_count, "
            "count(*) filter (where is_root) as roots_count "
            "from staging.stg_posts group by platform order by platform"
        ),
        is_rewrite_due=is_rewrite_due(warehouse),
    )
