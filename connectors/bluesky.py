"""Bluesky posts, through the public AppView and its real client.

Source: `getAuthorFeed`, newest first by the smaller of `createdAt` and arrival, its whole
length; `getPosts` by the 25; threads are in `bluesky_threads`. Limits: pages run short, so
only a missing cursor ends a listing; a post dated back lands deep, hence the overlap;
`getPosts` leaves out what is gone without a word. Accounts are asked for by DID: a handle may
change its owner.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from atproto import Client, models

from connectors.atproto_syntax import is_did, is_handle, iso, post_uri, utc_time
from connectors.bluesky_call import ask, connect, listed, refusal
from connectors.bluesky_parse import PLATFORM_BEGAN, parse_page
from connectors.bluesky_threads import fetch_threads
from schema.errors import BadInput, SourceRefused, SourceUnavailable, UnexpectedFailure
from schema.pages import CollectionQuery, Coverage, RawPage

__all__ = [
    "connect",
    "fetch_author_pages",
    "fetch_posts",
    "fetch_profiles",
    "fetch_threads",
    "parse_page",
    "refusal",
    "resolve_actors",
]

FEED_PAGE: Final = 100
BATCH: Final = 25  # of getPosts and getProfiles
OVERLAP: Final = timedelta(days=1)
_PIN = "app.bsky.feed.defs#reasonPin"


def fetch_author_pages(client: Client, query: CollectionQuery) -> Iterator[RawPage]:
    """Yield an account's own posts and replies, newest first, back to where the last pass was.

    Reposts are left out. The last page carries the new position: until it is stored, the next
    pass reads the same stretch again.

    Raises:
        SourceRefused: no such account, or it is closed.
        SourceUnavailable: rate limit, timeout, server error, or a cursor that goes in circles.
    """
    did = _did(client, query)
    stop = _reads_back_to(query)
    upper, cursor = query.now, None
    cursors: set[str] = set()
    while True:
        answer = _feed_page(client, query, did, cursor)
        entries = listed(answer, "feed", source=query.source)
        floor = min((at for entry in entries if (at := _sorted_at(entry))), default=upper)
        cursor = _cursor(answer)
        is_last = cursor is None or floor < stop  # a short page is no end, nor is an empty one
        from_at = stop if is_last else max(min(floor, upper), stop)
        yield RawPage(
            platform="bluesky",
            source=query.source,
            stream=query.stream,
            venue=query.venue,
            observed_at=query.now,
            items=tuple(_own_posts(entries)),
            position=_position(query) if is_last else None,
            covered=(Coverage(from_at, upper),) if from_at < upper else (),
        )
        if is_last or cursor is None:
            return
        if cursor in cursors:
            raise SourceUnavailable(f"{query.source}: Bluesky repeats a page's cursor")
        cursors.add(cursor)
        upper = from_at


def fetch_posts(client: Client, query: CollectionQuery, uris: Sequence[str]) -> Iterator[RawPage]:
    """Yield posts by at-uri, 25 a page; `missing` are those that are asked for and gone.

    Raises:
        BadInput: an at-uri names no post, or its account by handle.
        SourceRefused: the AppView says no.
        SourceUnavailable: rate limit, timeout or server error.
    """
    wanted = list(dict.fromkeys(uris))
    if bad := sum(post_uri(uri) is None for uri in wanted):
        raise BadInput(
            f"{query.source}: {bad} of {len(wanted)} addresses do not name a post by its "
            "account's DID: remove or correct them"
        )
    for batch in _batches(wanted):
        params = models.AppBskyFeedGetPosts.Params(uris=batch)
        answer = ask(client, "app.bsky.feed.getPosts", params, source=query.source)
        views = listed(answer, "posts", source=query.source)
        answered = {str(view.get("uri")) for view in views}
        yield RawPage(
            platform="bluesky",
            source=query.source,
            stream=query.stream,
            venue=query.venue,
            observed_at=query.now,
            items=tuple(views),
            missing=tuple(uri for uri in batch if uri not in answered),
        )


def resolve_actors(
    client: Client, names: Sequence[str], *, source: str = "authors"
) -> dict[str, str]:
    """Map each name that can be resolved to its DID, in the given order; a DID stands for itself.

    A handle may have an @ before it. Names that are no handle, or nobody's, are left out.

    Raises:
        SourceUnavailable: rate limit, timeout or server error.
    """
    spelled = {name: name.strip().removeprefix("@") for name in dict.fromkeys(names)}
    handles = sorted({text.lower() for text in spelled.values() if is_handle(text)})
    known = {
        str(profile.get("handle")).lower(): str(profile.get("did"))
        for profile in _profiles(client, handles, source=source)
        if is_did(profile.get("did"))
    }
    dids = {
        name: text if is_did(text) else known.get(text.lower()) for name, text in spelled.items()
    }
    return {name: did for name, did in dids.items() if did is not None}


def fetch_profiles(
    client: Client, dids: Sequence[str], *, source: str
) -> dict[str, Mapping[str, Any]]:
    """Map each DID that the AppView knows to its profile view.

    An event of the stream needs it: who wants signed-in readers only says so there.

    Raises:
        SourceUnavailable: rate limit, timeout or server error.
    """
    profiles = _profiles(client, list(dict.fromkeys(dids)), source=source)
    return {str(profile["did"]): profile for profile in profiles if is_did(profile.get("did"))}


def _did(client: Client, query: CollectionQuery) -> str:
    if query.actor is None:
        raise BadInput(f"{query.source}: an author feed needs an account: name it")
    did = resolve_actors(client, [query.actor], source=query.source).get(query.actor)
    if did is None:
        raise SourceRefused(f"{query.source}: Bluesky knows no such account")
    return did


def _feed_page(
    client: Client, query: CollectionQuery, did: str, cursor: str | None
) -> Mapping[str, Any]:
    params = models.AppBskyFeedGetAuthorFeed.Params(
        actor=did,
        cursor=cursor,
        filter="posts_with_replies",
        include_pins=False,
        limit=FEED_PAGE,
    )
    return ask(client, "app.bsky.feed.getAuthorFeed", params, source=query.source)


def _cursor(answer: Mapping[str, Any]) -> str | None:
    cursor = answer.get("cursor")
    return cursor if isinstance(cursor, str) and cursor else None


def _own_posts(entries: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Leave out reposts: another's post that this account only passed on."""
    for entry in entries:
        reason = entry.get("reason")
        if reason is None or (isinstance(reason, Mapping) and reason.get("$type") == _PIN):
            post = entry.get("post")
            yield post if isinstance(post, Mapping) else {"$type": "no object"}


def _sorted_at(entry: Mapping[str, Any]) -> datetime | None:
    """Tell where in the feed an entry stands; a pinned post stands nowhere.

    Nor does one dated before the platform began: where such a post lands is a setting of the
    server's, so it must not end a pass.
    """
    reason, post = entry.get("reason"), entry.get("post")
    times: list[object] = []
    if isinstance(reason, Mapping):
        times = [reason.get("indexedAt")] if reason.get("$type") != _PIN else []
    elif isinstance(post, Mapping):
        record = post.get("record")
        times = [post.get("indexedAt")]
        times += [record.get("createdAt")] if isinstance(record, Mapping) else []
    stands = min(filter(None, map(utc_time, times)), default=None)
    return stands if stands is not None and stands >= PLATFORM_BEGAN else None


def _reads_back_to(query: CollectionQuery) -> datetime:
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


def _position(query: CollectionQuery) -> str:
    return json.dumps({"watermark": iso(query.now), "since": iso(query.since)})


def _profiles(client: Client, actors: Sequence[str], *, source: str) -> Iterator[Mapping[str, Any]]:
    for batch in _batches(actors):
        params = models.AppBskyActorGetProfiles.Params(actors=batch)
        answer = ask(client, "app.bsky.actor.getProfiles", params, source=source)
        yield from listed(answer, "profiles", source=source)


def _batches(items: Sequence[str]) -> Iterator[list[str]]:
    for start in range(0, len(items), BATCH):
        yield list(items[start : start + BATCH])
