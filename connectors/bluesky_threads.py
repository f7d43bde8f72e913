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
from connectors.bluesky_context import state_of
from connectors.bluesky_paging import page_of
from connectors.bluesky_parse import BLOCKED, NOT_FOUND
from connectors.bluesky_sample import ReplySample
from schema.errors import BadInput, SourceRefused, SourceUnavailable
from schema.pages import CollectionQuery, ContextFact, ContextRelation, ContextState, RawPage

LEVELS_MAX: Final = 1000  # of depth and of parents, by the lexicon
_VIEW = "app.bsky.feed.defs#threadViewPost"


@dataclass(slots=True)
class _Tree:
    """One thread as far as it is read: each post once, and what is left to ask.

    `answers` maps each reply met on the way down to what it answers.
    """

    items: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    answers: dict[str, str | None] = field(default_factory=dict)
    facts: dict[tuple[str, ContextRelation], ContextState | None] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    hidden: dict[str, ContextState] = field(default_factory=dict)
    unread: deque[tuple[str, int]] = field(default_factory=deque)
    asked: set[str] = field(default_factory=set)

    def page(self, client: Client, query: CollectionQuery) -> RawPage:
        """Put what was read on a page."""
        return page_of(
            client,
            query,
            list(self.items.values()),
            missing=tuple(dict.fromkeys(self.missing)),
            contexts=tuple(ContextFact(*key, state) for key, state in self.facts.items()),
        )

    def keep_only(self, drawn: set[str]) -> None:
        """Let replies go that were not drawn."""
        for uri in self.answers.keys() - drawn:
            self.items.pop(uri, None)
            self.facts.pop((uri, "parent"), None)


def fetch_threads(
    client: Client,
    query: CollectionQuery,
    root_uris: Sequence[str],
    *,
    depth: int,
    parents: int,
    sample: ReplySample | None = None,
) -> Iterator[RawPage]:
    """Yield one page for each thread: the post, up to `parents` above, `depth` levels below.

    Posts that are gone are `missing`; those and blocked ones leave a marker, so they count.
    `sample`: which replies are kept where there are too many; all of them are read.

    Raises:
        BadInput: an at-uri names no post, or its account by handle.
        SourceRefused: the AppView will not show the thread.
        SourceUnavailable: rate limit, timeout or server error.
    """
    for root_uri in root_uris:
        _refuse_nameless(query, root_uri)
        tree = _Tree(unread=deque([(root_uri, depth)]))
        while tree.unread:
            uri, levels = tree.unread.popleft()
            above = parents if uri == root_uri else 0
            _read(client, query, tree, uri, levels=levels, parents=above)
        if sample is not None:
            tree.keep_only(sample.draw(tree.answers))
        yield tree.page(client, query)


def fetch_surroundings(
    client: Client, query: CollectionQuery, uri: str, *, parents: int
) -> RawPage:
    """Read a reply, up to `parents` posts above it, and the root of its thread however far up.

    Raises:
        BadInput: the at-uri names no post, or its account by handle.
        SourceRefused: the AppView will not show it.
        SourceUnavailable: rate limit, timeout or server error.
    """
    _refuse_nameless(query, uri)
    tree = _Tree()
    _read(client, query, tree, uri, levels=0, parents=parents)
    root_uri = _root_of(tree.items.get(uri))
    if root_uri is not None:
        if root_uri not in tree.items and root_uri not in tree.hidden:
            _read(client, query, tree, root_uri, levels=0, parents=0)
        for reply, view in tree.items.items():
            if _root_of(view) == root_uri:
                tree.facts[reply, "root"] = tree.hidden.get(root_uri)
    return tree.page(client, query)


def _refuse_nameless(query: CollectionQuery, uri: str) -> None:
    if post_uri(uri) is None:
        raise BadInput(f"{query.source}: a thread's address does not name a post by DID")


def _read(
    client: Client, query: CollectionQuery, tree: _Tree, uri: str, *, levels: int, parents: int
) -> None:
    """Ask for one post's thread and put what comes into the tree."""
    tree.asked.add(uri)
    params = models.AppBskyFeedGetPostThread.Params(
        uri=uri, depth=min(levels, LEVELS_MAX), parent_height=min(parents, LEVELS_MAX)
    )
    try:
        answer = ask(client, "app.bsky.feed.getPostThread", params, source=query.source)
    except SourceRefused as error:
        if error.reason != "NotFound":
            raise
        tree.missing.append(uri)
        tree.hidden[uri] = "not_found"
        return
    thread = answer.get("thread")
    if not isinstance(thread, Mapping):
        raise SourceUnavailable(f"{query.source}: Bluesky answered without a thread")
    _climb(tree, thread)
    _descend(tree, thread, levels)


def _climb(tree: _Tree, thread: Mapping[str, Any]) -> None:
    """Take the posts above one, and note of each reply whether what it answers is shown."""
    below = _uri_of(thread)
    parent = thread.get("parent")
    while isinstance(parent, Mapping):
        uri = _take(tree, parent)
        state = state_of(parent)
        if below is not None and (uri is not None or state is not None):
            tree.facts[below, "parent"] = state
        below, parent = uri, parent.get("parent")


def _descend(tree: _Tree, thread: Mapping[str, Any], levels: int) -> None:
    """Flatten the tree of replies; remember branches that end before the depth wanted."""
    nodes = deque([(thread, levels, "")])
    while nodes:
        node, below, answered = nodes.popleft()
        uri = _take(tree, node)
        if uri is not None and answered:
            tree.answers[uri] = answered
            tree.facts[uri, "parent"] = None
        replies = node.get("replies")
        if isinstance(replies, list):
            found = (reply for reply in replies if isinstance(reply, Mapping))
            nodes += [(reply, below - 1, uri or "") for reply in found]
        elif uri is not None and below > 0 and _has_replies(node) and uri not in tree.asked:
            tree.unread.append((uri, below))


def _take(tree: _Tree, node: Mapping[str, Any]) -> str | None:
    """Keep a node's post once, or a marker where there is none; return the post's at-uri."""
    kind, post = node.get("$type"), node.get("post")
    if kind in (NOT_FOUND, BLOCKED):  # it may be a list
        _take_hidden(tree, node)
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


def _take_hidden(tree: _Tree, node: Mapping[str, Any]) -> None:
    kind, uri, state = node["$type"], node.get("uri"), state_of(node)
    if isinstance(uri, str) and post_uri(uri) and state is not None:
        tree.hidden[uri] = state
        if kind == NOT_FOUND:
            tree.missing.append(uri)
    tree.items.setdefault(f"{kind} {uri}", {"$type": kind})


def _uri_of(node: Mapping[str, Any]) -> str | None:
    post = node.get("post")
    uri = post.get("uri") if isinstance(post, Mapping) else None
    return uri if isinstance(uri, str) and post_uri(uri) else None


def _root_of(view: Mapping[str, Any] | None) -> str | None:
    """Read from a reply's record which post opens its thread."""
    record = view.get("record") if view is not None else None
    reply = record.get("reply") if isinstance(record, Mapping) else None
    root = reply.get("root") if isinstance(reply, Mapping) else None
    uri = root.get("uri") if isinstance(root, Mapping) else None
    return uri if isinstance(uri, str) and post_uri(uri) else None


def _has_replies(node: Mapping[str, Any]) -> bool:
    count = node["post"].get("replyCount")
    return type(count) is int and count > 0
