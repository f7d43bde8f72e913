"""Streams that are followed for weeks: how far each is, and what it has stored so far."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from schema.vocabulary import Platform
from warehouse.clock import add_zones, naive
from warehouse.connection import Warehouse
from warehouse.saving import SaveStamp


@dataclass(frozen=True, slots=True)
class StreamProgress:
    """What a process that follows a stream says of itself; `trouble` is what it waits out."""

    heard_at: datetime
    committed_at: datetime | None = None
    scanned_count: int = 0
    events_per_second: float | None = None
    trouble: str | None = None


def save_progress(
    warehouse: Warehouse, stamp: SaveStamp, progress: StreamProgress, *, counts: Mapping[str, int]
) -> None:
    """Say how far a stream is, and what its run has counted so far."""
    committed_at = progress.committed_at
    with warehouse.transaction():
        warehouse.execute("delete from landed.stream_progress where stream = ?", [stamp.stream])
        warehouse.execute(
            "insert into landed.stream_progress values (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                stamp.stream,
                stamp.source,
                stamp.run_id,
                naive(progress.heard_at),
                None if committed_at is None else naive(committed_at),
                progress.scanned_count,
                progress.events_per_second,
                progress.trouble,
            ],
        )
        warehouse.execute(
            "update landed.collection_runs set counts = ? where run_id = ?",
            [json.dumps(dict(counts), sort_keys=True), stamp.run_id],
        )


def read_progress(warehouse: Warehouse) -> pl.DataFrame:
    """Read how far each stream is, with its stored position and its last run's status."""
    return add_zones(
        warehouse.frame(
            "select progress.*, cursors.position, runs.status, runs.counts "
            "from landed.stream_progress as progress "
            "left join landed.cursors as cursors using (stream) "
            "left join landed.collection_runs as runs using (run_id) "
            "order by progress.stream"
        )
    )


def posts_seen_since(
    warehouse: Warehouse, platform: Platform, since: datetime, *, limit: int
) -> list[int]:
    """List the posts whose wording was first seen since then, the oldest first.

    Of more than `limit` the newest are listed.
    """
    rows = warehouse.execute(
        "select post_key from landed.post_versions "
        "where platform = ? and observed_at >= ? order by observed_at desc limit ?",
        [platform, naive(since), limit],
    )
    return [int(post_key) for (post_key,) in reversed(rows)]
