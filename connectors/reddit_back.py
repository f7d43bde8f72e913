"""Listings that stand newest first, read back to where the last pass was, with overlap.

A position says up to when everything was seen, by the newest item shown or by our clock less
what two clocks may differ by, and the block of ids that the newest submission lies in: Reddit
numbers submissions one after the other over the whole site, so the numbers that lie between two
of them bound how many can be missing. A block is 1,296 numbers: it names no post.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import praw

from connectors.reddit_listing import Answer, Params, read_listing
from connectors.reddit_parse import CLOCK_SLACK, instant, is_plausible
from connectors.reddit_tree import thing_data
from schema.pages import CollectionQuery, Coverage

OVERLAP: Final = timedelta(hours=1)  # a post that a moderator lets in late stands at its own time
# A listing holds 1,000 ids; removed ones are dropped when it is shown. One that ends after so
# many items, short of what we look for, may have been cut.
MAYBE_CUT_COUNT: Final = 500
BLOCK: Final = 36**2


@dataclass(frozen=True, slots=True)
class Depth:
    """How a listing is read back: how far behind the last pass, and when its end is no end.

    `tail`: of so many last dates on a page the latest tells how far it reaches, so fewer wrong
    ones do no harm. `is_bounded`: every submission of the venue is in it, so ids can be counted.
    """

    overlap: timedelta = OVERLAP
    maybe_cut_count: int = MAYBE_CUT_COUNT
    tail: int = 2
    reason: str = "listing ends"
    is_bounded: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One answer and the span of creation times it reaches over. Names people: memory only."""

    things: list[Any] = field(repr=False)
    requests_count: int
    from_at: datetime
    to_at: datetime
    is_last: bool
    gap: Coverage | None
    position: str

    def covered(self, venue: str | None = None) -> tuple[Coverage, ...]:
        """Tell what was seen of a venue, or of a choice of posts, and what could not be."""
        seen = [Coverage(self.from_at, self.to_at)] if self.from_at < self.to_at else []
        gaps = [self.gap] if self.gap is not None else []
        return tuple(replace(interval, venue=venue) for interval in [*seen, *gaps])


@dataclass(frozen=True, slots=True)
class _Mark:
    """What the last whole pass left: up to when it saw everything, and the newest id's block."""

    read_to: datetime | None = None
    block: int | None = None


def read_back(
    reddit: praw.Reddit, query: CollectionQuery, path: str, params: Params, depth: Depth
) -> Iterator[Step]:
    """Yield a listing's answers, newest first, back to the last pass or `query.since`.

    The last step alone has what may be stored as position; one that ends short of the last
    pass has a gap. `at_most_count` is null where one of the two ids is not known.

    Raises:
        ValueError: an answer is no listing.
    """
    mark = _mark(query)
    start = query.since if mark.read_to is None else max(query.since, mark.read_to)
    floor = start if mark.read_to is None else max(query.since, mark.read_to - depth.overlap)
    read_to = upper = query.since
    shown_count, newest_id = 0, -1
    for number, answer in enumerate(read_listing(reddit, path, params)):
        if number == 0:
            read_to = _read_to(answer.things, query, mark)
            upper = max(min(read_to, query.until or read_to), query.since)
        shown_count += len(answer.things)
        newest_id = max(newest_id, *_numbers(answer.things), -1)
        edge = _edge(answer.things, query.now, depth.tail)
        has_reached = edge is not None and edge < floor
        is_cut = not has_reached and _may_be_cut(answer, shown_count, depth)
        is_whole = answer.is_end and not is_cut
        lower = query.since if is_whole else min(max(edge or upper, query.since), upper)
        gap = None
        if is_cut and start < lower:
            count = _at_most(answer.things, mark) if depth.is_bounded else None
            gap = Coverage(start, lower, "gap", depth.reason, count)
        is_last = answer.is_end or has_reached
        position = _position(query, read_to, newest_id if depth.is_bounded else -1, mark)
        yield Step(answer.things, answer.requests_count, lower, upper, is_last, gap, position)
        if is_last:
            return
        upper = lower


def _may_be_cut(answer: Answer, shown_count: int, depth: Depth) -> bool:
    return answer.is_cut or (answer.is_end and shown_count >= depth.maybe_cut_count)


def _read_to(things: Sequence[Any], query: CollectionQuery, mark: _Mark) -> datetime:
    """Tell up to when everything is seen: by what is shown, whatever our clock says.

    The platform's clock may be behind ours, so nothing newer than its newest item is sure to
    have been there to be seen.
    """
    dates = [date for date in _dates(things) if is_plausible(date, query.now)]
    newest = max(dates[:2], default=query.since)
    earlier = mark.read_to or query.since
    return min(max(newest, query.now - CLOCK_SLACK, earlier), query.now)


def _edge(things: Sequence[Any], now: datetime, tail: int) -> datetime | None:
    """Tell how far back a page surely reaches, in spite of wrong dates at its end."""
    believable = [date for date in _dates(things) if is_plausible(date, now)]
    return max(believable[-tail:], default=None)


def _dates(things: Sequence[Any]) -> list[datetime]:
    dates = (instant(thing_data(thing).get("created_utc")) for thing in things)
    return [date for date in dates if date is not None]


def _numbers(things: Sequence[Any]) -> list[int]:
    """Read submissions' ids as the numbers they are, in the order of the page."""
    names = (thing_data(thing).get("name") for thing in things)
    numbers: list[int] = []
    for name in names:
        if isinstance(name, str) and name.startswith("t3_"):
            try:
                numbers.append(int(name[3:], 36))
            except ValueError:
                continue
    return numbers


def _at_most(things: Sequence[Any], mark: _Mark) -> int | None:
    """Bound what is missing between the last pass's newest submission and the last one shown."""
    oldest = max(_numbers(things)[-2:], default=None)
    if oldest is None or mark.block is None:
        return None
    return max(oldest - mark.block * BLOCK - 1, 0)


def _position(query: CollectionQuery, read_to: datetime, newest_id: int, mark: _Mark) -> str:
    blocks = [newest_id // BLOCK if newest_id >= 0 else None, mark.block]
    block = max((block for block in blocks if block is not None), default=None)
    position = {"read_to": read_to.isoformat(), "since": query.since.isoformat(), "block": block}
    return json.dumps(position)


def _mark(query: CollectionQuery) -> _Mark:
    """Read a stored position; an unreadable one is none, and so is one of a later `since`."""
    try:
        stored = json.loads(query.position or "")
        read_to = datetime.fromisoformat(stored["read_to"]).astimezone(UTC)
        since = datetime.fromisoformat(stored.get("since") or query.since.isoformat())
        block = stored.get("block")
    except (ValueError, KeyError, TypeError, AttributeError):
        return _Mark()
    if query.since < since.astimezone(UTC):
        return _Mark()
    return _Mark(min(read_to, query.now), block if isinstance(block, int) else None)
