"""One listing of Reddit, read answer by answer to its end, without belief in any one anchor.

Source: whatever answers a Listing: /r/x/new, hot, top, search; /user/x/overview. Limits: about
1,000 items back, a search some hundreds. An anchor that was removed meanwhile may answer
nothing, as the end does: then the items before it are asked behind, and only one that shows
what came after it proves the end.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import praw

from connectors.reddit_tree import children, thing_data

PAGE_SIZE: Final = 100
ANSWERS_LIMIT: Final = 100  # of one listing; short and empty pages make more than ten
_STEPS_BACK: Final = (1, 2, 3, 5, 10, 25, 50, 100)  # from the last item, behind which to ask

Params = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Answer:
    """Things that this listing had not shown before. Names people: memory only.

    `is_cut`: the listing ended and nothing proves that it was its end.
    """

    things: list[Any] = field(repr=False)
    requests_count: int
    is_end: bool
    is_cut: bool = False


@dataclass(slots=True)
class _Walk:
    """What a reading has met so far: names in their order, and anchors asked behind."""

    shown: set[str] = field(default_factory=set)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=max(_STEPS_BACK)))
    asked: set[str | None] = field(default_factory=set)
    silent: set[str | None] = field(default_factory=set)

    def new_ones(self, things: Sequence[Any]) -> list[Any]:
        """Leave out what was shown before; a thing without a name passes."""
        new: list[Any] = []
        for thing in things:
            name = thing_data(thing).get("name")
            if not isinstance(name, str):
                new.append(thing)
            elif name not in self.shown:
                self.shown.add(name)
                self.recent.append(name)
                new.append(thing)
        return new

    def anchors(self, after: str) -> list[str]:
        """List what to ask behind in turn, the platform's own word first."""
        names = [self.recent[-step] for step in _STEPS_BACK if step <= len(self.recent)]
        return list(dict.fromkeys([after, *names]))


@dataclass(frozen=True, slots=True)
class _Got:
    """An answer as it came, and how many were asked for until one said anything."""

    things: list[Any] = field(repr=False)
    after: str | None
    requests_count: int

    @property
    def is_silent(self) -> bool:
        return not self.things and self.after is None


def read_listing(reddit: praw.Reddit, path: str, params: Params) -> Iterator[Answer]:
    """Yield a listing's answers until it ends, leads in a circle, or goes on for too long.

    Raises:
        ValueError: an answer is no listing.
    """
    walk = _Walk()
    anchors: list[str] = []
    for turn in range(1, ANSWERS_LIMIT + 1):
        got = _first_that_speaks(reddit, path, params, walk, anchors)
        ending = _ending(got, walk, is_first=turn == 1)
        if ending is None and turn == ANSWERS_LIMIT:
            ending = "cut"
        things = walk.new_ones(got.things)
        yield Answer(things, got.requests_count, ending is not None, ending == "cut")
        if ending is not None or got.after is None:
            return
        anchors = walk.anchors(got.after)


def _first_that_speaks(
    reddit: praw.Reddit, path: str, params: Params, walk: _Walk, anchors: Sequence[str]
) -> _Got:
    """Ask behind one anchor after the other until an answer holds anything."""
    got = _Got([], None, 0)
    behind: Sequence[str | None] = anchors or [None]
    for anchor in behind:
        asked = {**params, "limit": PAGE_SIZE} | ({} if anchor is None else {"after": anchor})
        answer = reddit.request(method="GET", path=path, params=asked)
        things, after = children(answer), answer["data"].get("after")
        got = _Got(things, after if isinstance(after, str) else None, got.requests_count + 1)
        walk.asked.add(anchor)
        if not got.is_silent:
            break
        walk.silent.add(anchor)
    return got


def _ending(got: _Got, walk: _Walk, *, is_first: bool) -> Literal["whole", "cut"] | None:
    """Say whether a listing ends here, and whether it is sure that nothing follows."""
    if got.is_silent:
        return "whole" if is_first else "cut"
    if got.after is None:
        return "whole"
    if got.after in walk.asked:
        names = {thing_data(thing).get("name") for thing in got.things}
        is_alive_with_nothing_behind = got.after in walk.silent and got.after in names
        return "whole" if is_alive_with_nothing_behind else "cut"
    return None
