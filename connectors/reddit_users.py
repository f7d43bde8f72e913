"""What an account wrote: its submissions and comments, newest first.

Source: /user/{name}/overview, both kinds in one listing of about 1,000; where that ends short
of the last pass, /submitted and /comments, each of about 1,000. Limits: since 2025 an account
may hide what it wrote from its page, and its listing then looks like an empty one.
"""

import re
from collections.abc import Iterator
from typing import Final

import praw
import prawcore
from praw.endpoints import API_PATH

from connectors.reddit_back import Depth, Step, read_back
from connectors.reddit_client import reason_of, refusal
from connectors.reddit_page import page_of
from connectors.reddit_parse import GONE_ACCOUNT
from connectors.reddit_tree import thing_data
from schema.errors import SourceRefused
from schema.pages import CollectionQuery, Coverage, RawPage

_DEPTH: Final = Depth(reason="account's listing ends")
_KINDS: Final = ("submitted", "comments")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{2,40}")


def account_name(written: str) -> str | None:
    """Read a name as a person writes it, `u/` before it or not; None where it is no name."""
    name = written.strip().removeprefix("@").removeprefix("/").removeprefix("u/")
    return name if _NAME.fullmatch(name) else None


def fetch_user_pages(reddit: praw.Reddit, query: CollectionQuery) -> Iterator[RawPage]:
    """Yield what `query.actor` wrote, newest first, back to the last pass or `query.since`.

    An account that Reddit does not know any more is one page, its removal.

    Raises:
        SourceRefused: the account is suspended or its page is closed, or wrong credentials.
        SourceUnavailable: rate limit, timeout or server error; a later try may work.
    """
    try:
        yield from _pages(reddit, query)
    except Exception as error:  # the client also lets KeyError and ValueError through
        if not isinstance(error, prawcore.NotFound) or reason_of(error) is not None:
            raise refusal(error, source=query.source) from None  # its text may hold a name
        yield _gone(reddit, query)


def _pages(reddit: praw.Reddit, query: CollectionQuery) -> Iterator[RawPage]:
    last: Step | None = None
    for step in read_back(reddit, query, _path(query, "overview"), {"sort": "new"}, _DEPTH):
        last = step
        is_over = step.is_last and step.gap is None
        seen = tuple(interval for interval in step.covered() if interval.kind == "seen")
        yield page_of(
            query,
            step.things,
            position=step.position if is_over else None,
            covered=seen,
            requests_count=step.requests_count,
        )
    if last is not None and last.gap is not None:
        yield from _deeper(reddit, query, last)


def _deeper(reddit: praw.Reddit, query: CollectionQuery, overview: Step) -> Iterator[RawPage]:
    """Read both kinds on their own; an interval is seen where both listings reach over it."""
    reached: list[Step] = []
    for kind in _KINDS:
        for step in read_back(reddit, query, _path(query, kind), {"sort": "new"}, _DEPTH):
            is_over = kind == _KINDS[-1] and step.is_last
            reached += [step] if step.is_last else []
            yield page_of(
                query,
                step.things,
                position=overview.position if is_over else None,
                covered=_both(reached, overview) if is_over else (),
                requests_count=step.requests_count,
            )


def _both(reached: list[Step], overview: Step) -> tuple[Coverage, ...]:
    lower = max(step.from_at for step in reached)
    seen = Coverage(lower, overview.from_at)
    starts = [step.gap.from_at for step in reached if step.gap is not None]
    gaps = [Coverage(min(starts), lower, "gap", _DEPTH.reason)] if starts else []
    return (*((seen,) if seen.from_at < seen.to_at else ()), *gaps)


def _gone(reddit: praw.Reddit, query: CollectionQuery) -> RawPage:
    """Ask for the account itself: only what Reddit denies twice is gone.

    Reddit answers so for a deleted account, for one it hides, and for a name nobody has.
    """
    try:
        about = reddit.request(method="GET", path=_path(query, "about"))
    except prawcore.NotFound:
        gone = {"kind": GONE_ACCOUNT, "data": {"author": query.actor}}
        return page_of(query, [gone], requests_count=2)
    except Exception as error:  # see fetch_user_pages
        raise refusal(error, source=query.source) from None
    why = "is suspended" if thing_data(about).get("is_suspended") is True else "shows nothing"
    raise SourceRefused(f"{query.source}: an account {why}: it is left out of this pass")


def _path(query: CollectionQuery, listing: str) -> str:
    return f"{API_PATH['user'].format(user=query.actor)}{listing}"
