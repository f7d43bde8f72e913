"""What surrounds a Bluesky post: whose context is still to be read, and what is not shown of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from schema.pages import ContextRelation, ContextState
from warehouse.connection import Warehouse

QUOTES = "/quotes"  # a stream of this ending brings posts that quote what was collected


@dataclass(frozen=True, slots=True)
class PostContext:
    """Whether what a post answers, stands under or quotes is shown; `state` None: it is."""

    post_key: int
    relation: ContextRelation
    state: ContextState | None


def save_contexts(warehouse: Warehouse, contexts: Sequence[PostContext]) -> None:
    """Note what is not shown; a state that stands keeps the instant it was first seen.

    Call it inside the rows' own transaction. A post that is not held leaves nothing here.
    """
    if not contexts:
        return
    batch = pl.DataFrame(
        [(one.post_key, one.relation, one.state) for one in contexts],
        schema={"post_key": pl.UInt64, "relation": pl.String, "state": pl.String},
        orient="row",
    ).unique(["post_key", "relation"], keep="last", maintain_order=True)
    with warehouse.showing("batch", batch):
        warehouse.execute(
            "delete from landed.thread_context as stored using batch "
            "where stored.post_key = batch.post_key and stored.relation = batch.relation "
            "and stored.state is distinct from batch.state"
        )
        warehouse.execute(
            "insert into landed.thread_context by name "
            "select *, cast(? as timestamp) as observed_at from batch "
            "semi join landed.post_versions using (post_key) "
            "anti join landed.thread_context using (post_key, relation) "
            "where state is not null",
            [warehouse.now],
        )


def save_quote_read(warehouse: Warehouse, post_key: int, quotes_count: int) -> None:
    """Note that a root's quotes were read when it had so many."""
    with warehouse.transaction():
        warehouse.execute("delete from landed.quote_reads where post_key = ?", [post_key])
        warehouse.execute(
            "insert into landed.quote_reads select post_key, cast(? as bigint) "
            "from landed.post_versions where post_key = ?",
            [quotes_count, post_key],
        )


def replies_without_context(warehouse: Warehouse, thread_sources: Sequence[str]) -> pl.DataFrame:
    """List collected replies whose surroundings were not asked for yet, oldest first.

    One column, post_key. What a thread brought has its way up with it. What else is held plays no
    part, so it is the same list in whatever order posts came.
    """
    return warehouse.frame(
        """
        select posts.post_key
        from staging.stg_posts as posts
        left join landed.thread_reads as reads using (post_key)
        where posts.platform = 'bluesky' and not posts.is_root and reads.post_key is null
            and not list_contains(?, posts.source)
        order by posts.created_at, posts.post_key
        """,
        [list(thread_sources)],
    )


def roots_to_read(warehouse: Warehouse) -> pl.DataFrame:
    """List Bluesky roots whose reply count moved or was never told, oldest first.

    Columns post_key and replies_count, null where no route told it. The replies of a post that
    only quotes what was collected are not followed.
    """
    return warehouse.frame(
        """
        select posts.post_key, latest.replies_count
        from staging.stg_posts as posts
        inner join landed.post_versions as landed_posts using (post_key)
        left join intermediate.latest_replies as latest using (post_key)
        left join landed.thread_reads as reads using (post_key)
        where posts.platform = 'bluesky' and posts.is_root
            and not ends_with(landed_posts.stream, ?)
            and (
                latest.replies_count <> coalesce(reads.replies_count, 0)
                or (latest.replies_count is null and reads.post_key is null)
            )
        order by posts.created_at, posts.post_key
        """,
        [QUOTES],
    )


def quotes_to_read(warehouse: Warehouse, thread_sources: Sequence[str]) -> pl.DataFrame:
    """List collected Bluesky roots whose quote count moved since their quotes were last read.

    Columns post_key and quotes_count. Roots that threads or quotes brought are left out: a quote
    of a quote leads anywhere.
    """
    return warehouse.frame(
        """
        select posts.post_key, latest.quotes_count
        from staging.stg_posts as posts
        inner join intermediate.latest_quotes as latest using (post_key)
        left join landed.quote_reads as reads using (post_key)
        where posts.platform = 'bluesky' and posts.is_root
            and not list_contains(?, posts.source)
            and latest.quotes_count <> coalesce(reads.quotes_count, 0)
        order by posts.created_at, posts.post_key
        """,
        [list(thread_sources)],
    )
