"""The one gate: from a page that names people to rows that name nobody.

Every route passes here: policy, suppression, pseudonyms and scrubbing, the vault, and the
transaction that stores rows, cursor and coverage together. Nothing is written before
`pseudonymize`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import dataframely as dy
import polars as pl

from connectors.vault import Vault
from flows.looks import vault_entries
from flows.removing import (
    OUTSIDE,
    as_removals,
    let_back,
    look_soon,
    mind_unseen_accounts,
    once_each,
    remove_from,
)
from flows.stores import Stores, open_stores
from flows.tally import Tally
from flows.workspace import Workspace
from schema.frames import kept
from schema.pages import ContextFact, Coverage, ParsedPage, RawPage, SetAside
from schema.posts import CollectedPost, Post
from schema.removals import CollectedRemoval
from schema.vocabulary import Platform, SourceRoute
from transforms.pseudonymize import (
    OWN_PAGE,
    community_key,
    engagement_snapshots,
    post_keys,
    pseudonymize,
    pseudonymize_accounts,
    pseudonymize_labels,
    pseudonymize_wishes,
)
from warehouse import store


def land(
    workspace: Workspace,
    page: RawPage,
    parsed: ParsedPage,
    stamp: store.SaveStamp,
    *,
    thread_reads: Mapping[int, int] | None = None,
    is_held: bool = False,
) -> Tally:
    """Store one page: removals first, then posts, counts, cursor and coverage at once.

    `is_held`: these posts were let in before, each under the permission of its own source.
    """
    key = workspace.key.pseudonym_key(page.platform)
    allowed = kept(parsed.posts, _allowed(workspace))
    refused = parsed.posts.join(allowed, on="native_id", how="anti")["native_id"].to_list()
    gone = _gone(page, parsed, refused)
    if not is_held:  # what another source was permitted to bring stays
        allowed = kept(allowed, _is_covered(workspace, stamp.route))
    masked = _masked(workspace, allowed, key)
    covered = [_keyed(interval, page.platform, key) for interval in page.covered]
    with open_stores(workspace) as stores:
        removed_count = _let_go(workspace, stores, page, gone)
        mind_unseen_accounts(workspace, stores.vault, page.platform, parsed.accounts)
        let_in = _let_in(stores.vault, masked)
        entries = vault_entries(workspace, let_in.collected, stamp.source, key=key)
        stores.vault.remember(entries)
        saved = store.save_page(
            stores.warehouse,
            let_in.posts,
            engagement_snapshots(let_in.collected, key=key),
            stamp,
            position=page.position,
            covered=covered,
            set_aside=[*parsed.set_aside, *_counted("other language", let_in.foreign_count)],
            thread_reads=thread_reads,
            beside=_beside(page, parsed, let_in.collected, key),
        )
        if saved.returned:
            let_back(stores.vault, page.platform, parsed.accounts)
    return Tally(
        new_count=saved.new,
        updated_count=saved.updated,
        unchanged_count=saved.unchanged,
        hidden_count=saved.hidden,
        returned_count=saved.returned,
        removed_count=removed_count,
        set_aside_count=sum(entry.count for entry in parsed.set_aside),
        other_language_count=let_in.foreign_count,
        outside_policy_count=parsed.posts.height - allowed.height,
        outside_window_count=let_in.outside_window_count,
        suppressed_count=let_in.suppressed_count,
        gone_count=parsed.removals.height,
        requests_count=page.requests_count,
    )


@dataclass(frozen=True, slots=True)
class _Masked:
    """What may be held, masked before a store is opened: masking takes longest.

    `collected` and `posts` are the same posts in the same order, those of the study's window;
    `is_wanted` tells of each whether it is in one of the study's languages.
    """

    collected: dy.DataFrame[CollectedPost]
    posts: dy.DataFrame[Post]
    is_wanted: pl.Series
    outside_window: pl.DataFrame


@dataclass(frozen=True, slots=True)
class _LetIn:
    """What is stored of a page, and how much of it is not."""

    collected: dy.DataFrame[CollectedPost]
    posts: dy.DataFrame[Post]
    foreign_count: int
    outside_window_count: int
    suppressed_count: int


def _masked(workspace: Workspace, allowed: dy.DataFrame[CollectedPost], key: bytes) -> _Masked:
    until = workspace.until or workspace.now() + timedelta(days=1)
    inside = pl.col("created_at").is_between(workspace.since, until)
    # a date nobody can believe stays
    in_window = kept(allowed, ~pl.col("is_created_at_plausible") | inside)
    outside = allowed.filter(pl.col("is_created_at_plausible") & ~inside)
    with_model = workspace.study.policy.names_model
    posts = pseudonymize(in_window, key=key, with_model=with_model)
    languages = list(workspace.study.study.languages)
    is_wanted = posts["language"].is_null() | posts["language"].is_in(languages)
    return _Masked(in_window, posts, is_wanted, outside)


def _let_in(vault: Vault, masked: _Masked) -> _LetIn:
    """Leave out whom the vault keeps out, and then what is in another language."""
    free = is_free(vault, masked.collected)
    outside_count = int(is_free(vault, masked.outside_window).sum())
    is_in = free & masked.is_wanted
    return _LetIn(
        kept(masked.collected, is_in),
        kept(masked.posts, is_in),
        foreign_count=int((free & ~masked.is_wanted).sum()),
        outside_window_count=outside_count,
        suppressed_count=int((~free).sum()) + masked.outside_window.height - outside_count,
    )


def is_free(vault: Vault, posts: pl.DataFrame) -> pl.Series:
    """Tell of each post whether nothing keeps it, its author or whose page it is on out."""
    if posts.is_empty():
        return pl.Series([], dtype=pl.Boolean)
    hosts = posts["venue"].str.extract(OWN_PAGE) if posts["platform"][0] == "reddit" else None
    people = posts["author"] if hosts is None else pl.concat([posts["author"], hosts.drop_nulls()])
    natives, barred = vault.suppressed(
        posts["platform"][0], posts["native_id"].to_list(), people.to_list()
    )
    free = ~posts["native_id"].is_in(list(natives)) & ~posts["author"].is_in(list(barred))
    return free if hosts is None else free & ~hosts.is_in(list(barred)).fill_null(False)


def _gone(
    page: RawPage, parsed: ParsedPage, refused: Sequence[str]
) -> dy.DataFrame[CollectedRemoval]:
    """Put together what a page tells gone, what it lacks, and what policy leaves out."""
    gone = [parsed.removals, as_removals(page, refused, OUTSIDE)]
    if page.platform == "reddit":  # why a post of Bluesky's is missing is looked into
        gone.append(as_removals(page, page.missing, "not_found"))
    return once_each(gone)


def _let_go(
    workspace: Workspace, stores: Stores, page: RawPage, gone: dy.DataFrame[CollectedRemoval]
) -> int:
    """Remove what is gone; return how many stored posts that took."""
    if page.platform == "bluesky":
        look_soon(workspace, stores.vault, page)
    return remove_from(workspace, stores, page.platform, gone)


def _beside(
    page: RawPage, parsed: ParsedPage, admitted: dy.DataFrame[CollectedPost], key: bytes
) -> store.Beside:
    """Name nobody in what a page tells beside its posts."""
    return store.Beside(
        pseudonymize_accounts(parsed.accounts, key=key),
        pseudonymize_wishes(parsed.wishes, key=key),
        pseudonymize_labels(parsed.labels, key=key),
        _keyed_contexts(parsed.contexts, admitted, key),
        page.notes,
    )


def _keyed(interval: Coverage, platform: Platform, key: bytes) -> Coverage:
    """Put a venue's community key in an interval."""
    if interval.venue is None:
        return interval
    return replace(interval, venue=community_key(platform, interval.venue, key=key))


def _keyed_contexts(
    facts: Sequence[ContextFact],
    admitted: dy.DataFrame[CollectedPost],
    key: bytes,
) -> list[store.PostContext]:
    """Put keys for the posts that facts are about; only what was let in has any."""
    inside = set(admitted["native_id"])
    known = [fact for fact in facts if fact.native_id in inside]
    keys = post_keys("bluesky", [fact.native_id for fact in known], key=key)
    return [
        store.PostContext(post_key, fact.relation, fact.state)
        for post_key, fact in zip(keys, known, strict=True)
    ]


def _is_covered(workspace: Workspace, route: SourceRoute) -> pl.Expr:
    """Say which posts a source may bring in (R1).

    A search or an account leads everywhere: what Reddit's own API shows comes in from the
    communities alone that the approval covers.
    """
    if route != "reddit_approved_api":
        return pl.lit(True)
    approval = workspace.study.platforms.reddit.approval
    covered = [] if approval is None else [name.lower() for name in approval.communities]
    return pl.col("venue").str.to_lowercase().is_in(covered)


def _allowed(workspace: Workspace) -> pl.Expr:
    """Say which posts may be held: by venue, adult content, and their author's wish (R4, R21)."""
    policy = workspace.study.policy
    excluded = [name.lower() for name in policy.excluded_communities]
    allowed = ~pl.col("venue").str.to_lowercase().is_in(excluded)
    allowed &= pl.col("is_visible_logged_out")
    return allowed if policy.nsfw else allowed & ~pl.col("is_nsfw")


def _counted(rule: str, count: int) -> list[SetAside]:
    return [SetAside(rule=rule, skeleton="{}", count=count)] if count else []
