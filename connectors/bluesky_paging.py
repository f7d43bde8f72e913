"""Bluesky's lists, page by page: only a missing cursor ends one.

Pages run short, because hidden items are taken out after paging, and may be empty.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from atproto import Client
from atproto_client.models.base import ParamsModelBase

from connectors.bluesky_call import ask, listed
from schema.errors import SourceUnavailable
from schema.pages import CollectionQuery, ContextFact, Coverage, RawPage


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a list; `cursor` None: it was the last."""

    entries: list[Mapping[str, Any]] = field(repr=False)
    cursor: str | None


def read_list(
    client: Client,
    nsid: str,
    params: Callable[[str | None], ParamsModelBase],
    key: str,
    *,
    source: str,
) -> Iterator[Listing]:
    """Yield a list's pages to its end; `params` are those of the page behind a cursor.

    Raises:
        SourceRefused: the AppView says no.
        SourceUnavailable: rate limit, timeout, server error, or a cursor that goes in circles.
    """
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        answer = ask(client, nsid, params(cursor), source=source)
        told = answer.get("cursor")
        cursor = told if isinstance(told, str) and told else None
        yield Listing(listed(answer, key, source=source), cursor)
        if cursor is None:
            return
        if cursor in seen:
            raise SourceUnavailable(f"{source}: Bluesky repeats a page's cursor")
        seen.add(cursor)


def page_of(
    client: Client,
    query: CollectionQuery,
    items: Iterable[Mapping[str, Any]],
    *,
    position: str | None = None,
    covered: tuple[Coverage, ...] = (),
    missing: tuple[str, ...] = (),
    contexts: tuple[ContextFact, ...] = (),
) -> RawPage:
    """Put items on a page of a query's, with the requests that went out since the last page."""
    return RawPage(
        platform="bluesky",
        source=query.source,
        stream=query.stream,
        venue=query.venue,
        observed_at=query.answered_at(),
        items=tuple(items),
        position=position,
        covered=covered,
        missing=missing,
        contexts=contexts,
        requests_count=client.request.take_count(),
    )
