"""What is told gone goes, and is kept out: for good, for a while, or until it is back."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import dataframely as dy
import polars as pl

from connectors.vault import PendingRemoval, Vault, count_pending
from flows.stores import Stores, open_stores
from flows.workspace import Workspace
from schema.accounts import CollectedAccount
from schema.frames import empty, kept, validated
from schema.pages import RawPage
from schema.removals import CollectedRemoval, Removal
from schema.vocabulary import Platform, RemovalReason
from transforms.pseudonymize import post_keys, pseudonymize_removals
from warehouse import store

OUTSIDE: RemovalReason = "outside_policy"
OPTED_OUT: RemovalReason = "opted_out"
# these may end: an account comes back, a policy changes. Nothing keeps the post out then.
REVERSIBLE = ("account_inactive", "not_found", OUTSIDE)
# A stream tells of every deletion on Bluesky. What went before we saw it may still come by a
# pull, whose index lags: it is kept out for as long as that can take, not for good.
UNSEEN_HOURS = 48
_PENDING = {
    "platform": pl.String,
    "post_key": pl.UInt64,
    "author_pseudonym": pl.String,
    "reason": pl.String,
}
_UNSEEN, _CLOSED = "gone before it was seen", "account closed before it was seen"
_WHOLE_ACCOUNT = "account taken out for good"


def remove(
    workspace: Workspace,
    platform: Platform,
    removals: dy.DataFrame[CollectedRemoval],
    *,
    is_lasting: bool = True,
) -> int:
    """Let posts and accounts go everywhere; return how many stored posts that took.

    Suppression comes first, with a note of what is going: whatever dies on the way, nothing brings
    the post back, and `resume` completes it. `is_lasting` is false where the caller has seen to
    it, or where nothing shall keep them out.
    """
    if removals.is_empty():
        return 0
    with open_stores(workspace) as stores:
        return remove_from(workspace, stores, platform, removals, is_lasting=is_lasting)


def remove_from(
    workspace: Workspace,
    stores: Stores,
    platform: Platform,
    removals: dy.DataFrame[CollectedRemoval],
    *,
    is_lasting: bool = True,
) -> int:
    """Do what `remove` does, in stores that are open."""
    if removals.is_empty():
        return 0
    vault, warehouse, now = stores.vault, stores.warehouse, workspace.now()
    keyed = pseudonymize_removals(removals, key=workspace.key.pseudonym_key(platform))
    if platform == "reddit":  # what an archive saw gone may have come back since
        standing = store.is_seen_after(warehouse, keyed) & (removals["reason"] != OPTED_OUT)
        removals = kept(removals, ~standing)
        keyed = kept(keyed, ~standing)
    held = store.is_held(warehouse, keyed)
    # for good: what was held. Old Reddit dumps hold what was deleted since, so there each one is.
    is_final = ~removals["reason"].is_in(REVERSIBLE) & is_lasting
    is_asked = removals["reason"] == OPTED_OUT
    is_for_good = is_final & (held | (platform == "reddit") | is_asked)
    unseen = removals.filter(is_final & ~is_for_good)
    if not unseen.is_empty():
        until = now + timedelta(hours=UNSEEN_HOURS)
        vault.keep_out(platform, cause=_UNSEEN, now=now, until=until, **_named(unseen))
    going = Removal.validate(keyed.filter(held | (is_asked & keyed["post_key"].is_null())))
    pending = _pending(warehouse, going)
    # an account's posts one by one, too: a route that names it otherwise must not bring them back
    taken = store.posts_meant(warehouse, Removal.validate(keyed.filter(held & is_for_good)))
    named = _named(removals.filter(is_for_good))
    named["native_ids"] += vault.native_ids(taken["post_key"].to_list()).values()
    accounts = keyed.filter(is_for_good)["author_pseudonym"].drop_nulls().to_list()
    if accounts:  # by what the warehouse calls them, too, so that R19 can look for them there
        vault.keep_out(platform, cause=_WHOLE_ACCOUNT, now=now, authors=accounts)
    vault.suppress(platform, **named, pending=pending)
    removed_count = _complete(stores, pending, now=now) if pending else 0
    vault.forget(keyed["post_key"].drop_nulls().to_list())
    return removed_count


def remove_keyed(workspace: Workspace, platform: Platform, going: dy.DataFrame[Removal]) -> int:
    """Let stored posts go by their keys, keeping nobody out; return how many posts that took."""
    if going.is_empty():
        return 0
    with open_stores(workspace) as stores:
        pending = _pending(stores.warehouse, going)
        stores.vault.suppress(platform, pending=pending)
        return _complete(stores, pending, now=workspace.now())


def resume(workspace: Workspace) -> int:
    """Complete removals that a process began and did not live to complete; return how many posts.

    Where nothing was left undone, this needs no key.
    """
    if not count_pending(workspace.vault):
        return 0
    with open_stores(workspace) as stores:
        return _complete(stores, stores.vault.pending(), now=workspace.now())


def _pending(warehouse: store.Warehouse, going: dy.DataFrame[Removal]) -> list[PendingRemoval]:
    """Write out what is going: each stored post, and each account for what stands beside posts."""
    posts = store.posts_meant(warehouse, going).iter_rows(named=True)
    accounts = going.filter(pl.col("author_pseudonym").is_not_null()).iter_rows(named=True)
    return [
        *(PendingRemoval(p["platform"], p["post_key"], None, p["reason"]) for p in posts),
        *(
            PendingRemoval(a["platform"], None, a["author_pseudonym"], a["reason"])
            for a in accounts
        ),
    ]


def _complete(stores: Stores, pending: Sequence[PendingRemoval], *, now: datetime) -> int:
    """Take out what was written down, rows before what leads to them; return how many posts."""
    rows = pl.DataFrame(pending, schema=_PENDING, orient="row").with_columns(
        # of two reasons for one post that of the post itself stands: the first told
        observed_at=now + pl.duration(microseconds=pl.col("post_key").is_null().cast(pl.Int64))
    )
    removals = Removal.validate(rows.select(Removal.column_names()), cast=True)
    removed = store.remove(stores.warehouse, removals, now=now)
    keys = {*removed.post_keys, *rows["post_key"].drop_nulls()}
    stores.vault.forget(sorted(keys), done=pending)
    return len(removed.post_keys)


def look_soon(workspace: Workspace, vault: Vault, page: RawPage) -> None:
    """Let refresh find out why posts are missing: it may be their account, or a glitch."""
    if not page.missing:
        return
    key = workspace.key.pseudonym_key(page.platform)
    keys = post_keys(page.platform, page.missing, key=key)
    vault.reschedule(dict.fromkeys(keys, workspace.now()))


def _named(rows: pl.DataFrame) -> dict[str, list[str]]:
    """Say which posts and which accounts rows mean."""
    return {
        "native_ids": rows["native_id"].drop_nulls().to_list(),
        "authors": rows["author"].drop_nulls().to_list(),
    }


def mind_unseen_accounts(
    workspace: Workspace,
    vault: Vault,
    platform: Platform,
    accounts: dy.DataFrame[CollectedAccount],
) -> None:
    """Keep accounts out that closed before anything of theirs was seen, until they are back.

    Those that posts are held of are hidden with the page's own transaction. An index that lags
    could otherwise bring in, and show, what a closed account wrote.
    """
    told = accounts.filter(pl.col("told_by") == "event").unique(
        "author", keep="last", maintain_order=True
    )
    if told.is_empty():
        return
    closed = told.filter(pl.col("status") != "active")["author"].to_list()
    active = told.filter(pl.col("status") == "active")["author"].to_list()
    now = workspace.now()
    until = now + timedelta(hours=UNSEEN_HOURS)
    vault.let_in(platform, cause=_CLOSED, authors=active)
    vault.keep_out(platform, cause=_CLOSED, now=now, until=until, authors=closed)


def let_back(vault: Vault, platform: Platform, accounts: dy.DataFrame[CollectedAccount]) -> None:
    """Let accounts in again that the AppView shows, whatever the stream said of them before."""
    back = accounts.filter(pl.col("status") == "active")["author"].unique().to_list()
    vault.let_in(platform, cause=_CLOSED, authors=back)


def as_removals(
    page: RawPage, native_ids: Sequence[str], reason: RemovalReason
) -> dy.DataFrame[CollectedRemoval]:
    """Make removals of posts that a page tells of by their ids."""
    if not native_ids:
        return empty(CollectedRemoval)
    rows = pl.DataFrame(
        {"native_id": list(native_ids)}, schema={"native_id": pl.String}
    ).with_columns(
        platform=pl.lit(page.platform),
        author=pl.lit(None, pl.String),
        reason=pl.lit(reason),
        observed_at=pl.lit(page.observed_at),
    )
    return validated(CollectedRemoval, rows, cast=True)


def once_each(
    frames: Sequence[dy.DataFrame[CollectedRemoval]],
) -> dy.DataFrame[CollectedRemoval]:
    """Put removals together; of several for one post or account the first stands."""
    columns = CollectedRemoval.column_names()
    told = [frame.select(columns) for frame in frames if not frame.is_empty()]
    if not told:
        return empty(CollectedRemoval)
    together = pl.concat(told)
    return validated(
        CollectedRemoval,
        together.unique(["native_id", "author"], keep="first", maintain_order=True),
    )
