"""Where a pass over a stream stands, so that any host can go on from there without loss.

A host keeps each account's events in order, not those of different accounts, so a resumed reading
begins a little behind the highest number; what was kept from there on is not kept twice.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zlib import crc32

from connectors.atproto_syntax import iso, utc_time
from connectors.jetstream_wire import EPOCH, Event
from schema.errors import UnexpectedFailure
from schema.pages import CollectionQuery

OVERLAP: Final = timedelta(seconds=60)  # hosts' clocks differ by seconds
TIMES_FROM: Final = 10**15  # a cursor from here on is a time in microseconds, for v1 the number
LATE_NUMBERS: Final = 1_000  # the network counts about so many a second
LATE_MICROSECONDS: Final = 5_000_000
SKEW: Final = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)


class Renumbered(Exception):
    """The host counts anew: what it calls by a lower number happened later. Says how we know."""


@dataclass(slots=True)
class Place:
    """The last event handled, and the host whose numbering it has."""

    host: str | None = None
    number: int | None = None
    witnessed_at: datetime | None = None
    is_unproven: bool = False  # resumed by number, and the last event has not come again yet
    _kept: dict[tuple[int, datetime, int], None] = field(default_factory=dict, repr=False)

    def cursor(self, host: str, since: datetime) -> int:
        """Resume by number on the same host, by time on another, at `since` the first time."""
        self.is_unproven = False
        if self.number is not None and self.has_number_of(host):
            self.is_unproven = self.number < TIMES_FROM
            return max(1, self.number - _late(self.number))
        start = since if self.witnessed_at is None else self.witnessed_at - OVERLAP
        return (start - EPOCH) // _MICROSECOND

    def has_number_of(self, host: str) -> bool:
        """Tell whether the last event's number is one of this host's."""
        return self.number is not None and self.host == host

    def is_next(self, event: Event, host: str) -> bool:
        """Tell whether an event moves the place on; if not it is late, or comes again.

        Raises:
            Renumbered: it is neither; or it is the first of a resumed reading, and later than the
                last one, which had to come again.
        """
        if self.is_unproven:
            self.is_unproven = False
            if self.witnessed_at is not None and event.witnessed_at > self.witnessed_at + SKEW:
                raise Renumbered("numbers do not fit")
        if self.host != host or self.number is None or event.number > self.number:
            return True
        if self.witnessed_at is not None and event.witnessed_at > self.witnessed_at + SKEW:
            raise Renumbered("numbers went back")
        return False

    def move(self, event: Event, host: str) -> None:
        """Move on to an event; the clock never goes back."""
        if self.host != host:
            self._kept.clear()
        self.host, self.number = host, event.number
        if self.witnessed_at is None or event.witnessed_at > self.witnessed_at:
            self.witnessed_at = event.witnessed_at

    def forget_number(self) -> None:
        """Let the host's numbers go: the next reading begins by time."""
        self.number = None
        self._kept.clear()

    def keep(self, event: Event, identity: bytes) -> None:
        """Note that an event was kept."""
        self._kept[event.number, event.witnessed_at, _mark(identity)] = None

    def has_kept(self, event: Event, identity: bytes) -> bool:
        """Tell whether an event was kept already, under the same number."""
        return (event.number, event.witnessed_at, _mark(identity)) in self._kept

    def position(self) -> str | None:
        """Write the place down; None where no number stands for it.

        `kept` are the events behind the place that a resumed reading meets again: how far behind,
        in numbers and in microseconds, and a mark that tells two of one instant apart.
        """
        number, witnessed_at = self.number, self.witnessed_at
        if number is None or witnessed_at is None:
            return None
        floor = number - _late(number)
        self._kept = dict.fromkeys(one for one in self._kept if one[0] >= floor)
        kept = [[number - n, (witnessed_at - at) // _MICROSECOND, m] for n, at, m in self._kept]
        told = {"host": self.host, "seq": number, "witnessed_at": iso(witnessed_at)}
        return json.dumps(told | ({"kept": kept} if kept else {}), separators=(",", ":"))


def stored_place(query: CollectionQuery) -> Place:
    """Read the stored position back.

    Raises:
        UnexpectedFailure: it is none of ours.
    """
    if query.position is None:
        return Place()
    try:
        return _place(json.loads(query.position))
    except (ValueError, TypeError, KeyError, OverflowError):
        raise UnexpectedFailure(f"{query.source}: the stored position cannot be read") from None


def _place(stored: Any) -> Place:
    number, witnessed_at = int(stored["seq"]), utc_time(stored["witnessed_at"])
    if witnessed_at is None:
        raise ValueError
    kept: dict[tuple[int, datetime, int], None] = {
        (number - n, witnessed_at - us * _MICROSECOND, mark): None
        for n, us, mark in stored.get("kept", ())
    }
    return Place(str(stored["host"]), number, witnessed_at, _kept=kept)


def _mark(identity: bytes) -> int:
    """Mark an event: one of 256, so that nobody can be told by it."""
    return crc32(identity) % 256


def _late(number: int) -> int:
    return LATE_MICROSECONDS if number >= TIMES_FROM else LATE_NUMBERS
