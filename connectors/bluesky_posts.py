"""Bluesky posts by address, and those who quote one.

Source: `getPosts` by the 25, which leaves out what is gone without a word; `getQuotes`, whose
answer of a deleted post is an empty list.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from atproto import Client, models

from connectors.atproto_syntax import post_uri
from connectors.bluesky_actors import batches
from connectors.bluesky_call import ask, listed
from connectors.bluesky_paging import page_of, read_list
from schema.errors import BadInput
from schema.pages import CollectionQuery, RawPage

QUOTES_PAGE: Final = 100


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
    for batch in batches(wanted):
        params = models.AppBskyFeedGetPosts.Params(uris=batch)
        answer = ask(client, "app.bsky.feed.getPosts", params, source=query.source)
        views = listed(answer, "posts", source=query.source)
        answered = {str(view.get("uri")) for view in views}
        missing = tuple(uri for uri in batch if uri not in answered)
        yield page_of(client, query, views, missing=missing)


def fetch_quotes(
    client: Client, query: CollectionQuery, uri: str, *, limit: int
) -> Iterator[RawPage]:
    """Yield posts that quote one, newest first, `limit` at most.

    Raises:
        SourceRefused: the AppView says no.
        SourceUnavailable: rate limit, timeout, server error, or a cursor that goes in circles.
    """
    left = limit

    def params(cursor: str | None) -> Any:
        return models.AppBskyFeedGetQuotes.Params(
            uri=uri, cursor=cursor, limit=min(left, QUOTES_PAGE)
        )

    for listing in read_list(
        client, "app.bsky.feed.getQuotes", params, "posts", source=query.source
    ):
        shown = listing.entries[:left]
        left -= len(shown)
        yield page_of(client, query, shown)
        if left == 0:
            return
