"""What a stream follows that the stream itself does not tell: lists and custom feeds.

Source: `app.bsky.graph.getList` (members, newest first) and `app.bsky.feed.getFeed` (what a
custom feed shows now, in the feed's own order), 100 a page, signed out. Limits: a feed tells
what it shows today and not what it showed.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from atproto import Client, models

from connectors.atproto_syntax import is_did
from connectors.bluesky_paging import read_list

PAGE: Final = 100


def list_members(client: Client, uri: str, *, source: str) -> frozenset[str]:
    """Return the DIDs of a list's members.

    Raises:
        SourceRefused: no such list.
        SourceUnavailable: rate limit, timeout, server error, or a cursor that goes in circles.
    """

    def params(cursor: str | None) -> Any:
        return models.AppBskyGraphGetList.Params(list=uri, limit=PAGE, cursor=cursor)

    pages = read_list(client, "app.bsky.graph.getList", params, "items", source=source)
    subjects = (item.get("subject") for page in pages for item in page.entries)
    found = (subject.get("did") for subject in subjects if isinstance(subject, Mapping))
    return frozenset(str(did) for did in found if is_did(did))


def feed_views(client: Client, uri: str, *, source: str) -> Iterator[list[Mapping[str, Any]]]:
    """Yield the posts that a custom feed shows, page by page, as post views.

    Raises:
        SourceRefused: no such feed.
        SourceUnavailable: rate limit, timeout, server error, or a cursor that goes in circles.
    """

    def params(cursor: str | None) -> Any:
        return models.AppBskyFeedGetFeed.Params(feed=uri, limit=PAGE, cursor=cursor)

    for page in read_list(client, "app.bsky.feed.getFeed", params, "feed", source=source):
        posts = (entry.get("post") for entry in page.entries)
        yield [post for post in posts if isinstance(post, Mapping)]
