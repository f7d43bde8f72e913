"""Duplicate marks: what the finder needs, and what it found."""

import dataframely as dy
import polars as pl

from schema.posts import DuplicateMark
from warehouse.clock import add_zones
from warehouse.connection import Warehouse
from warehouse.frames import admitted


def duplicate_inputs(warehouse: Warehouse) -> pl.DataFrame:
    """Return every post with its masked title and text, ordered by key."""
    return add_zones(
        warehouse.frame(
            """
            select
                post_key,
                author_pseudonym,
                community_key,
                platform,
                created_at,
                concat_ws(' ', title, text) as text
            from landed.post_versions
            order by post_key
            """
        )
    )


def save_duplicates(warehouse: Warehouse, marks: dy.DataFrame[DuplicateMark]) -> int:
    """Put these marks in place of all earlier ones; return how many stand.

    Clusters that lost a post while the finder was at work are left out: the next pass finds
    what remains of them.
    """
    batch = admitted(DuplicateMark, marks)
    with warehouse.transaction(), warehouse.showing("batch", batch):
        warehouse.execute("delete from landed.duplicate_marks")
        warehouse.execute(
            """
            insert into landed.duplicate_marks by name
            with missing as (
                select distinct cluster_key
                from batch
                where not (
                    post_key in (select post_key from landed.post_versions)
                    and canonical_key in (select post_key from landed.post_versions)
                    and cluster_key in (select post_key from landed.post_versions)
                )
            )
            select * from batch
            where cluster_key not in (select cluster_key from missing)
            order by post_key
            """
        )
        return int(warehouse.scalar("select count(*) from landed.duplicate_marks"))
