"""The page that a pass over the stream is filling.

What a page holds says the same wherever it ends: it ends before a second event about a post or
account that it holds, so that each wording and each removal is stored as one.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any, Final

import orjson

from connectors.atproto_syntax import (
    DECLARATION_COLLECTIONS,
    POST_COLLECTION,
    PROFILE_COLLECTION,
    RecordUri,
)
from connectors.bluesky_parse import set_aside
from connectors.jetstream_filter import EventFilter
from connectors.jetstream_host import REQUESTS
from connectors.jetstream_parse import ACCOUNT, COMMIT, FAULT, commit_uri, is_signed_in_only
from connectors.jetstream_place import OVERLAP, Place
from connectors.jetstream_wire import COLLECTIONS, Event, Fault
from schema.pages import CollectionQuery, Coverage, RawPage

FLUSH_SECONDS: Final = 5.0  # a stream without end stores at least so often
SCAN_PAGES: Final = 400  # a page ends after so many times its size in events read
_REMEMBERED_COUNT = 50_000


@dataclass(slots=True)
class Filling:
    """A page between two hand-overs. Names people: memory only, no repr."""

    query: CollectionQuery
    wanted: EventFilter = field(repr=False)
    size: int
    clock: Callable[[], datetime]
    place: Place
    notes: Counter[str] = field(default_factory=Counter)
    gap: str | None = None  # why what lies before the next event may not have been seen
    gap_from: datetime | None = None  # an event from before it shows that there is no gap
    items: list[Mapping[str, Any]] = field(default_factory=list, repr=False)
    own: set[str] = field(default_factory=set, repr=False)
    subjects: dict[str, object] = field(default_factory=dict, repr=False)
    recent: dict[bytes, datetime] = field(default_factory=dict, repr=False)
    covered: list[Coverage] = field(default_factory=list)
    covered_to: datetime = field(init=False)
    scanned_count: int = 0
    moves_count: int = 0
    began: float = field(default_factory=monotonic)

    def __post_init__(self) -> None:
        """Go on where the stored position ends."""
        self.covered_to = self.place.witnessed_at or self.query.since

    def take(self, event: Event, host: str) -> bool:
        """Move on to an event and keep it if it is wanted and new.

        False, and nothing happens, where the page has to be handed over before it.

        Raises:
            Renumbered: the host counts anew.
        """
        is_next = self.place.is_next(event, host)
        if self.gap is not None:
            self.close_gap(event.witnessed_at)
        about = self._about(event)
        identity = b"" if about is None else _identity(event)
        is_new = about is not None and self._is_new(event, identity)
        if about is not None and is_new and self._holds_other_than(*about):
            return False
        if is_next:
            self.place.move(event, host)
            self.moves_count += 1
        self.scanned_count += 1
        if about is not None:
            self.place.keep(event, identity)
            if is_new:
                self.recent[identity] = event.witnessed_at
                self._keep(event, *about)
        return True

    def put_aside(self, fault: Fault) -> None:
        """Keep of a bad frame its rule and its shape."""
        shape = set_aside(fault.rule, fault.frame)
        self.items.append({"$type": FAULT, "fault": shape.rule, "skeleton": shape.skeleton})

    def doubt(self, reason: str, *, is_certain: bool = True) -> None:
        """Expect a gap behind the last event, unless the next one reaches back to it.

        Where nothing was read before and nobody said so, a minute without an event is no gap.
        """
        begin = self.query.since if is_certain else self.query.since + OVERLAP
        self.gap, self.gap_from = reason, self.place.witnessed_at or begin

    def close_gap(self, until: datetime) -> None:
        """Write down what was not seen between the last event and `until`."""
        if self.gap is not None and self.gap_from is not None and until > self.gap_from:
            self._cover(self.place.witnessed_at)
            self.covered.append(Coverage(self.covered_to, until, "gap", self.gap))
            self.covered_to = until
        self.gap = self.gap_from = None

    @property
    def is_full(self) -> bool:
        """Tell whether the page has to be handed over before the next event."""
        return len(self.items) >= self.size or self.scanned_count >= self.size * SCAN_PAGES

    @property
    def is_due(self) -> bool:
        """Tell whether a stream without end has to store what it has."""
        is_begun = self.scanned_count > 0 or bool(self.items)
        return is_begun and monotonic() - self.began >= FLUSH_SECONDS

    def hand_over(self, seen_to: datetime | None) -> RawPage | None:
        """Close the page, seen up to `seen_to`, and begin the next; None where it says nothing."""
        self._cover(seen_to)
        self.began = monotonic()
        is_noted = bool(self.notes.keys() - {REQUESTS})
        if not (self.items or self.covered or self.scanned_count or is_noted):
            return None
        page = RawPage(
            platform="bluesky",
            source=self.query.source,
            stream=self.query.stream,
            venue=self.query.venue,
            observed_at=self.clock(),
            items=tuple(self.items),
            position=self.place.position(),
            covered=tuple(self.covered),
            requests_count=self.notes.pop(REQUESTS, 0),
            scanned_count=self.scanned_count,
            notes=dict(self.notes),
        )
        self.items, self.covered, self.own, self.subjects = [], [], set(), {}
        self.scanned_count = 0
        self.notes.clear()
        self._forget()
        return page

    def _cover(self, seen_to: datetime | None) -> None:
        if seen_to is not None and seen_to > self.covered_to:
            self.covered.append(Coverage(self.covered_to, seen_to))
            self.covered_to = seen_to

    def _is_new(self, event: Event, identity: bytes) -> bool:
        return identity not in self.recent and not self.place.has_kept(event, identity)

    def _holds_other_than(self, subject: str, state: object) -> bool:
        return subject in self.subjects and self.subjects[subject] != state

    def _keep(self, event: Event, subject: str, state: object) -> None:
        payload = event.payload
        self.items.append(payload)
        if subject:
            self.subjects[subject] = state
        if payload.get("collection") == POST_COLLECTION and payload.get("operation") != "delete":
            self.own.add(subject)  # its replies may stand in this very page
            self.subjects[str(payload["did"])] = state

    def _forget(self) -> None:
        """Let go of what no host will tell again."""
        last = self.place.witnessed_at
        for identity, witnessed_at in list(self.recent.items()):
            is_near = last is None or witnessed_at >= last - 2 * OVERLAP
            if is_near and len(self.recent) <= _REMEMBERED_COUNT:
                break
            del self.recent[identity]

    def _about(self, event: Event) -> tuple[str, object] | None:
        """Name whom or what a wanted event is about and what it says; None where nobody asked.

        What befalls an account always passes, and so does what is malformed; that names nobody.
        """
        payload = event.payload
        kind = payload.get("$type")
        if kind == ACCOUNT:
            return _account_state(payload)
        collection = payload.get("collection")
        if kind != COMMIT or (isinstance(collection, str) and collection not in COLLECTIONS):
            return None
        uri = commit_uri(payload)
        if uri is None:
            return "", event.number
        if uri.collection in DECLARATION_COLLECTIONS:
            return str(uri), event.number
        if uri.collection == PROFILE_COLLECTION:
            return (uri.did, event.number) if is_signed_in_only(payload) else None
        return (str(uri), event.number) if self._is_wanted_post(payload, uri) else None

    def _is_wanted_post(self, event: Mapping[str, Any], uri: RecordUri) -> bool:
        if event.get("operation") == "delete":
            return True
        given = event.get("record")
        record = given if isinstance(given, Mapping) else {}
        return self.wanted.lets_through(str(uri), uri.did, record, also=self.own)


def _account_state(payload: Mapping[str, Any]) -> tuple[str, object]:
    did, account = payload.get("did"), payload.get("account")
    told = account if isinstance(account, Mapping) else {}
    state = (told.get("active"), told.get("status"))
    return (did if isinstance(did, str) else "", state)


def _identity(event: Event) -> bytes:
    """Tell an event from every other by what it says, whichever host says it."""
    payload = event.payload
    kind = str(payload.get("$type")).rpartition("#")[2]
    inner = payload.get(kind)
    what: object = event.number
    if kind == "commit" and isinstance(payload.get("rev"), str):
        what = [payload.get(key) for key in ("rev", "collection", "rkey", "operation")]
    elif isinstance(inner, Mapping) and isinstance(inner.get("time"), str):
        what = inner
    return orjson.dumps([kind, payload.get("did"), what])
