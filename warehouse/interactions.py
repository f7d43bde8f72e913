"""Who liked, reposted or quoted posts: what is due to be read, and what the last reading showed.

A reading takes the place of the one before it, so who withdraws a like is gone with the next.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

import dataframely as dy
import polars as pl

from schema.interactions import Interaction
from schema.pages import SetAside
from schema.vocabulary import InteractionKind
from warehouse.authors import forget_accounts
from warehouse.clock import naive
from warehouse.connection import Warehouse
from warehouse.frames import admitted
from warehouse.saving import SaveStamp, save_set_aside
from warehouse.taken_back import mark_rewrite_due

_COUNTS: Final[dict[InteractionKind, str]] = {
    "like": "bluesky_likes_count",
    "repost": "bluesky_reposts_count",
    "quote": "bluesky_quotes_count",
}
_DUE = """
with latest as (
    select post_key, arg_max({count}, observed_at) as interactions_count
    from staging.stg_engagement_snapshots
    where {count} is not null
    group by post_key
)

select posts.post_key, latest.interactions_count
from staging.stg_posts as posts
inner join latest using (post_key)
left join landed.interaction_reads as reads
    on posts.post_key = reads.post_key and reads.kind = $1
where posts.platform = 'bluesky' and posts.is_root
    and not list_contains($2, posts.source)
    and (
        latest.interactions_count <> coalesce(reads.interactions_count, 0)
        or (
            reads.read_at < $3
            and (
                reads.interactions_count > 0
                or posts.post_key in (select post_key from landed.interactions where kind = $1)
            )
        )
    )
order by posts.created_at, posts.post_key
"""
_WITHDRAWN = """
post_key in (select post_key from read) and kind = ?
and not exists (
    select 1 from batch
    where batch.post_key = interactions.post_key
        and batch.author_pseudonym = interactions.author_pseudonym
        and batch.created_at is not distinct from interactions.created_at
)
"""


def interactions_to_read(
    warehouse: Warehouse,
    kind: InteractionKind,
    thread_sources: Sequence[str],
    *,
    read_before: datetime,
) -> pl.DataFrame:
    """List collected Bluesky roots whose count of a kind moved, oldest first.

    Columns post_key and interactions_count. Those that have any are listed as well when they were
    last read before an instant: one who withdraws may be outweighed by one who joins, and counts
    take no notice of accounts that close and return. Roots that threads or quotes brought are
    left out.
    """
    values = [kind, list(thread_sources), naive(read_before)]
    return warehouse.frame(_DUE.format(count=_COUNTS[kind]), values)


def save_interactions(
    warehouse: Warehouse,
    kind: InteractionKind,
    interactions: dy.DataFrame[Interaction],
    stamp: SaveStamp,
    *,
    reads: Mapping[int, int],
    set_aside: Sequence[SetAside] = (),
) -> int:
    """Put one kind of some posts as it was read in the place of what is held; return what went.

    `reads` maps every post that was read to its count. What stands keeps the instant at which it
    was first seen. A post that went meanwhile leaves nothing here.
    """
    batch = admitted(Interaction, interactions)
    read = pl.DataFrame(
        {"post_key": list(reads), "interactions_count": list(reads.values())},
        schema={"post_key": pl.UInt64, "interactions_count": pl.Int64},
    )
    with (
        warehouse.transaction(),
        warehouse.showing("batch", batch),
        warehouse.showing("read", read),
    ):
        withdrawn_count = _delete(warehouse, _WITHDRAWN, [kind])
        warehouse.execute(
            "insert into landed.interactions by name "
            "select *, cast(? as timestamp) as first_seen_at from batch "
            "semi join landed.post_versions using (post_key) "
            "anti join landed.interactions using (post_key, kind, author_pseudonym) order by all",
            [warehouse.now],
        )
        warehouse.execute(
            "delete from landed.interaction_reads "
            "where kind = ? and post_key in (select post_key from read)",
            [kind],
        )
        warehouse.execute(
            "insert into landed.interaction_reads by name "
            "select *, ? as kind, cast(? as timestamp) as read_at from read "
            "semi join landed.post_versions using (post_key)",
            [kind, warehouse.now],
        )
        save_set_aside(warehouse, stamp, set_aside)
    return withdrawn_count


def keep_interactions(warehouse: Warehouse, kinds: Collection[InteractionKind]) -> int:
    """Delete what no source asks for any more: nobody would see it withdrawn; return how many."""
    where = "not list_contains(?, kind)"
    with warehouse.transaction():
        count = _delete(warehouse, where, [list(kinds)])
        warehouse.execute(f"delete from landed.interaction_reads where {where}", [list(kinds)])
    return count


def _delete(warehouse: Warehouse, where: str, values: Sequence[object]) -> int:
    gone = warehouse.execute(
        f"delete from landed.interactions where {where} returning 1", list(values)
    )
    if gone:
        forget_accounts(warehouse)
        mark_rewrite_due(warehouse)
    return len(gone)
