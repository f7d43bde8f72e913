"""The one gate: from a page that names people to rows that name nobody.

Every route passes here: policy, suppression, pseudonyms and scrubbing, the vault, and the
transaction that stores rows, cursor and coverage together. Nothing is written before
`pseudonymize`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

import dataframely as dy
import polars as pl

from connectors.schedule import next_due, next_due_of
from connectors.vault import Vault, VaultEntry, open_vault
from flows.workspace import Workspace
from schema.accounts import CollectedAccount
from schema.pages import ContextFact, Coverage, ParsedPage, RawPage, SetAside
from schema.posts import CollectedPost, Post
from schema.removals import CollectedRemoval, Removal
from schema.vocabulary import Platform, RemovalReason, SourceRoute
from transforms.pseudonymize import (
    community_key,
    engagement_snapshots,
    post_keys,
    pseudonymize,
    pseudonymize_accounts,
    pseudonymize_labels,
    pseudonymize_removals,
    pseudonymize_wishes,
)
from warehouse import store

OUTSIDE: RemovalReason = "outside_policy"
# these may end: an account comes back, a policy changes. Nothing keeps the post out then.
REVERSIBLE = ("account_inactive", "not_found", OUTSIDE)
# A stream tells of every deletion on Bluesky. What went before we saw it may still come by a
# pull, whose index lags: it is kept out for as long as that can take, not for good.
UNSEEN_HOURS = 48
_UNSEEN, _CLOSED = "gone before it was seen", "account closed before it was seen"


@dataclass(slots=True)
class Tally:
    """What a pass did, in counts: all that leaves a task.

    Each item that a platform sent is in exactly one of new, updated, unchanged, set aside, other
    language, outside policy, outside window, suppressed, and gone (it says that a post or an
    account went); removed counts what was held and is not any more, hidden what is held and not
    shown while its account is closed, returned what is shown again.
    """

    new_count: int = 0
    updated_count: int = 0
    unchanged_count: int = 0
    removed_count: int = 0
    hidden_count: int = 0
    returned_count: int = 0
    set_aside_count: int = 0
    other_language_count: int = 0
    outside_policy_count: int = 0
    outside_window_count: int = 0
    suppressed_count: int = 0
    gone_count: int = 0
    requests_count: int = 0

    def add(self, other: "Tally") -> None:
        """Add another pass's counts to these."""
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))


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
    removed_count = _let_go(workspace, page, parsed)
    allowed = parsed.posts.filter(_allowed(workspace))
    if not is_held:  # what another source was permitted to bring stays
        allowed = allowed.filter(_is_covered(workspace, stamp.route))
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        collected = _unsuppressed(vault, CollectedPost.validate(allowed))
    in_window = _in_window(workspace, collected)
    posts, foreign = _in_languages(
        pseudonymize(in_window, key=key), workspace.study.study.languages
    )
    admitted = _only(in_window, posts, key)
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        vault.remember(vault_entries(workspace, admitted, stamp.source, key=key))
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        saved = store.save_page(
            warehouse,
            posts,
            engagement_snapshots(admitted, key=key),
            stamp,
            position=page.position,
            covered=[_keyed(interval, page.platform, key) for interval in page.covered],
            set_aside=[*parsed.set_aside, *_counted("other language", foreign)],
            thread_reads=thread_reads,
            beside=_beside(parsed, admitted, key),
        )
    if saved.returned:
        _let_back(workspace, page.platform, parsed.accounts)
    return Tally(
        new_count=saved.new,
        updated_count=saved.updated,
        unchanged_count=saved.unchanged,
        hidden_count=saved.hidden,
        returned_count=saved.returned,
        removed_count=removed_count,
        set_aside_count=sum(entry.count for entry in parsed.set_aside),
        other_language_count=foreign,
        outside_policy_count=parsed.posts.height - allowed.height,
        outside_window_count=collected.height - in_window.height,
        suppressed_count=allowed.height - collected.height,
        gone_count=parsed.removals.height,
        requests_count=page.requests_count,
    )


def _let_go(workspace: Workspace, page: RawPage, parsed: ParsedPage) -> int:
    """Remove what a page tells gone and what policy leaves out; return how many posts that took."""
    allowed = parsed.posts.filter(_allowed(workspace))
    refused = parsed.posts.join(allowed, on="native_id", how="anti")
    gone = [parsed.removals, as_removals(page, refused["native_id"].to_list(), OUTSIDE)]
    if page.platform == "bluesky":
        _look_soon(workspace, page)
    else:
        gone.append(as_removals(page, page.missing, "not_found"))
    removed_count = remove(workspace, page.platform, _once_each(gone))
    _mind_unseen_accounts(workspace, page.platform, parsed.accounts)
    return removed_count


def remove(
    workspace: Workspace,
    platform: Platform,
    removals: dy.DataFrame[CollectedRemoval],
    *,
    is_lasting: bool = True,
) -> int:
    """Let posts and accounts go everywhere; return how many stored posts that took.

    Suppression comes first: whatever dies on the way, nothing brings the post back. `is_lasting`
    is false where the caller has seen to it, or where nothing shall keep them out.
    """
    if removals.is_empty():
        return 0
    key = workspace.key.pseudonym_key(platform)
    keyed = pseudonymize_removals(removals, key=key)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        if platform == "reddit":  # what an archive saw gone may have come back since
            standing = store.is_seen_after(warehouse, keyed)
            removals = CollectedRemoval.validate(removals.filter(~standing))
            keyed = Removal.validate(keyed.filter(~standing))
        held = store.is_held(warehouse, keyed)
    # for good: what was held. Old Reddit dumps hold what was deleted since, so there each one is.
    is_final = ~removals["reason"].is_in(REVERSIBLE) & is_lasting
    final = removals.filter(is_final & (held | (platform == "reddit")))
    unseen = removals.filter(is_final & ~held & (platform != "reddit"))
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        vault.suppress(platform, **_named(final))
        if not unseen.is_empty():
            now = workspace.now()
            until = now + timedelta(hours=UNSEEN_HOURS)
            vault.keep_out(platform, cause=_UNSEEN, now=now, until=until, **_named(unseen))
        vault.forget(keyed["post_key"].drop_nulls().to_list())
        if not held.any():
            return 0
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            removed = store.remove(warehouse, keyed, now=workspace.now())
        vault.forget(removed.post_keys)
    return len(removed.post_keys)


def _look_soon(workspace: Workspace, page: RawPage) -> None:
    """Let refresh find out why posts are missing: it may be their account, or a glitch."""
    if not page.missing:
        return
    key = workspace.key.pseudonym_key(page.platform)
    keys = post_keys(page.platform, page.missing, key=key)
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        vault.reschedule(dict.fromkeys(keys, workspace.now()))


def _named(rows: pl.DataFrame) -> dict[str, list[str]]:
    """Say which posts and which accounts rows mean."""
    return {
        "native_ids": rows["native_id"].drop_nulls().to_list(),
        "authors": rows["author"].drop_nulls().to_list(),
    }


def _mind_unseen_accounts(
    workspace: Workspace, platform: Platform, accounts: dy.DataFrame[CollectedAccount]
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
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        vault.let_in(platform, cause=_CLOSED, authors=active)
        vault.keep_out(platform, cause=_CLOSED, now=now, until=until, authors=closed)


def _let_back(
    workspace: Workspace, platform: Platform, accounts: dy.DataFrame[CollectedAccount]
) -> None:
    """Let accounts in again that the AppView shows, whatever the stream said of them before."""
    back = accounts.filter(pl.col("status") == "active")["author"].unique().to_list()
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        vault.let_in(platform, cause=_CLOSED, authors=back)


def _beside(parsed: ParsedPage, admitted: dy.DataFrame[CollectedPost], key: bytes) -> store.Beside:
    """Name nobody in what a page tells beside its posts."""
    return store.Beside(
        pseudonymize_accounts(parsed.accounts, key=key),
        pseudonymize_wishes(parsed.wishes, key=key),
        pseudonymize_labels(parsed.labels, key=key),
        _keyed_contexts(parsed.contexts, admitted, key),
    )


def vault_entries(
    workspace: Workspace, posts: dy.DataFrame[CollectedPost], source: str, *, key: bytes
) -> list[VaultEntry]:
    """Say for each post where it came from and when to look at it again."""
    if posts.is_empty():
        return []
    platform: Platform = posts["platform"][0]
    keys = post_keys(platform, posts["native_id"].to_list(), key=key)
    due = posts.select(
        next_due_of(
            pl.min_horizontal("created_at", "observed_at"),
            pl.col("observed_at"),
            refresh_hours=workspace.study.policy.refresh_hours,
            recheck_hours=_recheck_hours(workspace, platform),
        )
    ).to_series()
    return [
        VaultEntry(platform, native_id, post_key, source, due_at)
        for native_id, post_key, due_at in zip(
            posts["native_id"].to_list(), keys, due.to_list(), strict=True
        )
    ]


def due_after(
    workspace: Workspace, platform: Platform, created_at: datetime, *, observed_at: datetime
) -> datetime:
    """Tell when a post seen at `observed_at` must be looked at again."""
    return next_due(
        min(created_at, observed_at),
        observed_at,
        refresh_hours=workspace.study.policy.refresh_hours,
        recheck_hours=_recheck_hours(workspace, platform),
    )


def overdue_before(workspace: Workspace, platform: Platform) -> datetime:
    """Tell since when a look must have been due to count as missed.

    A look is due after half the deadline at the latest, so what has waited for the other half
    may be shown to be older than R14 and R15 allow.
    """
    return workspace.now() - timedelta(hours=_recheck_hours(workspace, platform))


def _recheck_hours(workspace: Workspace, platform: Platform) -> float:
    """Halve the deadline: a missed look leaves a second one inside it."""
    return workspace.study.policy.removal_hours.get(platform, 24) / 2


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


def as_removals(
    page: RawPage, native_ids: Sequence[str], reason: RemovalReason
) -> dy.DataFrame[CollectedRemoval]:
    """Make removals of posts that a page tells of by their ids."""
    rows = pl.DataFrame(
        {"native_id": list(native_ids)}, schema={"native_id": pl.String}
    ).with_columns(
        platform=pl.lit(page.platform),
        author=pl.lit(None, pl.String),
        reason=pl.lit(reason),
        observed_at=pl.lit(page.observed_at),
    )
    return CollectedRemoval.validate(rows, cast=True)


def _once_each(
    frames: Sequence[dy.DataFrame[CollectedRemoval]],
) -> dy.DataFrame[CollectedRemoval]:
    """Put removals together; of several for one post or account the first stands."""
    columns = CollectedRemoval.column_names()
    together = pl.concat([frame.select(columns) for frame in frames])
    return CollectedRemoval.validate(
        together.unique(["native_id", "author"], keep="first", maintain_order=True)
    )


def _unsuppressed(vault: Vault, posts: dy.DataFrame[CollectedPost]) -> dy.DataFrame[CollectedPost]:
    if posts.is_empty():
        return posts
    natives, authors = vault.suppressed(
        posts["platform"][0], posts["native_id"].to_list(), posts["author"].to_list()
    )
    return CollectedPost.validate(
        posts.filter(
            ~pl.col("native_id").is_in(list(natives)), ~pl.col("author").is_in(list(authors))
        )
    )


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


def _in_window(
    workspace: Workspace, posts: dy.DataFrame[CollectedPost]
) -> dy.DataFrame[CollectedPost]:
    """Keep what was created inside the study's window; a date nobody can believe stays."""
    until = workspace.until or workspace.now() + timedelta(days=1)
    inside = pl.col("created_at").is_between(workspace.since, until)
    return CollectedPost.validate(posts.filter(~pl.col("is_created_at_plausible") | inside))


def _in_languages(
    posts: dy.DataFrame[Post], languages: Sequence[str]
) -> tuple[dy.DataFrame[Post], int]:
    wanted = pl.col("language").is_null() | pl.col("language").is_in(list(languages))
    kept = Post.validate(posts.filter(wanted))
    return kept, posts.height - kept.height


def _only(
    collected: dy.DataFrame[CollectedPost], posts: dy.DataFrame[Post], key: bytes
) -> dy.DataFrame[CollectedPost]:
    """Keep the collected rows whose storable twin was kept."""
    if posts.height == collected.height:
        return collected
    kept = set(posts["post_key"])
    keys = post_keys(collected["platform"][0], collected["native_id"].to_list(), key=key)
    return CollectedPost.validate(
        collected.filter(pl.Series([post_key in kept for post_key in keys], dtype=pl.Boolean))
    )


def _counted(rule: str, count: int) -> list[SetAside]:
    return [SetAside(rule=rule, skeleton="{}", count=count)] if count else []
