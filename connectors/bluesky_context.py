"""What surrounds a Bluesky post and is not shown: parent, root, quoted post. Pure.

Source: `notFoundPost` and `blockedPost` in a thread; `viewNotFound`, `viewBlocked` and
`viewDetached` (its author took it out of the quote) in a post view's embed. Limits: a reply that
a block hides leaves no mark anywhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from connectors import bluesky_parse
from connectors.atproto_syntax import post_uri
from schema.pages import ContextFact, ContextState, ParsedPage, RawPage

STATES: Final[Mapping[str, ContextState]] = {
    "notFoundPost": "not_found",
    "blockedPost": "blocked",
    "viewNotFound": "not_found",
    "viewBlocked": "blocked",
    "viewDetached": "detached",
}
_QUOTES: Final = ("app.bsky.embed.record#view", "app.bsky.embed.recordWithMedia#view")


def parse_page(page: RawPage) -> ParsedPage:
    """Sort a page of post views, and say what of their surroundings is not shown."""
    parsed = bluesky_parse.parse_page(page)
    return replace(parsed, contexts=(*page.contexts, *_quoted(page.items)))


def state_of(node: object) -> ContextState | None:
    """Read from a node of a thread, or a quote's view, why it is not shown; None: it is."""
    kind = node.get("$type") if isinstance(node, Mapping) else None
    return STATES.get(kind.rpartition("#")[2]) if isinstance(kind, str) else None


def _quoted(views: Iterable[Mapping[str, Any]]) -> Iterator[ContextFact]:
    for view in views:
        uri, embed = post_uri(view.get("uri")), view.get("embed")
        if uri is None or not isinstance(embed, Mapping) or embed.get("$type") not in _QUOTES:
            continue
        quoted = embed.get("record")
        if isinstance(quoted, Mapping) and isinstance(quoted.get("record"), Mapping):
            quoted = quoted["record"]  # beside pictures it stands one deeper
        yield ContextFact(str(uri), "quoted", state_of(quoted))
