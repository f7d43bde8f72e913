"""What claims read, laid out once: temporary tables that stand before the views of their names.

Only what was coded, and its authors' other posts, is carried over, so that a large corpus costs
little more than a small one. Parts repeat the layout for one platform, or for sure decisions.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

import duckdb

from warehouse.connection import Warehouse
from warehouse.models import CLAIM_VIEWS, make_views

WHOLE: Final = "whole"
_KEPT: Final[Mapping[str, str]] = {
    "coded": """
        select unit_key as post_key from main.label where unit_type = 'post'
        union
        select unit_key from main.sample_unit where unit_type = 'post'
    """,
    "author": """
        select distinct author_key from main.post
        where is_root and post_key in (select post_key from kept_coded)
    """,
    "text": """
        select post_key, text_masked from main.post
        where is_root and post_key in (select post_key from kept_coded)
    """,
    "reach": """
        select post_key, reach_device_count(text_masked) as reach_device_count from kept_text
    """,
    "last": "select max(created_at) as created_at from main.post where is_created_at_plausible",
    "post": """
        select posts.* exclude (text_masked, reach_device_count), kept_reach.reach_device_count
        from main.post as posts
        left join kept_reach on posts.post_key = kept_reach.post_key
        where
            posts.post_key in (select post_key from kept_coded)
            or posts.author_key in (select author_key from kept_author)
            or posts.created_at = (select created_at from kept_last)
        order by posts.post_key
    """,
    "label": "select * from main.label order by unit_type, unit_key, code_id",
    "sample_unit": "select * from main.sample_unit order by unit_type, unit_key",
    "reply_edge": """
        select * from main.reply_edge
        where reply_key in (select post_key from kept_coded) order by reply_key
    """,
    "engagement_snapshot": """
        select * from main.engagement_snapshot
        where post_key in (select post_key from kept_post) order by post_key, observed_at
    """,
    "post_link": """
        select * from main.post_link
        where post_key in (select post_key from kept_post) order by post_key, link_category
    """,
    "persistence_tally": "select * from main.persistence_tally order by all",
}
_BASES: Final = tuple(_KEPT)[5:]
_FILTERS: Final[Mapping[str, Mapping[str, str]]] = {
    WHOLE: {},
    "reddit": dict.fromkeys(("post", "persistence_tally"), "platform = 'reddit'"),
    "bluesky": dict.fromkeys(("post", "persistence_tally"), "platform = 'bluesky'"),
    "certain": {"label": "certainty is null or certainty > 1"},
}


@contextmanager
def kept_rows(warehouse: Warehouse) -> Iterator[None]:
    """Carry over what claims can need of the corpus, and keep it until the end.

    Sums run on one thread meanwhile: over several they come out in another order, and differ in
    their last digits, each time.
    """
    for name, sql in _KEPT.items():
        warehouse.execute(f"create or replace temp table kept_{name} as {sql}")
    warehouse.execute("set threads = 1")
    try:
        yield
    finally:
        _clear(warehouse, "reset threads", *(f"drop table temp.kept_{name}" for name in _KEPT))


def parts_apart(warehouse: Warehouse) -> list[str]:
    """Name the parts that hold some of the rows kept, and not all of them."""
    [(platforms, is_unsure)] = warehouse.execute(
        "select list(distinct platform order by platform), "
        "(select count(*) > 0 from kept_label where certainty = 1) "
        "from kept_post where post_key in (select post_key from kept_coded)"
    )
    several = platforms if platforms is not None and len(platforms) > 1 else []
    return [*several, *(["certain"] if is_unsure else [])]


@contextmanager
def laid_out(warehouse: Warehouse, part: str) -> Iterator[None]:
    """Let every table and view that a claim reads be a table of this part's rows."""
    made = []
    try:
        for name in _BASES:
            where = _FILTERS[part].get(name, "true")
            warehouse.execute(f"create temp table {name} as from kept_{name} where {where}")
            made.append(name)
        for name in CLAIM_VIEWS:
            make_views(warehouse.connection, [name], kind="temp table")
            made.append(name)
        yield
    finally:
        _clear(warehouse, *(f"drop table temp.{name}" for name in reversed(made)))


def _clear(warehouse: Warehouse, *statements: str) -> None:
    """Clear up; where an error ended the transaction, what it made has gone with it."""
    for statement in statements:
        with suppress(duckdb.TransactionException):
            warehouse.execute(statement)
