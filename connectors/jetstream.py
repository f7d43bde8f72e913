"""Bluesky's stream of events, over Jetstream's v2 wire, without loss.

Source: see `jetstream_wire`. Order: the host's own sequence numbers, inclusive at the cursor,
with gaps. Units: `witnessedAt` is the host's clock, UTC, and the only position that another
host understands. Limits: hosts keep about 36 hours; what lies further back is a gap row. A
`#sync` event (an account's records must be read anew) is not asked for: refresh does that.
The position is ours and is stored with the rows, so an event may come twice but never not.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from threading import Event as Flag
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from connectors.jetstream_filter import EventFilter
from connectors.jetstream_page import Filling, stored_place
from connectors.jetstream_parse import parse_events, post_authors
from connectors.jetstream_wire import (
    Advice,
    CursorTooOld,
    Fault,
    Interrupted,
    opened,
    read_frame,
)
from schema.errors import BadInput, SourceUnavailable
from schema.pages import CollectionQuery, RawPage

__all__ = ["EventFilter", "fetch_event_pages", "parse_events", "post_authors"]

BACKOFF_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
FIRST_FRAME_FACTOR: Final = 5  # a host needs longer for its first frame than for the next
HEALTHY_SECONDS: Final = 60.0  # a connection that stood so long has not failed
_STEP_SECONDS = 0.5  # how long a stop may take
_STARTED_ELSEWHERE = frozenset({"OutdatedCursor", "FutureCursor"})


def fetch_event_pages(
    urls: Sequence[str],
    query: CollectionQuery,
    *,
    wanted: EventFilter,
    page_size: int = 500,
    idle_seconds: float | None = None,
    stop: Flag | None = None,
    clock: Callable[[], datetime] | None = None,
    backoff_seconds: Sequence[float] = BACKOFF_SECONDS,
) -> Iterator[RawPage]:
    """Yield what `wanted` lets through since the stored position, in the order it happened.

    With `idle_seconds` it ends at `query.now`, or when the live tip has been quiet so long;
    with None it runs until `stop` is set. Deletions and closed accounts always pass. A lost
    connection is dialled again where it broke off, the next host next. `clock` tells the time
    of a long run; without it the time is `query.now`.

    Raises:
        BadInput: there is no host to ask.
        SourceRefused: a host will not have us.
        SourceUnavailable: no host answered in `len(backoff_seconds)` further tries.
    """
    if not urls:
        raise BadInput(f"{query.source}: no Jetstream host is named: name one")
    now = clock if clock is not None else lambda: query.now
    page = Filling(query, wanted, page_size, now, stored_place(query))
    reading = _Reading(page, stop if stop is not None else Flag(), idle_seconds)
    yield from reading.pages(urls, backoff_seconds)


@dataclass(slots=True)
class _Reading:
    """One pass over the stream, connection after connection."""

    page: Filling
    stop: Flag
    idle_seconds: float | None
    is_at_tip: bool = False
    has_moved: bool = False

    def pages(self, urls: Sequence[str], backoff_seconds: Sequence[float]) -> Iterator[RawPage]:
        """Dial until done; what was read before a failure is handed over first."""
        hosts = sorted(urls, key=lambda url: _host(url) != self.page.place.host)  # the last first
        failures = dials = 0
        while not self._is_over():
            reason, self.has_moved = "a closed connection", False
            try:
                yield from self._connection(hosts[dials % len(hosts)])
            except Interrupted as error:
                reason = str(error)
            failures = 0 if self.has_moved else failures
            if self._is_over():
                break
            if failures == len(backoff_seconds):
                yield from self._hand_over()
                raise SourceUnavailable(
                    f"{self.page.query.source}: Jetstream failed {failures + 1} times running, "
                    f"the last time with {reason}: look at platforms.bluesky.jetstream "
                    "and your network, or run again later"
                )
            self.stop.wait(backoff_seconds[failures])
            failures, dials = failures + 1, dials + 1
        if self.is_at_tip and self.page.gap is not None:
            self.page.close_gap(self.page.clock())  # nothing came behind it
        yield from self._hand_over()

    def _connection(self, url: str) -> Iterator[RawPage]:
        """Read one connection until it breaks, the pass is over, or it has to stop."""
        opened_at = monotonic()
        with ExitStack() as stack:
            socket = self._dial(stack, url)
            try:
                yield from self._frames(socket, _host(url))
            except ConnectionClosed as error:
                code = error.rcvd.code if error.rcvd is not None else "no word"
                raise Interrupted(f"close code {code}") from None
            finally:
                self.has_moved |= monotonic() - opened_at >= HEALTHY_SECONDS

    def _dial(self, stack: ExitStack, url: str) -> ClientConnection:
        """Connect by number; where that is too old by time, then at the live tip."""
        page, host = self.page, _host(url)
        for is_tip in (False, False, True):
            cursor = None if is_tip else page.place.cursor(host, page.query.since)
            page.requests_count += 1
            try:
                return stack.enter_context(opened(url, cursor, source=page.query.source))
            except CursorTooOld:
                page.gap = "CursorTooOld"
                page.place.seq = None
        raise Interrupted("CursorTooOld")

    def _frames(self, socket: ClientConnection, host: str) -> Iterator[RawPage]:
        quiet_seconds, patience = 0.0, FIRST_FRAME_FACTOR
        step = min(_STEP_SECONDS, self.idle_seconds or _STEP_SECONDS)
        while not self._is_over():
            try:
                raw = socket.recv(timeout=step, decode=False)
            except TimeoutError:
                quiet_seconds += step
                if self.idle_seconds is not None:
                    self.is_at_tip = quiet_seconds >= self.idle_seconds * patience
            else:
                quiet_seconds, patience = 0.0, 1
                self._take(raw, host)
            if self.page.is_full(is_endless=self.idle_seconds is None):
                yield from self._hand_over()

    def _take(self, raw: bytes, host: str) -> None:
        """Handle one frame; an event from after the pass began ends the pass."""
        frame, page = read_frame(raw), self.page
        if isinstance(frame, Fault):
            page.put_aside(frame)
        elif isinstance(frame, Advice):
            if frame.name in _STARTED_ELSEWHERE:
                page.gap, page.place.seq = frame.name, None
        elif self.idle_seconds is not None and frame.witnessed_at > page.query.now:
            self.is_at_tip = True
        else:
            self.has_moved |= page.take(frame, host)

    def _hand_over(self) -> Iterator[RawPage]:
        seen_to = self.page.clock() if self.is_at_tip else self.page.place.witnessed_at
        page = self.page.hand_over(None if self.page.gap else seen_to)
        if page is not None:
            yield page

    def _is_over(self) -> bool:
        return self.is_at_tip or self.stop.is_set()


def _host(url: str) -> str:
    return urlsplit(url).netloc
