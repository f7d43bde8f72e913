"""What a stream follows that the stream itself does not tell: lists and custom feeds.

Source: `app.bsky.graph.getList` (members, newest first) and `app.bsky.feed.getFeed` (what a
custom feed shows now, in the feed's own order), 100 a page, signed out. Limits: a feed tells
what it shows today and not what it showed; pages run short, so only a missing cursor is an end.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from atproto import Client, models

from connectors.atproto_syntax import is_did
from connectors.bluesky_call import ask, listed
from schema.errors import SourceUnavailable

PAGE: Final = 100


def list_members(client: Client, uri: str, *, source: str) -> frozenset[str]:
    """Return the DIDs of a list's members.

    Raises:
        SourceRefused: no such list.
        SourceUnavailable: rate limit, timeout, server error, or a cursor that goes in circles.
    """

    def page(cursor: str | None) -> Mapping[str, Any]:
        params = models.AppBskyGraphGetList.Params(list=uri, limit=PAGE, cursor=cursor)
        return ask(client, "app.bsky.graph.getList", params, source=source)

    subjects = (
        item.get("subject")
        for answer in _pages(page, source=source)
        for item in listed(answer, "items", source=source)
    )
    found = (subject.get("did") for subject in subjects if isinstance(subject, Mapping))
    return frozenset(str(did) for did in found if is_did(did))


def feed_views(client: Client, uri: str, *, source: str) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the posts that a custom feed shows, page by page, as post views.

    Raises:
        SourceRefused: no such feed.
        SourceUnavailable: rate limit, timeout, server error, or a cursor that goes in circles.
    """

    def page(cursor: str | None) -> Mapping[str, Any]:
        params = models.AppBskyFeedGetFeed.Params(feed=uri, limit=PAGE, cursor=cursor)
        return ask(client, "app.bsky.feed.getFeed", params, source=source)

    for answer in _pages(page, source=source):
        entries = listed(answer, "feed", source=source)
        yield [post for entry in entries if isinstance(post := entry.get("post"), Mapping)]


def _pages(
    page: Callable[[str | None], Mapping[str, Any]], *, source: str
) -> Iterator[Mapping[str, Any]]:
    cursor: str | None = None
    cursors: set[str] = set()
    while True:
        answer = page(cursor)
        yield answer
        told = answer.get("cursor")
        if not isinstance(told, str) or not told:
            return
        if told in cursors:
            raise SourceUnavailable(f"{source}: Bluesky repeats a page's cursor")
        cursors.add(told)
        cursor = told
