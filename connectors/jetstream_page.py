"""The page that a pass over the stream is filling, and where the pass stands."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final

from connectors.atproto_syntax import (
    POST_COLLECTION,
    PROFILE_COLLECTION,
    RecordUri,
    iso,
    utc_time,
)
from connectors.bluesky_parse import set_aside
from connectors.jetstream_filter import EventFilter
from connectors.jetstream_parse import ACCOUNT, COMMIT, FAULT, commit_uri, is_signed_in_only
from connectors.jetstream_wire import Event, Fault
from schema.errors import UnexpectedFailure
from schema.pages import CollectionQuery, Coverage, RawPage

OVERLAP: Final = timedelta(seconds=60)  # hosts' clocks differ by seconds
FLUSH_SECONDS: Final = 5.0  # a stream without end stores at least so often
SCAN_PAGES: Final = 40  # a page ends after so many times its size in events read
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Place:
    """The last event handled, and the host whose numbering it has."""

    host: str | None = None
    seq: int | None = None
    witnessed_at: datetime | None = None

    def cursor(self, host: str, since: datetime) -> int:
        """Resume by number on the same host, by time on another, at `since` the first time.

        The host tells the two apart by size: a time is microseconds, above 10**15.
        """
        if self.seq is not None and self.host == host:
            return self.seq
        start = since if self.witnessed_at is None else self.witnessed_at - OVERLAP
        return (start - _EPOCH) // timedelta(microseconds=1)

    def position(self) -> str | None:
        """Write the place down; None before the first event."""
        if self.seq is None or self.witnessed_at is None:
            return None
        return json.dumps(
            {"host": self.host, "seq": self.seq, "witnessed_at": iso(self.witnessed_at)}
        )


def stored_place(query: CollectionQuery) -> Place:
    """Read the stored position back.

    Raises:
        UnexpectedFailure: it is none of ours.
    """
    if query.position is None:
        return Place()
    try:
        stored = json.loads(query.position)
        place = Place(str(stored["host"]), int(stored["seq"]), utc_time(stored["witnessed_at"]))
    except (ValueError, TypeError, KeyError):
        place = Place()
    if place.witnessed_at is None:
        raise UnexpectedFailure(f"{query.source}: the stored position cannot be read")
    return place


@dataclass(slots=True)
class Filling:
    """A page between two hand-overs. Names people: memory only, no repr."""

    query: CollectionQuery
    wanted: EventFilter = field(repr=False)
    size: int
    clock: Callable[[], datetime]
    place: Place
    gap: str | None = None  # why what lies before the next event was not seen
    items: list[Mapping[str, Any]] = field(default_factory=list, repr=False)
    own: set[str] = field(default_factory=set, repr=False)
    covered: list[Coverage] = field(default_factory=list)
    covered_to: datetime = field(init=False)
    scanned_count: int = 0
    requests_count: int = 0
    began: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        """Go on where the stored position ends."""
        self.covered_to = self.place.witnessed_at or self.query.since

    def take(self, event: Event, host: str) -> bool:
        """Move on to an event and keep it if it is wanted; False where it was handled before."""
        place = self.place
        if place.host == host and place.seq is not None and event.seq <= place.seq:
            if (event.seq, event.witnessed_at) == (place.seq, place.witnessed_at):
                return False  # the cursor is inclusive
            self.gap = self.gap or "sequence went back"
        self.close_gap(event.witnessed_at)
        place.host, place.seq, place.witnessed_at = host, event.seq, event.witnessed_at
        self.scanned_count += 1
        if self._is_wanted(event.payload):
            self.items.append(event.payload)
        return True

    def put_aside(self, fault: Fault) -> None:
        """Keep of a bad frame its rule and its shape."""
        shape = set_aside(fault.rule, fault.frame)
        self.items.append({"$type": FAULT, "fault": shape.rule, "skeleton": shape.skeleton})

    def close_gap(self, until: datetime) -> None:
        """Write down what was not seen between the last event and `until`."""
        if self.gap is not None and until > self.covered_to:
            self.covered.append(Coverage(self.covered_to, until, "gap", self.gap))
            self.covered_to = until
        self.gap = None

    def is_full(self, *, is_endless: bool) -> bool:
        """Tell whether the page has to be handed over before the next event."""
        if len(self.items) >= self.size or self.scanned_count >= self.size * SCAN_PAGES:
            return True
        is_begun = self.scanned_count > 0 or bool(self.items)
        return is_endless and is_begun and monotonic() - self.began >= FLUSH_SECONDS

    def hand_over(self, seen_to: datetime | None) -> RawPage | None:
        """Close the page, seen up to `seen_to`, and begin the next; None where it says nothing."""
        if seen_to is not None and seen_to > self.covered_to:
            self.covered.append(Coverage(self.covered_to, seen_to))
            self.covered_to = seen_to
        page = RawPage(
            platform="bluesky",
            source=self.query.source,
            stream=self.query.stream,
            venue=self.query.venue,
            observed_at=self.clock(),
            items=tuple(self.items),
            position=self.place.position(),
            covered=tuple(self.covered),
            requests_count=self.requests_count,
            scanned_count=self.scanned_count,
        )
        is_empty = not (self.items or self.covered or self.scanned_count)
        self.items, self.covered, self.own = [], [], set()
        self.scanned_count = self.requests_count = 0
        self.began = monotonic()
        return None if is_empty else page

    def _is_wanted(self, event: Mapping[str, Any]) -> bool:
        """Let through what removes, what is malformed, and the posts that are asked for."""
        kind = event.get("$type")
        if kind == ACCOUNT:
            account = event.get("account")
            return not (isinstance(account, Mapping) and account.get("active") is True)
        if kind != COMMIT:
            return False
        uri = commit_uri(event)
        if uri is None:
            return True
        if uri.collection == PROFILE_COLLECTION:
            return is_signed_in_only(event)
        return uri.collection == POST_COLLECTION and self._is_wanted_post(event, uri)

    def _is_wanted_post(self, event: Mapping[str, Any], uri: RecordUri) -> bool:
        if event.get("operation") == "delete":
            return True
        given = event.get("record")
        record = given if isinstance(given, Mapping) else {}
        is_wanted = self.wanted.lets_through(str(uri), uri.did, record, also=self.own)
        if is_wanted:
            self.own.add(str(uri))  # its replies may stand in this very page
        return is_wanted
