"""Removals: rows go from every table at once; what remains is a count in a hashed chain.

Replies of other people stay, but nothing in them points at what was removed.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import dataframely as dy
import polars as pl

from schema.removals import Removal
from warehouse.authors import forget_accounts
from warehouse.clock import naive
from warehouse.connection import Warehouse
from warehouse.duplicates import forget_clusters
from warehouse.frames import admitted
from warehouse.taken_back import note_removed
from warehouse.tally import tally

_FIND = """
with named as (
    select gone.platform, gone.reason, posts.post_key, gone.observed_at
    from batch as gone
    inner join landed.post_versions as posts
        on gone.platform = posts.platform and gone.post_key = posts.post_key
    union all
    select gone.platform, gone.reason, posts.post_key, gone.observed_at
    from batch as gone
    inner join landed.post_versions as posts
        on gone.platform = posts.platform and gone.author_pseudonym = posts.author_pseudonym
)

select platform, post_key, arg_min(reason, (observed_at, reason)) as reason
from named
group by platform, post_key
order by post_key
"""
_MEANT = {"platform": pl.String, "post_key": pl.UInt64, "reason": pl.String}
_HELD = """
select gone.place
from batch as gone
where
    gone.post_key in (select post_key from landed.post_versions)
    or gone.author_pseudonym in (select author_pseudonym from staging.held_accounts)
"""
_SEEN_AFTER = """
select gone.place
from batch as gone
inner join landed.post_versions as posts using (post_key)
left join landed.engagement_snapshots as counts using (post_key)
group by gone.place, gone.observed_at
having max(greatest(posts.observed_at, counts.observed_at)) > gone.observed_at
"""
_BY_POST = {
    "post_versions": "post_key",
    "superseded_versions": "post_key",
    "duplicate_sketches": "post_key",
    "engagement_snapshots": "post_key",
    "thread_reads": "post_key",
    "post_labels": "post_key",
    "thread_context": "post_key",
    "quote_reads": "post_key",
    "interactions": "post_key",
    "interaction_reads": "post_key",
    "expired_texts": "post_key",
    "units": "unit_key",
    "frames": "unit_key",
    "assignments": "unit_key",
    "carried_units": "unit_key",
    "not_codable": "unit_key",
    "withheld_units": "unit_key",
    "evidence_spans": "unit_key",
    "codings": "unit_key",
    "rulings": "unit_key",
    "second_opinions": "unit_key",
}
# what stays must not point at what went
_POINTING = (
    ("post_versions", "thread_key", "null"),
    ("post_versions", "parent_key", "null"),
    ("frames", "thread_key", "null"),
    ("frames", "cluster_key", "unit_key"),
)
# Reddit counts a thread's whole tree: a reply that came while another went leaves it as it was,
# so a thread counts as read for those alone that still stand.
_READ_BEFORE = """
update landed.thread_reads
set replies_count = thread_reads.replies_count - lost.replies_count
from (
    select thread_key, count(*) as replies_count
    from landed.post_versions
    where post_key in (select post_key from gone) and not is_root and platform = 'reddit'
    group by thread_key
) as lost
where thread_reads.post_key = lost.thread_key
"""
# what coders marked in other posts, for a code of the thread that goes
_IN_ITS_THREAD = (
    "annotation_id in (select annotation_id from landed.codings "
    "where unit_key in (select post_key from gone))"
)
_STREAMS = ("cursors", "coverage")
_TIMELINES = (
    "units",
    "frames",
    "assignments",
    "carried_units",
    "not_codable",
    "withheld_units",
    "codings",
    "evidence_spans",
    "rulings",
    "second_opinions",
)
# A person's own page on Reddit is a venue: it begins their pseudonym, on other people's rows too.
_OWN_PAGES = {"post_versions": "community_key", "coverage": "community_key"}
_NOBODYS_PAGE = "reddit/u_" + "0" * 12
GENESIS = "0" * 64
STUDY = "study"  # in the log's column of platforms: an act on the study as a whole


@dataclass(frozen=True, slots=True)
class RemovalCounts:
    """What a removal took: the posts' keys, for the vault and Label Studio, and rows a table."""

    post_keys: tuple[int, ...]
    rows: Mapping[str, int]


def remove(
    warehouse: Warehouse, removals: dy.DataFrame[Removal], *, now: datetime
) -> RemovalCounts:
    """Delete posts, or all an account wrote, from every table; log the counts.

    Removing again takes nothing and logs nothing. `compact` makes the bytes go too.
    """
    batch = admitted(Removal, removals)
    with warehouse.transaction():
        with warehouse.showing("batch", batch):
            gone = warehouse.frame(_FIND)
        rows: dict[str, int] = {}
        timelines = _delete_timelines(warehouse, batch)
        for (platform, reason), part in gone.group_by("platform", "reason", maintain_order=True):
            keys = part.select("post_key")
            with warehouse.showing("gone", keys):
                tally(warehouse, str(reason), now=now)
            taken = _delete_posts(warehouse, keys)
            _log(warehouse, naive(now), str(platform), str(reason), part.height, taken)
            rows = _sum(rows, taken)
        if rows or timelines:
            forget_accounts(warehouse)
            note_removed(warehouse)
    return RemovalCounts(tuple(gone["post_key"].to_list()), _sum(rows, timelines))


def posts_meant(warehouse: Warehouse, removals: dy.DataFrame[Removal]) -> pl.DataFrame:
    """List the stored posts that removals mean, those of accounts too: platform, key, reason."""
    if removals.is_empty():
        return pl.DataFrame(schema=_MEANT)
    with warehouse.showing("batch", admitted(Removal, removals)):
        return warehouse.frame(_FIND)


def count_held(warehouse: Warehouse, post_keys: Sequence[int]) -> int:
    """Count the posts of these keys that are stored."""
    rows = pl.DataFrame({"post_key": list(post_keys)}, schema={"post_key": pl.UInt64})
    with warehouse.showing("batch", rows):
        return int(
            warehouse.scalar(
                "select count(distinct post_key) from landed.post_versions "
                "semi join batch using (post_key)"
            )
        )


def log_act(warehouse: Warehouse, act: str, counts: Mapping[str, int | str]) -> None:
    """Put an act on the study as a whole into the log: its counts, or the id of a key.

    `posts_count` of the line is 0: posts that an act took have lines of their own.
    """
    with warehouse.transaction():
        _log(warehouse, warehouse.now, STUDY, act, 0, counts)


def is_held(warehouse: Warehouse, removals: dy.DataFrame[Removal]) -> pl.Series:
    """Tell of each removal, in its order, whether any stored post is meant."""
    return _asked(warehouse, removals, _HELD).rename("is_held")


def is_seen_after(warehouse: Warehouse, removals: dy.DataFrame[Removal]) -> pl.Series:
    """Tell of each removal, in its order, whether its post was seen standing later than that."""
    return _asked(warehouse, removals, _SEEN_AFTER).rename("is_seen_after")


def _asked(warehouse: Warehouse, removals: dy.DataFrame[Removal], sql: str) -> pl.Series:
    """Tell of each removal whether `sql` returns its place."""
    batch = admitted(Removal, removals).with_row_index("place")
    with warehouse.showing("batch", batch):
        found = warehouse.frame(sql)["place"]
    return batch["place"].is_in(found.implode())


def _delete_posts(warehouse: Warehouse, gone: pl.DataFrame) -> dict[str, int]:
    taken: dict[str, int] = {}
    with warehouse.showing("gone", gone):
        broken = warehouse.frame(_CLUSTERS)["cluster_key"]
        taken["duplicate_marks"] = forget_clusters(warehouse, broken)
        warehouse.execute(_READ_BEFORE)
        for table, column in _BY_POST.items():
            where = f"{column} in (select post_key from gone)"
            if table == "evidence_spans":
                where = f"({where} or {_IN_ITS_THREAD})"
            taken[table] = _deleted(warehouse, table, where)
        for table, column, other in _POINTING:
            warehouse.execute(
                f"update landed.{table} set {column} = {other} "
                f"where {column} in (select post_key from gone)"
            )
    return {table: count for table, count in taken.items() if count}


# what is left of a cluster is found anew by the next pass
_CLUSTERS = """
select distinct marks.cluster_key
from landed.duplicate_marks as marks, gone
where gone.post_key in (marks.post_key, marks.canonical_key, marks.cluster_key)
"""


def _delete_timelines(warehouse: Warehouse, batch: pl.DataFrame) -> dict[str, int]:
    """Delete what accounts that went leave beside posts: timelines, cursors, coverage, likes."""
    authors = batch.select("author_pseudonym").drop_nulls()
    if authors.is_empty():
        return {}
    with warehouse.showing("gone", authors):
        where = "unit_key in (select timeline_key(author_pseudonym) from gone)"
        taken = {table: _deleted(warehouse, table, where) for table in _TIMELINES}
        for table in _STREAMS:  # a followed account's stream is named by its pseudonym
            taken[table] = _deleted(warehouse, table, _OF_STREAM)
        for table in ("set_aside", "page_notes"):
            taken[table] = _changed(warehouse, table, "stream = source", _OF_STREAM)
        for table, column in _OWN_PAGES.items():
            where = f"{column} in (select 'reddit/u_' || left(author_pseudonym, 12) from gone)"
            taken[table] = taken.get(table, 0) + _changed(
                warehouse, table, f"{column} = '{_NOBODYS_PAGE}'", where
            )
        where = "author_pseudonym in (select author_pseudonym from gone)"
        taken["interactions"] = _deleted(warehouse, "interactions", where)
    return {table: count for table, count in taken.items() if count}


_OF_STREAM = "split_part(stream, '/', 2) in (select author_pseudonym from gone)"


def _changed(warehouse: Warehouse, table: str, change: str, where: str) -> int:
    count = warehouse.scalar(f"select count(*) from landed.{table} where {where}")
    if count:
        warehouse.execute(f"update landed.{table} set {change} where {where}")
    return int(count)


def _deleted(warehouse: Warehouse, table: str, where: str) -> int:
    count = warehouse.scalar(f"select count(*) from landed.{table} where {where}")
    if count:
        warehouse.execute(f"delete from landed.{table} where {where}")
    return int(count)


def _log(
    warehouse: Warehouse,
    at: datetime,
    platform: str,
    reason: str,
    posts_count: int,
    taken: Mapping[str, int | str],
) -> None:
    last = warehouse.execute(
        "select seq, hash from landed.removals_audit order by seq desc limit 1"
    )
    seq, previous = last[0] if last else (0, GENESIS)
    row = [seq + 1, at, platform, reason, posts_count, json.dumps(dict(taken), sort_keys=True)]
    warehouse.execute(
        "insert into landed.removals_audit "
        "select *, audit_hash(seq, removed_at, platform, reason, posts_count, rows_by_store, "
        "previous_hash) from (values (cast(? as bigint), cast(? as timestamp), ?, ?, "
        "cast(? as bigint), ?, ?)) as row(seq, removed_at, platform, reason, posts_count, "
        "rows_by_store, previous_hash)",
        [*row, previous],
    )
    warehouse.execute(
        "update landed.taken_back set audit_head = "
        "(select hash from landed.removals_audit where seq = ?)",
        [seq + 1],
    )


def _sum(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    return {key: left.get(key, 0) + right.get(key, 0) for key in [*left, *(right.keys() - left)]}
