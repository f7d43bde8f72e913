"""Saving a page: rows, counts, cursor and coverage in one transaction.

A batch is compared with what is stored by its 64-bit key, without an index: within its range
of creation times where those cannot move, over all rows where they can.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import dataframely as dy
import polars as pl
import polars.selectors as cs

from schema.errors import WarehouseError
from schema.pages import Coverage, SetAside
from schema.posts import EngagementSnapshot, Post
from schema.vocabulary import SourceRoute
from warehouse.authors import Beside, save_beside
from warehouse.clock import naive
from warehouse.connection import Warehouse
from warehouse.frames import admitted
from warehouse.retention import expired_texts
from warehouse.taken_back import note_reworded

_KNOWN = """
select
    posts.post_key,
    posts.version_key as stored_version,
    posts.observed_at as stored_observed_at,
    posts.run_id as stored_run,
    posts.scrubber_version as stored_scrubber,
    coalesce(posts.edited_at, posts.indexed_at, posts.created_at) as stored_worded_at,
    posts.source as stored_source,
    posts.stream as stored_stream,
    posts.thread_key as stored_thread,
    posts.parent_key as stored_parent
from landed.post_versions as posts
semi join batch on posts.post_key = batch.post_key
"""
# An endless stream tells of a few seconds at a time: they are one row, as long as they touch.
_EXTEND = """
update landed.coverage set to_at = greatest(to_at, ?)
where rowid = (
    select rowid from landed.coverage
    where
        stream = ? and source = ? and community_key is not distinct from ?
        and kind = 'seen' and reason is null and at_most_count is null
        and ? between from_at and to_at
    order by to_at desc, from_at
    limit 1
)
"""
_COVERAGE = pl.Schema(
    {
        "stream": pl.String(),
        "source": pl.String(),
        "from_at": pl.Datetime("us"),
        "to_at": pl.Datetime("us"),
        "kind": pl.String(),
        "reason": pl.String(),
        "at_most_count": pl.Int64(),
        "community_key": pl.String(),
        "run_id": pl.String(),
    }
)


@dataclass(frozen=True, slots=True)
class SaveStamp:
    """Under which run, source, stream and permission rows are saved."""

    run_id: str
    source: str
    stream: str
    route: SourceRoute


@dataclass(frozen=True, slots=True)
class SaveCounts:
    """What became of a page's posts, and how many posts its accounts took away or brought back."""

    new: int
    updated: int
    unchanged: int
    hidden: int = 0
    returned: int = 0


def save_page(
    warehouse: Warehouse,
    posts: dy.DataFrame[Post],
    snapshots: dy.DataFrame[EngagementSnapshot],
    stamp: SaveStamp,
    *,
    position: str | None,
    covered: Sequence[Coverage] = (),
    set_aside: Sequence[SetAside] = (),
    thread_reads: Mapping[int, int] | None = None,
    beside: Beside | None = None,
) -> SaveCounts:
    """Save a page whole or not at all; saving it again changes nothing.

    A post of another wording replaces the stored one, whose text is destroyed, unless it was
    seen before it, by an archive say. The intervals' venues are community keys. `thread_reads`
    maps roots whose threads the page holds to their reply counts. `beside` tells of accounts that
    closed or came back, of wishes, of labels, and of what happened on the way to the page.

    Raises:
        WarehouseError: a frame is not of its contract, or counts belong to no post of the page.
    """
    batch = admitted(Post, posts)
    counts = admitted(EngagementSnapshot, snapshots)
    strays = counts.join(batch, on="post_key", how="anti").height
    if strays:
        raise WarehouseError(f"{strays} rows of counts belong to no post of their page")
    beside = beside or Beside()
    with warehouse.transaction():
        saved = _save_posts(warehouse, batch, stamp)
        _save_counts(warehouse, counts, stamp)
        _save_progress(warehouse, stamp, position, covered)
        save_set_aside(warehouse, stamp, set_aside)
        _save_notes(warehouse, stamp, beside.notes)
        _save_thread_reads(warehouse, thread_reads or {})
        hidden, returned = save_beside(warehouse, beside, batch)
    return replace(saved, hidden=hidden, returned=returned)


def read_position(warehouse: Warehouse, stream: str) -> str | None:
    """Return where a stream's last stored page left off; None before the first."""
    rows = warehouse.execute("select position from landed.cursors where stream = ?", [stream])
    return rows[0][0] if rows else None


def _save_posts(warehouse: Warehouse, batch: pl.DataFrame, stamp: SaveStamp) -> SaveCounts:
    if batch.is_empty():
        return SaveCounts(0, 0, 0)
    known = _known(warehouse, batch)
    stamped = batch.with_columns(
        run_id=pl.lit(stamp.run_id),
        source=pl.lit(stamp.source),
        stream=pl.lit(stamp.stream),
        route=pl.lit(stamp.route),
    )
    new = stamped.join(known, on="post_key", how="anti")
    met = stamped.join(known, on="post_key", how="inner")
    kept = met.filter(~pl.col("post_key").is_in(expired_texts(warehouse, met["post_key"])))
    reworded = kept.filter(pl.col("version_key") != pl.col("stored_version"))
    stale = _stale(warehouse, reworded)
    edited = reworded.join(stale, on="post_key", how="anti")
    remasked = kept.filter(
        pl.col("version_key") == pl.col("stored_version"),
        pl.col("scrubber_version") > pl.col("stored_scrubber"),
    ).with_columns(observed_at="stored_observed_at", run_id="stored_run")  # it is no younger
    _insert(warehouse, "post_versions", new)
    _replace(warehouse, edited, remasked)
    updated = edited.height + remasked.height
    return SaveCounts(new.height, updated, met.height - updated)


def _known(warehouse: Warehouse, batch: pl.DataFrame) -> pl.DataFrame:
    """Find the batch's posts in the store.

    Reddit's `created_utc` never moves, so the store is read within the batch's range. A Bluesky
    author may rewrite a record's date with its text, and a false date may be told differently
    the next time: these are looked for everywhere.
    """
    steady = (pl.col("platform") == "reddit") & pl.col("is_created_at_plausible")
    parts = []
    if not (ranged := batch.filter(steady)).is_empty():
        bounds = [ranged["created_at"].min(), ranged["created_at"].max()]
        where = "where posts.created_at between ? and ?"
        parts.append(_matches(warehouse, ranged, where, bounds))
    if not (anywhere := batch.filter(~steady)).is_empty():
        parts.append(_matches(warehouse, anywhere, "", []))
    return pl.concat(parts)


def _matches(
    warehouse: Warehouse, batch: pl.DataFrame, where: str, bounds: Sequence[object]
) -> pl.DataFrame:
    with warehouse.showing("batch", batch.select("post_key")):
        return warehouse.frame(f"{_KNOWN} {where}", bounds)


def _stale(warehouse: Warehouse, reworded: pl.DataFrame) -> pl.DataFrame:
    """Pick wordings older than the one that stands: seen before it, or replaced before."""
    if reworded.is_empty():
        return reworded
    seen_before = reworded.filter(pl.col("observed_at") < pl.col("stored_observed_at"))
    with warehouse.showing("batch", reworded.select("post_key", "version_key")):
        before = warehouse.frame(
            "select distinct post_key, version_key from landed.superseded_versions "
            "semi join batch using (post_key, version_key)"
        )
    worded_at = pl.coalesce("edited_at", "indexed_at", "created_at")
    replaced = reworded.join(before, on=["post_key", "version_key"], how="semi").filter(
        worded_at < pl.col("stored_worded_at")
    )
    return pl.concat([seen_before, replaced])


_OF_A_WORDING = {
    "post_versions": "post_key",
    "evidence_spans": "unit_key",
    "duplicate_sketches": "post_key",
}


def _replace(warehouse: Warehouse, edited: pl.DataFrame, remasked: pl.DataFrame) -> None:
    """Put new wordings where old ones stood; what quoted the old ones goes with them."""
    replaced = pl.concat([edited, remasked])
    if replaced.is_empty():
        return
    # the first source keeps following the post; a root that was removed stays unnamed
    rows = replaced.with_columns(
        source="stored_source",
        stream="stored_stream",
        thread_key="stored_thread",
        parent_key="stored_parent",
    ).drop(cs.starts_with("stored_"))
    notes = edited.select(
        "platform",
        "post_key",
        version_key="stored_version",
        observed_at="stored_observed_at",
        superseded_at="observed_at",
    )
    with warehouse.showing("batch", replaced.select("post_key")):
        for table, key in _OF_A_WORDING.items():
            warehouse.execute(
                f"delete from landed.{table} where {key} in (select post_key from batch)"
            )
    _insert(warehouse, "superseded_versions", notes)
    _insert(warehouse, "post_versions", _taken_back(warehouse, rows))
    note_reworded(warehouse)


def _taken_back(warehouse: Warehouse, rows: pl.DataFrame) -> pl.DataFrame:
    """Let a wording that returns keep the instant at which it was first seen."""
    where = "(post_key, version_key) in (select (post_key, version_key) from batch)"
    with warehouse.showing("batch", rows.select("post_key", "version_key")):
        before = warehouse.frame(
            "select post_key, version_key, min(observed_at) as seen_at "
            f"from landed.superseded_versions where {where} group by post_key, version_key"
        )
        warehouse.execute(f"delete from landed.superseded_versions where {where}")
    return (
        rows.join(before, on=["post_key", "version_key"], how="left")
        .with_columns(observed_at=pl.coalesce("seen_at", "observed_at"))
        .drop("seen_at")
    )


def _save_counts(warehouse: Warehouse, counts: pl.DataFrame, stamp: SaveStamp) -> None:
    if counts.is_empty():
        return
    stamped = counts.with_columns(source=pl.lit(stamp.source), route=pl.lit(stamp.route))
    with warehouse.showing("batch", stamped):
        warehouse.execute(
            "insert into landed.engagement_snapshots by name select * from batch anti join ("
            "select post_key, observed_at from landed.engagement_snapshots "
            "where observed_at between ? and ?) using (post_key, observed_at)",
            [counts["observed_at"].min(), counts["observed_at"].max()],
        )


def _save_progress(
    warehouse: Warehouse, stamp: SaveStamp, position: str | None, covered: Sequence[Coverage]
) -> None:
    for interval in covered:
        if not _is_added_to_another(warehouse, stamp, interval):
            row = (stamp.stream, stamp.source, *_interval(interval), stamp.run_id)
            _insert(warehouse, "coverage", pl.DataFrame([row], schema=_COVERAGE, orient="row"))
    if position is not None:
        move_cursor(warehouse, stamp.stream, position, run_id=stamp.run_id)


def _is_added_to_another(warehouse: Warehouse, stamp: SaveStamp, interval: Coverage) -> bool:
    """Lengthen the interval that this one begins in, where there is one of the same kind."""
    if interval.kind != "seen" or interval.reason or interval.at_most_count is not None:
        return False
    begin, end = naive(interval.from_at), naive(interval.to_at)
    [(count,)] = warehouse.execute(
        _EXTEND, [end, stamp.stream, stamp.source, interval.venue, begin]
    )
    return bool(count)


def move_cursor(warehouse: Warehouse, stream: str, position: str, *, run_id: str) -> None:
    """Note where a stream's next reading begins; call it inside the rows' own transaction."""
    warehouse.execute("delete from landed.cursors where stream = ?", [stream])
    warehouse.execute("insert into landed.cursors values (?, ?, ?)", [stream, position, run_id])


def _interval(
    covered: Coverage,
) -> tuple[datetime, datetime, str, str | None, int | None, str | None]:
    return (
        naive(covered.from_at),
        naive(covered.to_at),
        covered.kind,
        covered.reason,
        covered.at_most_count,
        covered.venue,
    )


def save_set_aside(warehouse: Warehouse, stamp: SaveStamp, set_aside: Sequence[SetAside]) -> None:
    """Count what broke a rule; call it inside the rows' own transaction."""
    for entry in set_aside:
        json.loads(entry.skeleton)  # a skeleton is JSON of types; anything else may hold a value
        place = [stamp.run_id, stamp.source, stamp.stream, entry.rule, entry.skeleton]
        is_counted = warehouse.execute(
            "update landed.set_aside set items_count = items_count + ? where run_id = ? "
            "and source = ? and stream = ? and rule = ? and skeleton = ? returning 1",
            [entry.count, *place],
        )
        if not is_counted:
            warehouse.execute(
                "insert into landed.set_aside values (?, ?, ?, ?, ?, ?)", [*place, entry.count]
            )


def _save_notes(warehouse: Warehouse, stamp: SaveStamp, notes: Mapping[str, int]) -> None:
    for note, count in notes.items():
        place = [stamp.run_id, stamp.source, stamp.stream, note]
        is_counted = warehouse.execute(
            "update landed.page_notes set notes_count = notes_count + ?, noted_at = ? "
            "where run_id = ? and source = ? and stream = ? and note = ? returning 1",
            [count, warehouse.now, *place],
        )
        if not is_counted:
            warehouse.execute(
                "insert into landed.page_notes values (?, ?, ?, ?, ?, ?)",
                [*place, count, warehouse.now],
            )


def _save_thread_reads(warehouse: Warehouse, thread_reads: Mapping[int, int]) -> None:
    if not thread_reads:
        return
    rows = pl.DataFrame(
        {"post_key": list(thread_reads), "replies_count": list(thread_reads.values())},
        schema={"post_key": pl.UInt64, "replies_count": pl.Int64},
    )
    with warehouse.showing("batch", rows):
        warehouse.execute(
            "delete from landed.thread_reads where post_key in (select post_key from batch)"
        )
        # a root that was removed while its thread was on the way leaves nothing here
        warehouse.execute(
            "insert into landed.thread_reads by name select * from batch "
            "semi join landed.post_versions using (post_key)"
        )


def _insert(warehouse: Warehouse, table: str, rows: pl.DataFrame) -> None:
    if rows.is_empty():
        return
    names = warehouse.frame(f"select * from landed.{table} limit 0").columns
    with warehouse.showing("batch", rows.select(names)):
        warehouse.execute(f"insert into landed.{table} by name select * from batch")
