"""A page of Reddit things, as it travels to the gate."""

from collections.abc import Sequence
from typing import Any

from connectors.reddit_parse import record
from schema.pages import CollectionQuery, Coverage, RawPage


def page_of(
    query: CollectionQuery,
    things: Sequence[Any],
    *,
    position: str | None = None,
    covered: tuple[Coverage, ...] = (),
    missing: tuple[str, ...] = (),
    requests_count: int = 1,
) -> RawPage:
    """Put things in a page; of each is kept what is read later."""
    return RawPage(
        platform="reddit",
        source=query.source,
        stream=query.stream,
        venue=query.venue,
        observed_at=query.answered_at(),
        items=tuple(map(record, things)),
        position=position,
        covered=covered,
        missing=missing,
        requests_count=requests_count,
    )
