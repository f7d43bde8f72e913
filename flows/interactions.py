"""Who liked, reposted or quoted collected Bluesky roots, where a study asks for it.

The gate for these edges: who is kept out of the study, or shows themselves to signed-in readers
only, is in none. Each post's reading takes the place of the one before.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import polars as pl

from connectors import bluesky
from flows.heaps import thread_heaps
from flows.looks import recheck_hours
from flows.reading import addresses_of
from flows.runs import Run
from flows.stores import open_stores
from flows.tally import Tally
from flows.workspace import Workspace
from schema.interactions import CollectedInteraction
from schema.pages import CollectionQuery, RawPage
from schema.sources import BlueskyThreadSource
from schema.vocabulary import InteractionKind, Interactions
from transforms.pseudonymize import pseudonymize_interactions
from warehouse import store

_KINDS: Final[dict[Interactions, InteractionKind]] = {
    "likes": "like",
    "reposts": "repost",
    "quotes": "quote",
}


def read_interactions(
    workspace: Workspace,
    source: BlueskyThreadSource,
    run: Run,
    client: bluesky.Client,
    query: CollectionQuery,
) -> None:
    """Read and store what is due of each kind that the source asks for."""
    for asked in source.interactions:
        kind, limit = _KINDS[asked], source.interactions_per_post
        due = _due(workspace, kind)

        def read(uri: str, kind: InteractionKind = kind, limit: int = limit) -> list[RawPage]:
            return list(bluesky.fetch_interactions(client, query, uri, kind, limit=limit))

        natives = addresses_of(workspace, due)
        for page, posts in thread_heaps(natives, read, run.tally.set_one_aside):
            reads = {post_key: due[post_key] for post_key in posts}
            run.tally.add(_land(workspace, page, kind, reads, run.stamp(query.stream)))


def let_go_of_unasked(workspace: Workspace) -> None:
    """Delete the kinds that no source of the study asks for any more."""
    asked = {
        _KINDS[name]
        for source in workspace.study.source
        if isinstance(source, BlueskyThreadSource)
        for name in source.interactions
    }
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        store.keep_interactions(warehouse, asked)


def _due(workspace: Workspace, kind: InteractionKind) -> dict[int, int]:
    """Map each root that is due to its count.

    A like may be withdrawn while another is given: what is held is read again as often as posts
    are looked at (R15).
    """
    now = workspace.now()
    before = now - timedelta(hours=recheck_hours(workspace, "bluesky"))
    threads = [s.name for s in workspace.study.source if isinstance(s, BlueskyThreadSource)]
    with store.open_warehouse(workspace.warehouse, now=now) as warehouse:
        rows = store.interactions_to_read(warehouse, kind, threads, read_before=before)
    return dict(rows.iter_rows())


def _land(
    workspace: Workspace,
    page: RawPage,
    kind: InteractionKind,
    reads: Mapping[int, int],
    stamp: store.SaveStamp,
) -> Tally:
    found, faults = bluesky.parse_interactions(page, kind)
    shown = found.filter(pl.col("is_visible_logged_out"))
    key = workspace.key.pseudonym_key("bluesky")
    with open_stores(workspace) as stores:
        _, barred = stores.vault.suppressed("bluesky", [], shown["author"].to_list())
        free = CollectedInteraction.validate(shown.filter(~pl.col("author").is_in(list(barred))))
        store.save_interactions(
            stores.warehouse,
            kind,
            pseudonymize_interactions(free, key=key),
            stamp,
            reads=reads,
            set_aside=faults,
        )
    return Tally(
        set_aside_count=sum(fault.count for fault in faults),
        outside_policy_count=found.height - shown.height,
        suppressed_count=shown.height - free.height,
        requests_count=page.requests_count,
    )
