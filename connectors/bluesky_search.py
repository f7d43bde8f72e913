"""Bluesky's search, newest first: for people, never complete, and never the same twice.

Source: `searchPosts`, `sort=latest`, which goes by the smaller of `createdAt` and arrival. Limits:
signed out its second page is refused with 403 (bsky-docs#296, atproto#2838); it ends near 10,000
results, so it is read on in windows of `until` (minet#1018); it may leave out and ignore what it
likes (atproto#3423). So what it finds is filtered again, an interval it covers holds no venue
whole, and where it ends short is a gap row.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from atproto import Client, models

from connectors.atproto_syntax import iso, utc_time
from connectors.bluesky_context import parse_page
from connectors.bluesky_feed import position_of, reads_back_to
from connectors.bluesky_paging import Listing, page_of, read_list
from connectors.bluesky_parse import PLATFORM_BEGAN, set_aside
from connectors.bluesky_record import read_embed
from schema.errors import SourceRefused
from schema.pages import CollectionQuery, Coverage, ParsedPage, RawPage

PAGE: Final = 100
STEM: Final = 4  # letters of a plain word that a post must hold: the search knows word forms
UNMATCHED: Final = "search: the words it was found by are not in it"
SIGNED_OUT: Final = "search shows its first page alone to readers who are signed out"
ENDS: Final = "search ends"
STUCK: Final = "search cannot be paged further"
_TICK: Final = timedelta(milliseconds=1)
_TERM: Final = re.compile(r'"([^"]*)"|(\S+)')


@dataclass(slots=True)
class _Reading:
    """How far down a search was read; `reason`: why it ended short, if it did."""

    stop: datetime
    lowest: datetime
    found: set[str] = field(default_factory=set)
    reason: str | None = None

    def take(self, listing: Listing) -> Coverage | None:
        """Note a page's posts; return what it adds to the interval read."""
        upper = self.lowest
        uris = (view.get("uri") for view in listing.entries)
        self.found |= {uri for uri in uris if isinstance(uri, str)}
        floor = min(filter(None, map(_sorted_at, listing.entries)), default=upper)
        self.lowest = max(min(floor, upper), self.stop)
        return Coverage(self.lowest, upper) if self.lowest < upper else None


def fetch_search_pages(client: Client, query: CollectionQuery, terms: str) -> Iterator[RawPage]:
    """Yield what the search finds, newest first, back to the last pass or `query.since`.

    The last page carries the new position, and a gap where the search ended short.

    Raises:
        SourceRefused: the search is closed to readers who are signed out, or refuses the words.
        SourceUnavailable: rate limit, timeout, server error, or a cursor that goes in circles.
    """
    reading = _Reading(reads_back_to(query), query.now)
    until = None
    while True:
        found, lowest = len(reading.found), reading.lowest
        for listing in _window(client, query, terms, reading, until):
            fresh = [view for view in listing.entries if str(view.get("uri")) not in reading.found]
            covered = reading.take(listing)
            yield page_of(client, query, fresh, covered=(covered,) if covered else ())
        is_end = len(reading.found) == found or reading.lowest <= reading.stop
        if not is_end and reading.lowest >= lowest:
            reading.reason = STUCK
        if is_end or reading.reason is not None:
            break
        until = reading.lowest + _TICK  # what was made in that very instant may have been cut
    yield page_of(client, query, [], position=position_of(query), covered=_rest(reading))


def parse_found(page: RawPage, terms: str) -> ParsedPage:
    """Sort what a search found; what does not hold the words it was asked for is set aside."""
    wanted = _terms(terms)
    kept = [view for view in page.items if _holds(view, wanted)]
    parsed = parse_page(replace(page, items=tuple(kept)))
    odd = [set_aside(UNMATCHED, view) for view in page.items if not _holds(view, wanted)]
    return replace(parsed, set_aside=(*parsed.set_aside, *odd))


def _rest(reading: _Reading) -> tuple[Coverage, ...]:
    """Say what lies below the lowest result: nothing was found there, or nobody could look."""
    if reading.stop >= reading.lowest:
        return ()
    if reading.reason is None:
        return (Coverage(reading.stop, reading.lowest),)
    return (Coverage(reading.stop, reading.lowest, "gap", reading.reason),)


def _window(
    client: Client,
    query: CollectionQuery,
    terms: str,
    reading: _Reading,
    until: datetime | None,
) -> Iterator[Listing]:
    """Yield a window's pages; one that is refused behind the first ends the search."""

    def params(cursor: str | None) -> Any:
        return models.AppBskyFeedSearchPosts.Params(
            q=terms,
            sort="latest",
            since=iso(reading.stop),
            until=None if until is None else iso(until),
            cursor=cursor,
            limit=PAGE,
        )

    pages = read_list(client, "app.bsky.feed.searchPosts", params, "posts", source=query.source)
    try:
        yield from pages
    except SourceRefused as error:
        if error.status not in (400, 403) or not reading.found:
            raise _with_remedy(error, query) from None
        reading.reason = SIGNED_OUT if error.status == 403 else ENDS


def _with_remedy(error: SourceRefused, query: CollectionQuery) -> SourceRefused:
    if error.status not in (401, 403):
        return error
    return SourceRefused(
        f"{query.source}: Bluesky's search is closed to readers who are signed out: set "
        "CONFIDE_BLUESKY_HANDLE and CONFIDE_BLUESKY_PASSWORD (an app password)",
        status=error.status,
    )


def _sorted_at(view: Mapping[str, Any]) -> datetime | None:
    """Tell where in the results a post stands; a date before the platform began tells nothing."""
    record = view.get("record")
    times = [view.get("indexedAt")]
    times += [record.get("createdAt")] if isinstance(record, Mapping) else []
    stands = min(filter(None, map(utc_time, times)), default=None)
    return stands if stands is not None and stands >= PLATFORM_BEGAN else None


def _terms(text: str) -> list[str]:
    """Take from a query what a post must hold: phrases whole, words and tags by their start.

    Filters (`from:`, `lang:`), links and what is left out (`-word`) are the search's own.
    """
    wanted = []
    for phrase, word in _TERM.findall(text):
        if phrase:
            wanted.append(_plain(phrase))
        elif word and word != "*" and ":" not in word and not word.startswith("-"):
            wanted.append(_plain(word.lstrip("#"))[:STEM])
    return wanted


def _holds(view: Mapping[str, Any], wanted: list[str]) -> bool:
    record = view.get("record")
    if not isinstance(record, Mapping):
        return True  # the parser says what is wrong with it
    embedded = read_embed(record.get("embed"))
    tags = record.get("tags")
    parts = [record.get("text"), embedded.alt_text, embedded.card_text]
    parts += tags if isinstance(tags, list) else []
    text = _plain(" ".join(part for part in parts if isinstance(part, str)))
    return all(term in text for term in wanted)


def _plain(text: str) -> str:
    """Even out case, blanks and apostrophes."""
    return " ".join(text.casefold().replace("\u2019", "'").split())
