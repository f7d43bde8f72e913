"""Bluesky's feeds: an author's, a list's members', and what a feed generator ranks.

Source: `getAuthorFeed` and `getListFeed`, newest first by the smaller of `createdAt` and arrival,
their whole length; `getFeed` in an order of its maker's own. Limits: a post dated back lands deep,
hence the overlap; a generator's order is no time, so reading it covers no interval, and it may
never end, so a pass reads so many entries and no more.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from atproto import Client, models

from connectors.atproto_syntax import is_did, iso, record_uri, utc_time
from connectors.bluesky_account import closed
from connectors.bluesky_actors import resolve_actors
from connectors.bluesky_paging import Listing, page_of, read_list
from connectors.bluesky_parse import PLATFORM_BEGAN
from schema.errors import BadInput, SourceRefused, UnexpectedFailure
from schema.pages import CollectionQuery, Coverage, RawPage
from schema.vocabulary import RemovalReason

FEED_PAGE: Final = 100
OVERLAP: Final = timedelta(days=1)
GENERATOR: Final = "app.bsky.feed.generator"
LIST: Final = "app.bsky.graph.list"
_PIN: Final = "app.bsky.feed.defs#reasonPin"
_KINDS: Final = {GENERATOR: GENERATOR, "feed": GENERATOR, LIST: LIST, "lists": LIST}
_ADDRESS: Final = re.compile(
    r"(?:at://|https://bsky\.app/profile/)(?P<maker>[^/\s]+)"
    rf"/(?P<kind>{'|'.join(map(re.escape, _KINDS))})/(?P<rkey>[^/\s]+)"
)


def fetch_author_pages(client: Client, query: CollectionQuery) -> Iterator[RawPage]:
    """Yield an account's own posts and replies, newest first, back to where the last pass was.

    Reposts are left out. The last page carries the new position: until it is stored, the next
    pass reads the same stretch again.

    Raises:
        SourceRefused: no such account, or it is closed.
        SourceUnavailable: rate limit, timeout, server error, or a cursor that goes in circles.
    """
    did = _did(client, query)

    def params(cursor: str | None) -> Any:
        return models.AppBskyFeedGetAuthorFeed.Params(
            actor=did,
            cursor=cursor,
            filter="posts_with_replies",
            include_pins=False,
            limit=FEED_PAGE,
        )

    pages = read_list(client, "app.bsky.feed.getAuthorFeed", params, "feed", source=query.source)
    return _back_in_time(client, query, pages, venue=None)


def fetch_closed_account(
    client: Client, query: CollectionQuery, reason: RemovalReason
) -> Iterator[RawPage]:
    """Yield one page that says why an account is not read; what is held of it goes."""
    yield page_of(client, query, [closed(reason)])


def fetch_list_pages(client: Client, query: CollectionQuery, uri: str) -> Iterator[RawPage]:
    """Yield what a list's members wrote, newest first, back to where the last pass was.

    The list is the posts' venue, and what is read covers it whole.

    Raises:
        SourceRefused: there is no such list.
        SourceUnavailable: rate limit, timeout, server error, or a cursor that goes in circles.
    """

    def params(cursor: str | None) -> Any:
        return models.AppBskyFeedGetListFeed.Params(list=uri, cursor=cursor, limit=FEED_PAGE)

    pages = read_list(client, "app.bsky.feed.getListFeed", params, "feed", source=query.source)
    return _back_in_time(client, query, pages, venue=query.venue)


def fetch_ranked_pages(
    client: Client, query: CollectionQuery, uri: str, *, limit: int
) -> Iterator[RawPage]:
    """Yield what a feed generator shows now, its first `limit` entries; it covers no interval.

    Raises:
        SourceRefused: there is no such feed.
        SourceUnavailable: its maker's server, a rate limit, a timeout, or a cursor in circles.
    """
    left = limit

    def params(cursor: str | None) -> Any:
        return models.AppBskyFeedGetFeed.Params(feed=uri, cursor=cursor, limit=min(left, FEED_PAGE))

    for listing in read_list(client, "app.bsky.feed.getFeed", params, "feed", source=query.source):
        shown = listing.entries[:left]
        left -= len(shown)
        yield page_of(client, query, own_posts(shown))
        if left == 0:
            return


def resolve_feeds(client: Client, lines: Sequence[str], *, source: str) -> dict[str, str]:
    """Map each line that names a feed or list to its at-uri, in the given order.

    A line is an at-uri, or the address of the app's page; its maker may be named by handle. Lines
    that name neither, or nobody's, are left out.

    Raises:
        SourceUnavailable: rate limit, timeout or server error.
    """
    parts = {line: found for line in lines if (found := _ADDRESS.fullmatch(line))}
    makers = list(dict.fromkeys(found["maker"] for found in parts.values()))
    dids = resolve_actors(client, makers, source=source)
    uris = {
        line: record_uri(f"at://{dids.get(found['maker'])}/{_KINDS[found['kind']]}/{found['rkey']}")
        for line, found in parts.items()
    }
    return {line: str(uri) for line, uri in uris.items() if uri is not None}


def is_list(uri: str) -> bool:
    """Tell a list's address from a feed generator's."""
    return f"/{LIST}/" in uri


def own_posts(entries: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Leave out reposts: a post that somebody only passed on."""
    for entry in entries:
        reason = entry.get("reason")
        if reason is None or (isinstance(reason, Mapping) and not _is_repost(reason)):
            post = entry.get("post")
            yield post if isinstance(post, Mapping) else {"$type": "no object"}


def _is_repost(reason: Mapping[str, Any]) -> bool:
    return reason.get("$type") != _PIN


def _back_in_time(
    client: Client, query: CollectionQuery, pages: Iterator[Listing], *, venue: str | None
) -> Iterator[RawPage]:
    """Yield a feed's pages downwards; `venue`: the one whose posts they hold whole."""
    stop, upper = reads_back_to(query), query.now
    for listing in pages:
        floor = min((at for entry in listing.entries if (at := _sorted_at(entry))), default=upper)
        is_last = listing.cursor is None or floor < stop  # a short page is no end, nor an empty one
        from_at = stop if is_last else max(min(floor, upper), stop)
        yield page_of(
            client,
            query,
            own_posts(listing.entries),
            position=position_of(query) if is_last else None,
            covered=(Coverage(from_at, upper, venue=venue),) if from_at < upper else (),
        )
        if is_last:
            return
        upper = from_at


def _did(client: Client, query: CollectionQuery) -> str:
    if query.actor is None:
        raise BadInput(f"{query.source}: an author feed needs an account: name it")
    if is_did(query.actor):
        return query.actor
    did = resolve_actors(client, [query.actor], source=query.source).get(query.actor)
    if did is None:
        raise SourceRefused(f"{query.source}: Bluesky knows no such account")
    return did


def _sorted_at(entry: Mapping[str, Any]) -> datetime | None:
    """Tell where in the feed an entry stands; a pinned post stands nowhere.

    Nor does one dated before the platform began: where such a post lands is a setting of the
    server's, so it must not end a pass.
    """
    reason, post = entry.get("reason"), entry.get("post")
    times: list[object] = []
    if isinstance(reason, Mapping):
        times = [reason.get("indexedAt")] if _is_repost(reason) else []
    elif isinstance(post, Mapping):
        record = post.get("record")
        times = [post.get("indexedAt")]
        times += [record.get("createdAt")] if isinstance(record, Mapping) else []
    stands = min(filter(None, map(utc_time, times)), default=None)
    return stands if stands is not None and stands >= PLATFORM_BEGAN else None


def reads_back_to(query: CollectionQuery) -> datetime:
    """Read to an overlap before the last pass, or to the study's start where that moved back."""
    if query.position is None:
        return query.since
    try:
        stored = json.loads(query.position)
        watermark, since = utc_time(stored["watermark"]), utc_time(stored["since"])
    except (ValueError, TypeError, KeyError):
        watermark = since = None
    if watermark is None or since is None:
        raise UnexpectedFailure(f"{query.source}: the stored position cannot be read")
    return query.since if query.since < since else max(watermark - OVERLAP, query.since)


def position_of(query: CollectionQuery, **more: str) -> str:
    """Write where the next pass begins."""
    return json.dumps({"watermark": iso(query.now), "since": iso(query.since)} | more)
