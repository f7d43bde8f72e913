"""Who liked, reposted or quoted a Bluesky post.

Source: `getLikes` and `getQuotes`, newest first, with the instant that the record claims;
`getRepostedBy`, which tells none. 100 a page. Limits: signed out, what closed and blocked accounts
did is left out without a mark; of a deleted post every list is empty, and no error.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import dataframely as dy
import polars as pl
from atproto import Client, models
from atproto_client.models.base import ParamsModelBase

from connectors.atproto_syntax import is_did, utc_time
from connectors.bluesky_paging import page_of, read_list
from connectors.bluesky_parse import Malformed, set_aside
from connectors.bluesky_record import SIGNED_IN_ONLY, TAKEDOWN, label_values
from schema.interactions import CollectedInteraction
from schema.pages import CollectionQuery, RawPage, SetAside
from schema.vocabulary import InteractionKind

PAGE: Final = 100
_LISTS: Final[dict[InteractionKind, tuple[str, Callable[..., ParamsModelBase], str]]] = {
    "like": ("app.bsky.feed.getLikes", models.AppBskyFeedGetLikes.Params, "likes"),
    "repost": ("app.bsky.feed.getRepostedBy", models.AppBskyFeedGetRepostedBy.Params, "repostedBy"),
    "quote": ("app.bsky.feed.getQuotes", models.AppBskyFeedGetQuotes.Params, "posts"),
}


def fetch_interactions(
    client: Client, query: CollectionQuery, uri: str, kind: InteractionKind, *, limit: int
) -> Iterator[RawPage]:
    """Yield what the AppView shows of a kind towards one post, newest first, `limit` at most.

    Each item is an entry of the list beside the post's at-uri.

    Raises:
        SourceRefused: the AppView says no.
        SourceUnavailable: rate limit, timeout, server error, or a cursor that goes in circles.
    """
    nsid, params, key = _LISTS[kind]
    left = limit
    asked = partial(params, uri=uri, limit=PAGE)
    pages = read_list(client, nsid, lambda cursor: asked(cursor=cursor), key, source=query.source)
    for listing in pages:
        shown = listing.entries[:left]
        left -= len(shown)
        yield page_of(client, query, [{"uri": uri, "entry": entry} for entry in shown])
        if left == 0:
            return


def parse_interactions(
    page: RawPage, kind: InteractionKind
) -> tuple[dy.DataFrame[CollectedInteraction], tuple[SetAside, ...]]:
    """Sort entries into rows, one for each post and account, and what breaks a rule. Pure.

    Of several quotes by one account the oldest that is shown stands.
    """
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    faults = Counter[tuple[str, str]]()
    for item in page.items:
        try:
            row = _row(item["uri"], kind, item["entry"])
        except Malformed as fault:
            found = set_aside(str(fault), item["entry"])
            faults[found.rule, found.skeleton] += 1
        else:
            rows[row["native_id"], row["author"]] = row
    empty = CollectedInteraction.create_empty()
    frame = CollectedInteraction.validate(pl.DataFrame(list(rows.values()), schema=empty.schema))
    return frame, tuple(SetAside(*shape, count=count) for shape, count in sorted(faults.items()))


def _row(uri: str, kind: InteractionKind, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Read who did it, and when.

    Raises:
        Malformed: the entry names no account; its message is the rule that it breaks.
    """
    actor = {"like": entry.get("actor"), "repost": entry, "quote": entry.get("author")}[kind]
    did = actor.get("did") if isinstance(actor, Mapping) else None
    if not isinstance(actor, Mapping) or not is_did(did):
        raise Malformed(f"{kind} names no account by its DID")
    record = entry.get("record") if kind == "quote" else entry
    claimed = record.get("createdAt") if isinstance(record, Mapping) and kind != "repost" else None
    labels = label_values(actor.get("labels")) | label_values(entry.get("labels"))
    return {
        "platform": "bluesky",
        "native_id": uri,
        "kind": kind,
        "author": did,
        "created_at": utc_time(claimed),
        "is_visible_logged_out": labels.isdisjoint({SIGNED_IN_ONLY, TAKEDOWN}),
    }
