"""Posts and comments by id: /api/info, a hundred a request. It leaves out what is gone."""

from collections.abc import Iterator, Sequence
from typing import Final

import praw
from praw.endpoints import API_PATH

from connectors.reddit_client import refusal
from connectors.reddit_page import page_of
from connectors.reddit_tree import children, thing_data
from schema.pages import CollectionQuery, RawPage

INFO_SIZE: Final = 100


def fetch_posts(
    reddit: praw.Reddit, query: CollectionQuery, native_ids: Sequence[str]
) -> Iterator[RawPage]:
    """Yield posts and comments by id, a hundred a page; `missing` names what was not answered.

    Where an answer holds an item whose id cannot be read, nothing counts as missing: the
    unreadable item may be the one that was asked for.

    Raises:
        SourceRefused: the credentials are wrong.
        SourceUnavailable: rate limit, timeout or server error; a later try may work.
    """
    wanted = list(dict.fromkeys(native_ids))
    for start in range(0, len(wanted), INFO_SIZE):
        asked = wanted[start : start + INFO_SIZE]
        try:
            things = children(
                reddit.request(method="GET", path=API_PATH["info"], params={"id": ",".join(asked)})
            )
        except Exception as error:  # the client also lets KeyError and ValueError through
            raise refusal(error, source=query.source) from None  # its text may hold a name
        names = [thing_data(thing).get("name") for thing in things]
        is_readable = all(isinstance(name, str) for name in names)
        missing = tuple(name for name in asked if name not in names) if is_readable else ()
        yield page_of(query, things, missing=missing)
