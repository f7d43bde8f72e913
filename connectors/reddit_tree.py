"""Whole comment trees: what /comments/{id} shows, and what its stubs hide.

A stub names up to any number of children (asked for by hundreds) or, with none, stands for
a "continue this thread" link. A tree changes while it is read, so a comment may come twice
or without its parent: the first of each id stands, and nothing is asked for twice.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import praw
import prawcore
from praw.endpoints import API_PATH
from praw.exceptions import RedditAPIException

CHILDREN_LIMIT: Final = 100  # of one /api/morechildren
_SHAPE: Final[Mapping[str, str | int]] = {"limit": 2048, "sort": "confidence"}


@dataclass(slots=True)
class Tree:
    """Things of one thread as Reddit sent them, submission first. Names people: memory only."""

    things: list[Any] = field(default_factory=list, repr=False)
    requests_count: int = 0


def read_tree(reddit: praw.Reddit, submission_id: str) -> Tree:
    """Read a submission and all its comments.

    Raises:
        prawcore.NotFound: there is no such submission.
        ValueError: an answer is no thread.
    """
    tree = Tree()
    seen: set[str] = set()
    asked: set[str] = set()
    stubs = _take(tree, _comments(reddit, tree, submission_id, ""), seen)
    while stubs:
        for answer in _expand(reddit, tree, submission_id, stubs.pop(), asked):
            stubs += _take(tree, answer, seen)
    return tree


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
    tree.requests_count += 1
    answer = reddit.request(
        method="GET", path=f"{path}_/{below}" if below else path, params=dict(_SHAPE)
    )
    if not isinstance(answer, list) or len(answer) != 2:
        raise ValueError("no thread")
    return [*children(answer[0]), *children(answer[1])]


def _more(reddit: praw.Reddit, tree: Tree, submission_id: str, ids: list[str]) -> list[Any]:
    tree.requests_count += 1
    answer = reddit.request(
        method="POST",
        path=API_PATH["morechildren"],
        data={
            "children": ",".join(ids),
            "link_id": f"t3_{submission_id}",
            "sort": _SHAPE["sort"],
        },
    )
    body = answer.get("json") if isinstance(answer, Mapping) else None
    if isinstance(body, Mapping) and body.get("errors"):
        raise RedditAPIException(body["errors"])
    data = body.get("data") if isinstance(body, Mapping) else None
    things = data.get("things") if isinstance(data, Mapping) else None
    if not isinstance(things, list):
        raise ValueError("no children")
    return things


def _expand(
    reddit: praw.Reddit, tree: Tree, submission_id: str, stub: Mapping[str, Any], asked: set[str]
) -> Iterator[list[Any]]:
    """Ask for what a stub stands for, leaving out what was asked for before."""
    named = stub.get("children")
    ids = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    below = str(stub.get("parent_id")).removeprefix("t1_")
    new = [name for name in dict.fromkeys(ids) if name not in asked]
    asked.update(new)
    for start in range(0, len(new), CHILDREN_LIMIT):
        yield _more(reddit, tree, submission_id, new[start : start + CHILDREN_LIMIT])
    if not ids and below.isalnum() and f"below {below}" not in asked:
        asked.add(f"below {below}")
        try:
            yield _comments(reddit, tree, submission_id, below)
        except prawcore.NotFound:  # went while we read: nothing is below it any more
            return


def _take(tree: Tree, things: list[Any], seen: set[str]) -> list[Mapping[str, Any]]:
    """Put things and all their replies in the tree, depth first; return the stubs among them."""
    stubs: list[Mapping[str, Any]] = []
    waiting = things[::-1]
    while waiting:
        thing = waiting.pop()
        data = thing_data(thing)
        if isinstance(thing, Mapping) and thing.get("kind") == "more" and data:
            stubs.append(data)
            continue
        name = data.get("name")
        if not isinstance(name, str) or name not in seen:
            tree.things.append(thing)
        if isinstance(name, str):
            seen.add(name)
        if isinstance(replies := data.get("replies"), Mapping):
            waiting += _replies(replies)[::-1]
    return stubs


def _replies(listing: Mapping[str, Any]) -> list[Any]:
    try:
        return children(listing)
    except ValueError:  # a malformed branch costs itself, not the tree
        return []
