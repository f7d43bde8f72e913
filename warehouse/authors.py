"""Accounts beside their posts: who is hidden, what each wishes, and what posts are labelled.

A hidden account's posts stay in `landed` and nowhere above it: they come back with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import dataframely as dy
import polars as pl

from schema.accounts import Account, PostLabel, Wish
from schema.frames import empty
from warehouse.clock import naive
from warehouse.connection import Warehouse
from warehouse.contexts import PostContext, save_contexts
from warehouse.frames import admitted
from warehouse.taken_back import note_reworded

APPVIEW_LAG: Final = timedelta(hours=1)  # its index runs behind the events, by minutes as a rule
_SHOW = """
delete from landed.hidden_authors as held
using batch as told
where
    told.status = 'active'
    and told.platform = held.platform
    and told.author_pseudonym = held.author_pseudonym
    and held.hidden_since <= told.observed_at
    and case told.told_by
        when 'labeler' then held.told_by = 'labeler' and held.labeler = told.labeler
        when 'event' then
            held.told_by = 'event' or (held.told_by = 'appview' and held.status <> 'takendown')
        else
            held.told_by = 'appview'
            or (held.told_by = 'event' and held.hidden_since <= told.observed_at - $lag)
    end
"""
_TELL_ANEW = """
update landed.hidden_authors as held
set status = told.status, hidden_until = told.until
from batch as told
where
    told.status <> 'active'
    and told.platform = held.platform
    and told.author_pseudonym = held.author_pseudonym
    and told.told_by = held.told_by
    and told.labeler = held.labeler
"""
_HIDE = """
insert into landed.hidden_authors
select platform, author_pseudonym, status, told_by, labeler, observed_at, until
from batch
where
    status <> 'active'
    and (platform, author_pseudonym) in (
        select (platform, author_pseudonym) from staging.held_accounts
    )
    and (platform, author_pseudonym, told_by, labeler) not in (
        select (platform, author_pseudonym, told_by, labeler) from landed.hidden_authors
    )
order by all
"""
_FORGET_WISHES = """
delete from landed.author_wishes as held
using batch as told
where
    held.platform = told.platform
    and held.author_pseudonym = told.author_pseudonym
    and held.wish = told.wish
    and held.observed_at <= told.observed_at
"""
_WISH = """
insert into landed.author_wishes by name
select * from batch
where
    (platform, author_pseudonym) in (
        select (platform, author_pseudonym) from landed.post_versions
    )
    and (platform, author_pseudonym, wish) not in (
        select (platform, author_pseudonym, wish) from landed.author_wishes
    )
order by all
"""
_OF_AUTHORS = {
    "hidden_authors": "staging.held_accounts",
    "author_wishes": "landed.post_versions",
}
_HIDDEN_POSTS = """
select count(*)
from landed.post_versions
where (platform, author_pseudonym) in (select (platform, author_pseudonym) from batch)
"""


@dataclass(frozen=True, slots=True)
class Beside:
    """What a page tells beside its posts and counts; `notes` count what happened on the way."""

    accounts: dy.DataFrame[Account] = field(default_factory=lambda: empty(Account))
    wishes: dy.DataFrame[Wish] = field(default_factory=lambda: empty(Wish))
    labels: dy.DataFrame[PostLabel] = field(default_factory=lambda: empty(PostLabel))
    contexts: Sequence[PostContext] = ()
    notes: Mapping[str, int] = field(default_factory=dict)


def save_beside(warehouse: Warehouse, beside: Beside, posts: pl.DataFrame) -> tuple[int, int]:
    """Hide and show accounts, note the rest; return how many posts went and came back.

    Call it inside the transaction that saved the page's `posts`.
    """
    save_contexts(warehouse, beside.contexts)
    if not posts.is_empty():
        _save_labels(warehouse, beside.labels, posts)
    if not beside.wishes.is_empty():
        _save_wishes(warehouse, admitted(Wish, beside.wishes))
    if beside.accounts.is_empty():
        return 0, 0
    return _save_accounts(warehouse, admitted(Account, beside.accounts))


def forget_accounts(warehouse: Warehouse) -> None:
    """Let what is kept of accounts go with the last that is held of them."""
    for table, held in _OF_AUTHORS.items():
        warehouse.execute(
            f"delete from landed.{table} where (platform, author_pseudonym) not in "
            f"(select (platform, author_pseudonym) from {held})"
        )


def hidden_authors(warehouse: Warehouse, *, since_before: datetime | None = None) -> list[str]:
    """List the pseudonyms of hidden accounts, those hidden since before an instant where given."""
    where, values = "", []
    if since_before is not None:
        where, values = "where hidden_since <= ?", [naive(since_before)]
    rows = warehouse.execute(
        f"select distinct author_pseudonym from landed.hidden_authors {where} order by all", values
    )
    return [str(name) for (name,) in rows]


def hidden_posts(warehouse: Warehouse) -> set[int]:
    """Return the keys of posts that are hidden."""
    rows = warehouse.execute("select post_key from staging.hidden_posts")
    return {int(key) for (key,) in rows}


def end_expired_labels(warehouse: Warehouse, *, now: datetime) -> int:
    """Show accounts again whose label ran out; return how many labels did."""
    where = "where hidden_until <= ?"
    count = warehouse.scalar(f"select count(*) from landed.hidden_authors {where}", [naive(now)])
    if count:
        warehouse.execute(f"delete from landed.hidden_authors {where}", [naive(now)])
    return int(count)


def count_hidden(warehouse: Warehouse) -> pl.DataFrame:
    """Count hidden accounts and their posts, by platform and status."""
    return warehouse.frame(
        "select hidden.platform, hidden.status, "
        "count(distinct hidden.author_pseudonym) as authors_count, "
        "count(distinct posts.post_key) as posts_count "
        "from landed.hidden_authors as hidden "
        "inner join landed.post_versions as posts using (platform, author_pseudonym) "
        "group by all order by all"
    )


def count_wishes(warehouse: Warehouse) -> pl.DataFrame:
    """Count authors by what they say of reuse; no author is told."""
    return warehouse.frame(
        "select wish, value, cast(sum(n_authors) as bigint) as authors_count "
        "from wishes group by all order by all"
    )


def authors_to_ask(warehouse: Warehouse, *, asked_before: datetime, limit: int) -> list[int]:
    """Return one post of each Bluesky author whose wishes were not asked for since an instant.

    Those who were never asked come first, each day in another order: of some nobody answers.
    """
    rows = warehouse.execute(
        """
        select min(posts.post_key) as post_key
        from staging.stg_posts as posts
        left join landed.author_wishes as wishes using (platform, author_pseudonym)
        where posts.platform = 'bluesky'
        group by posts.author_pseudonym
        having coalesce(max(wishes.observed_at), '-infinity') < ?
        order by max(wishes.observed_at) nulls first, hash(min(posts.post_key), ?), post_key
        limit ?
        """,
        [naive(asked_before), asked_before.date().isoformat(), limit],
    )
    return [int(key) for (key,) in rows]


def may_share(warehouse: Warehouse, post_keys: Sequence[int]) -> set[int]:
    """Pick the posts that may stand in a shared set: held, not hidden, and allowed by their author.

    Reddit's never may (R24), nor a Bluesky author's who has not said yes to `bulkDataset` (R20).
    """
    rows = pl.DataFrame({"post_key": list(post_keys)}, schema={"post_key": pl.UInt64})
    with warehouse.showing("batch", rows):
        found = warehouse.execute(
            "select post_key from intermediate.shareable semi join batch using (post_key)"
        )
    return {int(key) for (key,) in found}


def _save_accounts(warehouse: Warehouse, accounts: pl.DataFrame) -> tuple[int, int]:
    last = accounts.with_columns(pl.col("labeler").fill_null("")).unique(
        ["platform", "author_pseudonym", "told_by", "labeler"], keep="last", maintain_order=True
    )
    before = _hidden(warehouse)
    with warehouse.showing("batch", last):
        if not before.is_empty():
            warehouse.connection.execute(_SHOW, {"lag": APPVIEW_LAG})
            warehouse.execute(_TELL_ANEW)
        if (last["status"] != "active").any():
            warehouse.execute(_HIDE)
    after = _hidden(warehouse)
    on = ["platform", "author_pseudonym"]
    went, came = after.join(before, on=on, how="anti"), before.join(after, on=on, how="anti")
    if not went.is_empty():
        note_reworded(warehouse)
    return _posts_of(warehouse, went), _posts_of(warehouse, came)


def _hidden(warehouse: Warehouse) -> pl.DataFrame:
    return warehouse.frame("select distinct platform, author_pseudonym from landed.hidden_authors")


def _posts_of(warehouse: Warehouse, authors: pl.DataFrame) -> int:
    if authors.is_empty():
        return 0
    with warehouse.showing("batch", authors):
        return int(warehouse.scalar(_HIDDEN_POSTS))


def _save_wishes(warehouse: Warehouse, wishes: pl.DataFrame) -> None:
    last = wishes.unique(["platform", "author_pseudonym", "wish"], keep="last", maintain_order=True)
    with warehouse.showing("batch", last):
        warehouse.execute(_FORGET_WISHES)
        warehouse.execute(_WISH)


def _save_labels(
    warehouse: Warehouse, labels: dy.DataFrame[PostLabel], posts: pl.DataFrame
) -> None:
    """Put a post's labels in place of its earlier ones: a page shows those in force."""
    with warehouse.showing("batch", posts.select("post_key")):
        warehouse.execute(
            "delete from landed.post_labels where post_key in (select post_key from batch)"
        )
    if labels.is_empty():
        return
    rows = admitted(PostLabel, labels).select("post_key", "label", "is_self").unique()
    with warehouse.showing("batch", rows):
        warehouse.execute(
            "insert into landed.post_labels by name select * from batch "
            "semi join landed.post_versions using (post_key) order by all"
        )
