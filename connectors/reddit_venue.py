"""A subreddit's listings: `new` read back to the last pass, `hot` and `top` whole each time."""

from collections.abc import Iterator
from typing import Final, Literal

import praw
from praw.endpoints import API_PATH

from connectors.reddit_back import Depth, read_back
from connectors.reddit_client import refusal
from connectors.reddit_listing import Params, read_listing
from connectors.reddit_page import page_of
from schema.pages import CollectionQuery, RawPage

Order = Literal["hot", "top"]
Period = Literal["hour", "day", "week", "month", "year", "all"]
_OF_MANY: Final = frozenset({"all", "popular"})  # these show other subreddits' posts


def fetch_pages(reddit: praw.Reddit, query: CollectionQuery) -> Iterator[RawPage]:
    """Yield the venue's submissions, newest first, back to the last pass or `query.since`.

    Each page covers the span from its oldest submission up to the page before. The last one
    alone carries the new position, so a pass that dies is read again. Where the listing ends
    short of the last pass, the last page holds a gap; its `at_most_count` counts the numbers
    Reddit gave out in between, over the whole site. What is older than `query.since` and stands
    on the last page is yielded too, and counted out at the gate.

    Raises:
        SourceRefused: the venue is private, banned or gone, or the credentials are wrong.
        SourceUnavailable: rate limit, timeout or server error; a later try may work.
    """
    venue = None if query.venue.lower() in _OF_MANY else query.venue
    try:
        for step in read_back(reddit, query, _path(query, "new"), {}, Depth(is_bounded=True)):
            yield page_of(
                query,
                step.things,
                position=step.position if step.is_last else None,
                covered=step.covered(venue),
                requests_count=step.requests_count,
            )
    except Exception as error:  # the client also lets KeyError and ValueError through
        raise refusal(error, source=query.source) from None  # its text may hold a URL or a name


def fetch_ranked_pages(
    reddit: praw.Reddit, query: CollectionQuery, order: Order, period: Period | None = None
) -> Iterator[RawPage]:
    """Yield a ranked listing whole: 1,000 submissions at most, whatever was read before.

    Its order says nothing about time, so its pages cover no interval and move no position.

    Raises:
        SourceRefused: the venue is private, banned or gone, or the credentials are wrong.
        SourceUnavailable: rate limit, timeout or server error; a later try may work.
    """
    params: Params = {} if period is None else {"t": period}
    try:
        for answer in read_listing(reddit, _path(query, order), params):
            yield page_of(query, answer.things, requests_count=answer.requests_count)
    except Exception as error:  # see fetch_pages
        raise refusal(error, source=query.source) from None


def _path(query: CollectionQuery, order: str) -> str:
    return f"{API_PATH['subreddit'].format(subreddit=query.venue)}{order}"
