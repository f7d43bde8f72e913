"""Reddit's search, newest first. Never complete, and never the same twice.

Source: /r/{subreddit}/search; `all` asks over the whole site. Limits: it finds submissions
only, ends after some hundreds (245 are reported: not-an-aardvark/snoowrap#162), learns of posts
late and drops some without a word. So it reads a day over, whatever ends after a full page
counts as cut, and an interval it covers holds no venue whole.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import praw
from praw.endpoints import API_PATH

from connectors.reddit_back import Depth, read_back
from connectors.reddit_client import refusal
from connectors.reddit_listing import PAGE_SIZE, Params
from connectors.reddit_page import page_of
from schema.pages import CollectionQuery, RawPage

SITE: Final = "all"
_DEPTH: Final = Depth(timedelta(days=1), PAGE_SIZE, tail=10, reason="search ends")


def fetch_search_pages(
    reddit: praw.Reddit, query: CollectionQuery, terms: str, *, with_adult: bool = False
) -> Iterator[RawPage]:
    """Yield what the search finds, newest first, back to the last pass or `query.since`.

    Where it ends short of the last pass, the last page holds a gap of unknown size.

    Raises:
        SourceRefused: the venue is private, banned or gone, or the credentials are wrong.
        SourceUnavailable: rate limit, timeout or server error; a later try may work.
    """
    params: Params = {
        "q": terms,
        "sort": "new",
        "t": "all",
        "type": "link",
        "restrict_sr": "false" if query.venue.lower() == SITE else "true",
        "include_over_18": "on" if with_adult else "off",
    }
    path = API_PATH["search"].format(subreddit=query.venue)
    try:
        for step in read_back(reddit, query, path, params, _DEPTH):
            yield page_of(
                query,
                step.things,
                position=step.position if step.is_last else None,
                covered=step.covered(),
                requests_count=step.requests_count,
            )
    except Exception as error:  # the client also lets KeyError and ValueError through
        raise refusal(error, source=query.source) from None  # its text may hold a URL or a name
