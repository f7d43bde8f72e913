"""Reddit submissions and their comment trees.

Source: listing /r/{venue}/new, newest first, about 1,000 items back at most; /comments/{id}
with /api/morechildren; /api/info by hundreds. Units: `created_utc` in whole seconds, UTC.
Limits: the platform fuzzes scores; a listing ends without saying whether it was cut.

All goes through praw's own `request`, which answers plain JSON: praw's models would lose a
whole page for one malformed author, and reading an attribute they lack is a hidden request.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import praw
import prawcore
from praw.endpoints import API_PATH

from connectors.reddit_client import RedditCredentials, connect, reason_of, refusal
from connectors.reddit_parse import instant, is_plausible, parse_page, record
from connectors.reddit_tree import Tree, children, read_tree, thing_data
from schema.pages import CollectionQuery, Coverage, RawPage

__all__ = [
    "RedditCredentials",
    "connect",
    "fetch_pages",
    "fetch_posts",
    "fetch_threads",
    "parse_page",
    "refusal",
]

PAGE_SIZE: Final = 100
INFO_SIZE: Final = 100
OVERLAP: Final = timedelta(hours=1)  # a post that a moderator lets in late stands at its own time
# A listing holds 1,000 ids; removed ones are dropped when it is shown. One that ends after so
# many items, short of what we look for, may have been cut.
MAYBE_CUT_COUNT: Final = 500


@dataclass(frozen=True, slots=True)
class _Answer:
    things: list[Any]
    requests_count: int
    is_end: bool


def fetch_pages(reddit: praw.Reddit, query: CollectionQuery) -> Iterator[RawPage]:
    """Yield the venue's submissions, newest first, back to the last pass or `query.since`.

    Each page covers the span from its oldest submission up to the page before. The last one
    alone carries the new position, so a pass that dies is read again. Where the listing ends
    short of the last pass, the last page holds a gap.

    Raises:
        SourceRefused: the venue is private, banned or gone, or the credentials are wrong.
        SourceUnavailable: rate limit, timeout or server error; a later try may work.
    """
    watermark = _watermark(query)
    floor = query.since if watermark is None else max(query.since, watermark - OVERLAP)
    upper = min(query.now, query.until or query.now)
    shown_count = 0
    try:
        for answer in _listing(reddit, f"{API_PATH['subreddit'].format(subreddit=query.venue)}new"):
            shown_count += len(answer.things)
            edge = _edge(answer.things, query.now)
            has_reached = edge is not None and edge < floor
            is_cut = answer.is_end and not has_reached and shown_count >= MAYBE_CUT_COUNT
            is_whole = answer.is_end and not is_cut
            lower = query.since if is_whole else max(edge or upper, query.since)
            covered = [Coverage(lower, upper)] if lower < upper else []
            if is_cut and (start := max(watermark or query.since, query.since)) < lower:
                covered.append(Coverage(start, lower, "gap", "listing ends"))
            is_last = answer.is_end or has_reached
            yield _page(
                query,
                [thing for thing in answer.things if _in_window(thing, query)],
                position=json.dumps({"read_to": query.now.isoformat()}) if is_last else None,
                covered=tuple(covered),
                requests_count=answer.requests_count,
            )
            upper = min(upper, lower)
            if is_last:
                return
    except Exception as error:  # the client also lets KeyError and ValueError through
        raise refusal(error, source=query.source) from None  # its text may hold a URL or a name


def fetch_threads(
    reddit: praw.Reddit, query: CollectionQuery, submission_ids: Sequence[str]
) -> Iterator[RawPage]:
    """Yield one page a submission: itself and its whole comment tree, stubs expanded.

    Ids may carry `t3_`. A submission that is not there is the page's only `missing`.

    Raises:
        SourceRefused: the venue is closed to us, or the credentials are wrong.
        SourceUnavailable: rate limit, timeout or server error; a later try may work.
    """
    for submission_id in submission_ids:
        short = submission_id.removeprefix("t3_")
        missing: tuple[str, ...] = ()
        try:
            tree = read_tree(reddit, short)
        except Exception as error:  # see fetch_pages
            if not isinstance(error, prawcore.NotFound) or reason_of(error) is not None:
                raise refusal(error, source=query.source) from None
            tree, missing = Tree(requests_count=1), (f"t3_{short}",)
        yield _page(query, tree.things, missing=missing, requests_count=max(tree.requests_count, 1))


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
        except Exception as error:  # see fetch_pages
            raise refusal(error, source=query.source) from None
        names = [thing_data(thing).get("name") for thing in things]
        is_readable = all(isinstance(name, str) for name in names)
        missing = tuple(name for name in asked if name not in names) if is_readable else ()
        yield _page(query, things, missing=missing)


def _page(
    query: CollectionQuery,
    things: Sequence[Any],
    *,
    position: str | None = None,
    covered: tuple[Coverage, ...] = (),
    missing: tuple[str, ...] = (),
    requests_count: int = 1,
) -> RawPage:
    return RawPage(
        platform="reddit",
        source=query.source,
        stream=query.stream,
        venue=query.venue,
        observed_at=query.now,
        items=tuple(map(record, things)),
        position=position,
        covered=covered,
        missing=missing,
        requests_count=requests_count,
    )


def _listing(reddit: praw.Reddit, path: str) -> Iterator[_Answer]:
    """Yield a listing's answers until it ends or leads in a circle."""
    anchors: list[str | None] = [None]
    followed: set[str] = set()
    while anchors:
        things, after, requests_count = _answer(reddit, path, anchors)
        is_end = after is None or after in followed
        yield _Answer(things, requests_count, is_end)
        if is_end or after is None:
            return
        followed.add(after)
        names = [thing_data(thing).get("name") for thing in things[-3:]]
        others = [name for name in reversed(names) if isinstance(name, str) and name != after]
        anchors = [after, *others]


def _answer(
    reddit: praw.Reddit, path: str, anchors: Sequence[str | None]
) -> tuple[list[Any], str | None, int]:
    """Read behind the first anchor that is still there: a removed one answers nothing."""
    requests_count = 0
    for anchor in anchors:
        requests_count += 1
        params: dict[str, str | int] = {"limit": PAGE_SIZE}
        if anchor is not None:
            params["after"] = anchor
        answer = reddit.request(method="GET", path=path, params=params)
        if things := children(answer):
            after = answer["data"].get("after")
            return things, after if isinstance(after, str) else None, requests_count
    return [], None, requests_count


def _edge(things: Sequence[Any], now: datetime) -> datetime | None:
    """Tell how far back a page surely reaches, in spite of one wrong date at its end."""
    dates = [instant(thing_data(thing).get("created_utc")) for thing in things]
    believable = [date for date in dates if date is not None and is_plausible(date, now)]
    return max(believable[-2:], default=None)


def _in_window(thing: Any, query: CollectionQuery) -> bool:
    """Keep what the study wants, and what has no date to judge by."""
    date = instant(thing_data(thing).get("created_utc"))
    if date is None or not is_plausible(date, query.now):
        return True
    return query.since <= date and (query.until is None or date <= query.until)


def _watermark(query: CollectionQuery) -> datetime | None:
    """Read up to when the last whole pass saw everything; an unreadable position is none."""
    try:
        read_to = datetime.fromisoformat(json.loads(query.position or "")["read_to"])
    except (ValueError, KeyError, TypeError):
        return None
    return min(read_to.astimezone(UTC), query.now)
