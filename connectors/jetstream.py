"""Bluesky's stream of events, over Jetstream's two wires, without loss.

Source: see `jetstream_wire` and `jetstream_v1`. Order: the host's own, within each account; numbers
have gaps. Units: `witnessedAt` is the host's clock, UTC, and the only position that another
host understands. Limits: hosts keep about 36 hours; what lies further back is a gap row. The
position is ours and is stored with the rows, so an event may come twice but never not.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event as Flag
from time import monotonic
from typing import Final

from connectors.jetstream_filter import EventFilter
from connectors.jetstream_host import Connection, CursorTooOld, Host
from connectors.jetstream_page import Filling
from connectors.jetstream_parse import parse_events, post_authors
from connectors.jetstream_place import Renumbered, stored_place
from connectors.jetstream_socket import Interrupted
from connectors.jetstream_wire import Advice, Event, Fault, Told
from schema.errors import BadInput, SourceRefused, SourceUnavailable
from schema.pages import CollectionQuery, RawPage

__all__ = ["EventFilter", "fetch_event_pages", "parse_events", "post_authors"]

BACKOFF_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
FIRST_FRAME_FACTOR: Final = 5  # a host needs longer for its first frame than for the next
HEALTHY_SECONDS: Final = 60.0  # a connection that stood so long has not failed
WAIT_SECONDS_MAX: Final = 300.0  # who wants to be left alone for longer is asked another day
CLAMPED: Final = "clamped without notice"
_STEP_SECONDS = 0.5  # how long a stop may take


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
    with None it runs until `stop` is set. Deletions and what befalls accounts always pass. A lost
    connection is dialled again where it broke off, the next host next. `clock` tells the time
    of a long run; without it the time is `query.now`.

    Raises:
        BadInput: there is no host to ask.
        SourceRefused: no host will have us.
        SourceUnavailable: no host answered in `len(backoff_seconds)` further tries.
    """
    if not urls:
        raise BadInput(f"{query.source}: no Jetstream host is named: name one")
    now = clock if clock is not None else lambda: query.now
    page = Filling(query, wanted, page_size, now, stored_place(query))
    hosts = [Host(url, query.source, page.notes) for url in urls]
    hosts.sort(key=lambda host: host.name != page.place.host)  # the one that was read last first
    reading = _Reading(page, hosts, stop if stop is not None else Flag(), idle_seconds)
    yield from reading.pages(backoff_seconds)


@dataclass(slots=True)
class _Reading:
    """One pass over the stream, connection after connection."""

    page: Filling
    hosts: list[Host]
    stop: Flag
    idle_seconds: float | None
    is_at_tip: bool = False
    not_before: dict[str, float] = field(default_factory=dict)

    def pages(self, backoff_seconds: Sequence[float]) -> Iterator[RawPage]:
        """Dial until done; what was read before a failure is handed over first."""
        failures = 0
        while not self._is_over():
            host, moves_count, opened_at = self.hosts[0], self.page.moves_count, monotonic()
            try:
                yield from self._connection(host)
                reason = "a closed connection"
            except Renumbered as error:  # it is asked again, by time
                reason = str(error)
                self.page.doubt(reason)
                self.page.place.forget_number()
            except Interrupted as error:
                reason = str(error)
                self.not_before[host.name] = monotonic() + error.wait_seconds
                self.hosts.append(self.hosts.pop(0))
            except SourceRefused:
                self.hosts.remove(host)
                if not self.hosts:
                    yield from self._hand_over()
                    raise
                self.page.notes["host refused"] += 1
                continue
            if self._is_over():
                break
            self.page.notes[f"line lost: {reason}"] += 1
            is_healthy = monotonic() - opened_at >= HEALTHY_SECONDS
            failures = 0 if is_healthy or self.page.moves_count > moves_count else failures
            wait_seconds = self._wait_seconds()
            if failures == len(backoff_seconds) or wait_seconds > WAIT_SECONDS_MAX:
                yield from self._hand_over()
                raise self._unavailable(failures + 1, reason, wait_seconds)
            self.stop.wait(max(wait_seconds, backoff_seconds[failures]))
            failures += 1
        if self.is_at_tip and self.page.gap is not None:
            self.page.close_gap(self.page.clock())  # nothing came behind it
        yield from self._hand_over()

    def _connection(self, host: Host) -> Iterator[RawPage]:
        """Read one connection until it breaks, the pass is over, or it has to stop."""
        with ExitStack() as stack:
            connection = self._dial(stack, host)
            yield from self._frames(connection, host.name)

    def _dial(self, stack: ExitStack, host: Host) -> Connection:
        """Connect by number; where that is too old by time, then at the live tip."""
        page = self.page
        for is_tip in (False, False, True):
            cursor = None if is_tip else page.place.cursor(host.name, page.query.since)
            try:
                connection = stack.enter_context(host.opened(cursor))
            except CursorTooOld:
                page.doubt("CursorTooOld")
                page.place.forget_number()
                continue
            if page.gap in {None, CLAMPED}:
                page.gap = None
                if host.wire == "v1":
                    page.doubt(CLAMPED, is_certain=False)
            return connection
        raise Interrupted("CursorTooOld")

    def _frames(self, connection: Connection, host: str) -> Iterator[RawPage]:
        quiet_since, patience = monotonic(), FIRST_FRAME_FACTOR
        step = min(_STEP_SECONDS, self.idle_seconds or _STEP_SECONDS)
        page = self.page
        while not self._is_over():
            messages = connection.line.messages(step)
            if not messages and self.idle_seconds is not None:
                is_late = monotonic() - quiet_since >= self.idle_seconds * patience
                self.is_at_tip = is_late and connection.line.is_quiet()
            for raw in messages:
                if self.stop.is_set():  # many pages may lie in what came at once
                    return
                told = connection.read(raw)
                if not isinstance(told, Event):
                    self._heed(told, host)
                elif self.idle_seconds is not None and told.witnessed_at > page.query.now:
                    self.is_at_tip = True  # it is the next pass's
                    break
                elif not page.take(told, host):
                    yield from self._hand_over()
                    page.take(told, host)
                if page.is_full:
                    yield from self._hand_over()
            if messages:
                quiet_since, patience = monotonic(), 1
            if self.idle_seconds is None and page.is_due:
                yield from self._hand_over()

    def _heed(self, told: Told, host: str) -> None:
        """Handle what is no event."""
        page = self.page
        if isinstance(told, Fault):
            page.put_aside(told)
        elif isinstance(told, Advice) and told.name == "OutdatedCursor":
            page.doubt(told.name)
            page.place.is_unproven = False  # it said so itself
        elif isinstance(told, Advice) and told.name == "FutureCursor":
            if page.place.has_number_of(host):
                raise Renumbered(told.name)
            page.gap = page.gap_from = None  # a time ahead of the host's clock misses nothing

    def _hand_over(self) -> Iterator[RawPage]:
        seen_to = self.page.clock() if self.is_at_tip else self.page.place.witnessed_at
        page = self.page.hand_over(seen_to)
        if page is not None:
            yield page

    def _wait_seconds(self) -> float:
        """Tell how long the next host wants to be left alone."""
        return max(0.0, self.not_before.get(self.hosts[0].name, 0.0) - monotonic())

    def _unavailable(self, times: int, reason: str, wait_seconds: float) -> SourceUnavailable:
        when = f"in {wait_seconds:.0f} seconds" if wait_seconds else "later"
        return SourceUnavailable(
            f"{self.page.query.source}: Jetstream failed {times} times running, "
            f"the last time with {reason}: look at platforms.bluesky.jetstream "
            f"and your network, or run again {when}"
        )

    def _is_over(self) -> bool:
        return self.is_at_tip or self.stop.is_set()
