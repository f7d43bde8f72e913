"""Comment trees: what /comments/{id} shows, and what its stubs hide, whole or within limits.

A stub names children and counts all that is hidden below it; with no child named it stands for a
"continue this thread" link. Where it counts no more than it names, nothing is below these (true
of all six such stubs of a recorded tree): such children of all stubs are asked for together by
id, a hundred a request; the others by /api/morechildren, a hundred of one stub. A tree changes
while it is read, so a comment may come twice or without its parent: the first of each id stands,
and nothing is asked for twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

import praw
import prawcore
from praw.endpoints import API_PATH
from praw.exceptions import RedditAPIException

CHILDREN_LIMIT: Final = 100  # of one /api/morechildren, and of one /api/info
SHOWN_LIMIT: Final = 2048  # asked of /comments; Reddit shows 500 or so
_SORT: Final = "confidence"

Stub = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class TreeLimits:
    """How much of a tree is read: levels below the submission, and comments. None: all."""

    depth: int | None = None
    count: int | None = None


@dataclass(slots=True)
class Tree:
    """Things of one thread as Reddit sent them, submission first. Names people: memory only."""

    limits: TreeLimits = field(default_factory=TreeLimits)
    things: list[Any] = field(default_factory=list, repr=False)
    requests_count: int = 0
    _levels: dict[str, int] = field(default_factory=dict, repr=False)
    _comments_count: int = 0

    @property
    def is_full(self) -> bool:
        """Whether no further comment is wanted."""
        return self.limits.count is not None and self._comments_count >= self.limits.count

    def hides_nothing_more(self, stub: Stub) -> bool:
        """Tell whether nothing that is wanted stands below the children a stub names."""
        named = stub.get("children")
        is_last_level = self.limits.depth is not None and self._level(stub) == self.limits.depth
        return (
            bool(named)
            and isinstance(named, list)
            and (is_last_level or len(named) == stub.get("count"))
        )

    def take(self, things: Sequence[Any]) -> list[Stub]:
        """Put things and all their replies in, depth first; return the stubs among them."""
        stubs: list[Stub] = []
        waiting = list(things[::-1])
        while waiting:
            thing = waiting.pop()
            data = thing_data(thing)
            if isinstance(thing, Mapping) and thing.get("kind") == "more" and data:
                if self._is_wanted(self._level(data)):
                    stubs.append(data)
                continue
            self._put(thing, data)
            if isinstance(replies := data.get("replies"), Mapping):
                waiting += _replies(replies)[::-1]
        return stubs

    def _put(self, thing: Any, data: Mapping[str, Any]) -> None:
        name, level = data.get("name"), self._level(data)
        if isinstance(name, str):
            if name in self._levels:
                return
            self._levels[name] = level
        if level == 0:
            self.things.append(thing)
        elif self._is_wanted(level) and not self.is_full:
            self.things.append(thing)
            self._comments_count += 1

    def _level(self, data: Mapping[str, Any]) -> int:
        """Count a thing's levels below the submission, by its parent or by its own word."""
        if "parent_id" not in data:
            return 0
        known = self._levels.get(str(data["parent_id"]))
        told = data.get("depth")
        return (told if isinstance(told, int) else 0) + 1 if known is None else known + 1

    def _is_wanted(self, level: int) -> bool:
        return self.limits.depth is None or level <= self.limits.depth


def read_tree(reddit: praw.Reddit, submission_id: str, limits: TreeLimits) -> Tree:
    """Read a submission and its comments; where there is a limit, what is shown comes first.

    Raises:
        prawcore.NotFound: there is no such submission.
        ValueError: an answer is no thread, or what a stub stands for is not to be had.
    """
    tree = Tree(limits)
    stubs = tree.take(_comments(reddit, tree, submission_id, ""))
    try:
        _expand_all(reddit, tree, submission_id, stubs)
    except prawcore.NotFound:  # the submission is there: this says nothing of it
        raise ValueError("a stub leads nowhere") from None
    return tree


def _expand_all(reddit: praw.Reddit, tree: Tree, submission_id: str, stubs: Sequence[Stub]) -> None:
    """Ask for what stubs stand for until the tree is whole or full, the largest stub first."""
    asked: set[str] = set()
    leaves: list[str] = []
    waiting: list[tuple[int, int, Stub]] = []
    number = count()

    def put(found: Sequence[Stub]) -> None:
        for stub in found:
            if tree.hides_nothing_more(stub):
                leaves.extend(_unasked(stub, asked))
            else:
                heappush(waiting, (-_size(stub), next(number), stub))

    put(stubs)
    while (waiting or leaves) and not tree.is_full:
        if waiting and len(leaves) < CHILDREN_LIMIT:
            for answer in _expand(reddit, tree, submission_id, heappop(waiting)[2], asked):
                put(tree.take(answer))
        else:
            put(tree.take(_by_id(reddit, tree, leaves[:CHILDREN_LIMIT])))
            del leaves[:CHILDREN_LIMIT]


def children(listing: Any) -> list[Any]:
    """Return a listing's things.

    Raises:
        ValueError: it is no listing.
    """
    data = listing.get("data") if isinstance(listing, Mapping) else None
    things = data.get("children") if isinstance(data, Mapping) else None
    if not isinstance(things, list):
        raise ValueError("no listing")
    return things


def thing_data(thing: Any) -> Mapping[str, Any]:
    """Return a thing's data; empty where it has none."""
    data = thing.get("data") if isinstance(thing, Mapping) else None
    return data if isinstance(data, Mapping) else {}


def _comments(reddit: praw.Reddit, tree: Tree, submission_id: str, below: str) -> list[Any]:
    path = API_PATH["submission"].format(id=submission_id)
    limits = tree.limits
    shape: dict[str, str | int] = {"limit": min(limits.count or SHOWN_LIMIT, SHOWN_LIMIT)}
    if limits.depth is not None and not below:
        shape["depth"] = limits.depth
    tree.requests_count += 1
    answer = reddit.request(
        method="GET",
        path=f"{path}_/{below}" if below else path,
        params={**shape, "sort": _SORT},
    )
    if not isinstance(answer, list) or len(answer) != 2:
        raise ValueError("no thread")
    return [*children(answer[0]), *children(answer[1])]


def _more(reddit: praw.Reddit, tree: Tree, submission_id: str, ids: Sequence[str]) -> list[Any]:
    tree.requests_count += 1
    answer = reddit.request(
        method="POST",
        path=API_PATH["morechildren"],
        data={"children": ",".join(ids), "link_id": f"t3_{submission_id}", "sort": _SORT},
    )
    body = answer.get("json") if isinstance(answer, Mapping) else None
    if isinstance(body, Mapping) and body.get("errors"):
        raise RedditAPIException(body["errors"])
    data = body.get("data") if isinstance(body, Mapping) else None
    things = data.get("things") if isinstance(data, Mapping) else None
    if not isinstance(things, list):
        raise ValueError("no children")
    return things


def _by_id(reddit: praw.Reddit, tree: Tree, ids: Sequence[str]) -> list[Any]:
    tree.requests_count += 1
    names = ",".join(f"t1_{short}" for short in ids)
    return children(reddit.request(method="GET", path=API_PATH["info"], params={"id": names}))


def _size(stub: Stub) -> int:
    told = stub.get("count")
    return told if isinstance(told, int) else 0


def _unasked(stub: Stub, asked: set[str]) -> list[str]:
    """List a stub's children that were not asked for before, and note that they are now."""
    named = stub.get("children")
    ids = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    new = [name for name in dict.fromkeys(ids) if name not in asked]
    asked.update(new)
    return new


def _expand(
    reddit: praw.Reddit, tree: Tree, submission_id: str, stub: Stub, asked: set[str]
) -> Iterator[list[Any]]:
    """Ask for what a stub stands for, leaving out what was asked for before."""
    new = _unasked(stub, asked)
    for start in range(0, len(new), CHILDREN_LIMIT):
        if tree.is_full:
            return
        yield _more(reddit, tree, submission_id, new[start : start + CHILDREN_LIMIT])
    below = str(stub.get("parent_id")).removeprefix("t1_")
    if not stub.get("children") and below.isalnum() and f"below {below}" not in asked:
        asked.add(f"below {below}")
        try:
            yield _comments(reddit, tree, submission_id, below)
        except prawcore.NotFound:  # went while we read: nothing is below it any more
            return


def _replies(listing: Mapping[str, Any]) -> list[Any]:
    try:
        return children(listing)
    except ValueError:  # a malformed branch costs itself, not the tree
        return []
