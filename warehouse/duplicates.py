"""Duplicate marks: what the finder needs, and what it found."""

import dataframely as dy
import polars as pl

from schema.posts import DuplicateMark
from warehouse.clock import add_zones
from warehouse.connection import Warehouse
from warehouse.frames import admitted


def duplicate_inputs(warehouse: Warehouse) -> pl.DataFrame:
    """Return of every post that is shown with its text what a mark says beside its wording."""
    return add_zones(
        warehouse.frame(
            "select post_key, author_pseudonym, community_key, platform, created_at "
            "from landed.post_versions "
            "where post_key not in (select post_key from staging.hidden_posts) "
            "and post_key not in (select post_key from staging.stg_expired_texts)"
        )
    )


def duplicate_texts(warehouse: Warehouse, post_keys: pl.Series) -> pl.DataFrame:
    """Return the masked title and text of those posts that are held: post_key, text."""
    with warehouse.showing("wanted", post_keys.to_frame("post_key")):
        return warehouse.frame(
            "select post_key, concat_ws(' ', title, text) as text from landed.post_versions "
            "semi join wanted using (post_key)"
        )


def duplicates_of(warehouse: Warehouse, rules: str) -> str:
    """Sum up what marks depend on: every post's wording, venue and date, and the finder's rules."""
    return str(
        warehouse.scalar(
            """
            select concat_ws(' ', ?, count(*), bit_xor(
                hash(post_key, version_key, scrubber_version, community_key, created_at)
            ))
            from landed.post_versions
            where post_key not in (select post_key from staging.hidden_posts)
                and post_key not in (select post_key from staging.stg_expired_texts)
            """,
            [rules],
        )
    )


def count_duplicates(warehouse: Warehouse, *, of: str) -> int | None:
    """Count the marks that stand; None where they are not `of` these posts and rules."""
    [(stored, count)] = warehouse.execute(
        "select any_value(duplicates_of), (select count(*) from landed.duplicate_marks) "
        "from landed.store"
    )
    return int(count) if stored == of else None


def save_duplicates(
    warehouse: Warehouse, marks: dy.DataFrame[DuplicateMark], *, of: str | None = None
) -> int:
    """Put these marks in place of all earlier ones; return how many stand.

    `of` is what `duplicates_of` said of the posts they were found among.

    Clusters that lost a post while the finder was at work are left out: the next pass finds
    what remains of them.
    """
    batch = admitted(DuplicateMark, marks)
    with warehouse.transaction(), warehouse.showing("batch", batch):
        warehouse.execute("delete from landed.duplicate_marks")
        warehouse.execute("update landed.store set duplicates_of = ?", [of])
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
