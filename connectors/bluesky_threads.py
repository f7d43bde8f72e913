"""Threads on Bluesky: a post, what it answers, and the replies under it.

Source: `getPostThread`. Limits: the AppView cuts branches off below a depth of its own
choosing, so cut-off branches are asked for again down to the depth wanted; a reply whose
author somebody in the thread blocks is left out without a mark.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from atproto import Client, models

from connectors.atproto_syntax import post_uri
from connectors.bluesky_call import ask
from connectors.bluesky_parse import BLOCKED, NOT_FOUND
from schema.errors import BadInput, SourceRefused, SourceUnavailable
from schema.pages import CollectionQuery, RawPage

LEVELS_MAX: Final = 1000  # of depth and of parents, by the lexicon
_VIEW = "app.bsky.feed.defs#threadViewPost"


@dataclass(slots=True)
class _Tree:
    """One thread as far as it is read: each post once, and what is left to ask."""

    items: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unread: deque[tuple[str, int]] = field(default_factory=deque)
    asked: set[str] = field(default_factory=set)
    requests_count: int = 0


def fetch_threads(
    client: Client,
    query: CollectionQuery,
    root_uris: Sequence[str],
    *,
    depth: int,
    parents: int,
) -> Iterator[RawPage]:
    """Yield one page for each thread: the post, up to `parents` above, `depth` levels below.

    Posts that are gone are `missing`; those and blocked ones leave a marker, so they count.

    Raises:
        BadInput: an at-uri names no post, or its account by handle.
        SourceRefused: the AppView will not show the thread.
        SourceUnavailable: rate limit, timeout or server error.
    """
    for root_uri in root_uris:
        if post_uri(root_uri) is None:
            raise BadInput(f"{query.source}: a thread's address does not name a post by DID")
        tree = _Tree(unread=deque([(root_uri, depth)]))
        while tree.unread:
            uri, levels = tree.unread.popleft()
            above = parents if uri == root_uri else 0
            _read(client, query, tree, uri, levels=levels, parents=above)
        yield RawPage(
            platform="bluesky",
            source=query.source,
            stream=query.stream,
            venue=query.venue,
            observed_at=query.now,
            items=tuple(tree.items.values()),
            missing=tuple(dict.fromkeys(tree.missing)),
            requests_count=tree.requests_count,
        )


def _read(
    client: Client, query: CollectionQuery, tree: _Tree, uri: str, *, levels: int, parents: int
) -> None:
    """Ask for one post's thread and put what comes into the tree."""
    tree.asked.add(uri)
    tree.requests_count += 1
    params = models.AppBskyFeedGetPostThread.Params(
        uri=uri, depth=min(levels, LEVELS_MAX), parent_height=min(parents, LEVELS_MAX)
    )
    try:
        answer = ask(client, "app.bsky.feed.getPostThread", params, source=query.source)
    except SourceRefused as error:
        if not str(error).endswith(" NotFound"):
            raise
        tree.missing.append(uri)
        return
    thread = answer.get("thread")
    if not isinstance(thread, Mapping):
        raise SourceUnavailable(f"{query.source}: Bluesky answered without a thread")
    _walk(tree, thread, levels)


def _walk(tree: _Tree, thread: Mapping[str, Any], levels: int) -> None:
    """Flatten a thread's tree; remember branches that end before the depth wanted."""
    parent = thread.get("parent")
    while isinstance(parent, Mapping):
        _take(tree, parent)
        parent = parent.get("parent")
    nodes = deque([(thread, levels)])
    while nodes:
        node, below = nodes.popleft()
        uri = _take(tree, node)
        replies = node.get("replies")
        if isinstance(replies, list):
            nodes += [(reply, below - 1) for reply in replies if isinstance(reply, Mapping)]
        elif uri is not None and below > 0 and _has_replies(node) and uri not in tree.asked:
            tree.unread.append((uri, below))


def _take(tree: _Tree, node: Mapping[str, Any]) -> str | None:
    """Keep a node's post once, or a marker where there is none; return the post's at-uri."""
    kind, post = node.get("$type"), node.get("post")
    if kind in (NOT_FOUND, BLOCKED):  # it may be a list
        uri = node.get("uri")
        if kind == NOT_FOUND and isinstance(uri, str) and post_uri(uri):
            tree.missing.append(uri)
        tree.items.setdefault(f"{kind} {uri}", {"$type": kind})
        return None
    if kind != _VIEW or not isinstance(post, Mapping):
        tree.items[f"unknown {len(tree.items)}"] = {"$type": "no object"}
        return None
    uri = post.get("uri")
    if not isinstance(uri, str):
        tree.items[f"unknown {len(tree.items)}"] = post
        return None
    tree.items.setdefault(uri, post)
    return uri if post_uri(uri) else None


def _has_replies(node: Mapping[str, Any]) -> bool:
    count = node["post"].get("replyCount")
    return type(count) is int and count > 0
