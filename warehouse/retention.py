"""Retention: text is kept for so many months, rows of a platform as long as its approval lasts.

A text's age counts from when this study read its present wording: a post of years ago that an
archive brought yesterday is a day old here.
"""

from collections.abc import Collection
from datetime import datetime

import polars as pl

from warehouse.clock import naive
from warehouse.connection import Warehouse
from warehouse.taken_back import note_reworded

_TEXT_IS_OLD = """
select posts.post_key
from landed.post_versions as posts
left join (
    select run_id, max(started_at) as started_at from landed.collection_runs group by run_id
) as runs using (run_id)
where
    greatest(posts.observed_at, runs.started_at) <= cast(? as timestamp) - to_months(?)
    and posts.post_key not in (select post_key from landed.expired_texts)
order by posts.post_key
"""
_PERMISSION_ENDED = """
select posts.post_key
from landed.post_versions as posts
inner join ended
    on posts.route = ended.route and posts.source = coalesce(ended.source, posts.source)
where posts.platform = 'reddit'
order by posts.post_key
"""


def old_texts(warehouse: Warehouse, *, now: datetime, months: int) -> list[int]:
    """List the posts whose text was read `months` ago or longer, and still stands."""
    return [int(key) for (key,) in warehouse.execute(_TEXT_IS_OLD, [naive(now), months])]


def no_longer_permitted(
    warehouse: Warehouse, ended: Collection[tuple[str, str | None]]
) -> list[int]:
    """List Reddit's posts by route and source whose permission ended; a source None means all."""
    rows = pl.DataFrame(
        sorted(ended, key=str), schema={"route": pl.String, "source": pl.String}, orient="row"
    )
    with warehouse.showing("ended", rows):
        return [int(key) for (key,) in warehouse.execute(_PERMISSION_ENDED)]


def expire_texts(warehouse: Warehouse, post_keys: Collection[int], *, now: datetime) -> int:
    """Delete the words of posts, and what quotes them; return of how many.

    The row stays, with its counts and codings. No later look brings the text back.
    """
    rows = pl.DataFrame({"post_key": sorted(set(post_keys))}, schema={"post_key": pl.UInt64})
    if rows.is_empty():
        return 0
    is_meant = "in (select post_key from batch)"
    with warehouse.transaction(), warehouse.showing("batch", rows):
        before = warehouse.scalar("select count(*) from landed.expired_texts")
        warehouse.execute(
            "insert into landed.expired_texts select post_key, cast(? as timestamp) from batch "
            "semi join landed.post_versions using (post_key) "
            "anti join landed.expired_texts as expired using (post_key)",
            [naive(now)],
        )
        warehouse.execute(
            "update landed.post_versions set title = null, text = '', alt_text = null, "
            f"quoted_text = null, flair = null where post_key {is_meant}"
        )
        warehouse.execute(f"delete from landed.evidence_spans where unit_key {is_meant}")
        for table in ("duplicate_marks", "duplicate_sketches"):
            warehouse.execute(f"delete from landed.{table} where post_key {is_meant}")
        note_reworded(warehouse)
        return int(warehouse.scalar("select count(*) from landed.expired_texts") - before)


def expired_texts(warehouse: Warehouse, post_keys: pl.Series) -> list[int]:
    """Pick the posts whose text expired."""
    with warehouse.showing("asked", post_keys.to_frame("post_key")):
        rows = warehouse.execute(
            "select post_key from landed.expired_texts semi join asked using (post_key)"
        )
    return [int(key) for (key,) in rows]


def drawn_among(warehouse: Warehouse, post_keys: Collection[int]) -> int:
    """Count the drawn units among posts: coders have tasks of them."""
    rows = pl.DataFrame({"unit_key": sorted(set(post_keys))}, schema={"unit_key": pl.UInt64})
    with warehouse.showing("batch", rows):
        return int(
            warehouse.scalar("select count(*) from landed.units semi join batch using (unit_key)")
        )
