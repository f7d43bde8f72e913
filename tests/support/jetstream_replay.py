"""A Jetstream that keeps a history and misbehaves as far as its protocol lets it. Seeded.

Each account's events come in order; those of different accounts change places. What was sent may
come again, and lines break. Another host tells the same in another order, by other numbers.
"""

import random
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import ServerConnection, serve
from websockets.typing import Subprotocol

from tests.support.jetstream_script import error, frame, microseconds, v1

TIMES_FROM: Final = 10**15
Payload = Mapping[str, Any]


@dataclass(slots=True)
class Mishaps:
    """What goes wrong, and when: after so many events that all hosts sent together."""

    seed: int
    cuts: list[int] = field(default_factory=list)
    repeats_share: float = 0.0
    window: int = 1
    sent_count: int = 0
    broken_count: int = 0
    lines_count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def is_cut(self) -> bool:
        """Count an event, and tell whether the line breaks behind it."""
        with self._lock:
            self.sent_count += 1
            is_cut = self.sent_count in self.cuts
            self.broken_count += is_cut
            return is_cut

    def dice(self) -> random.Random:
        """Give each line dice of its own."""
        with self._lock:
            self.lines_count += 1
            return random.Random(f"{self.seed}/{self.lines_count}")


def told_otherwise(history: Sequence[Payload], seed: int, *, ahead: timedelta) -> list[Payload]:
    """Tell a history as another host would: other order, other numbers, another clock."""
    dice = random.Random(seed)
    number, clock, told = dice.randrange(10_000, 20_000), None, []
    for payload in jumbled(history, dice, window=6):
        number += dice.choice((1, 1, 2, 7))
        own = datetime.fromisoformat(payload["witnessedAt"]) + ahead
        clock = own if clock is None else max(own, clock + timedelta(microseconds=1))
        time = clock.isoformat(timespec="microseconds").replace("+00:00", "Z")
        told.append({**payload, "seq": number, "time": time, "witnessedAt": time})
    return told


def jumbled(events: Sequence[Payload], dice: random.Random, *, window: int) -> Iterator[Payload]:
    """Let events of different accounts change places, none further than `window`."""
    waiting = list(events)
    delays = 0  # of the first in line
    while waiting:
        place = 0 if delays >= window else dice.randrange(min(window, len(waiting)))
        did = waiting[place]["did"]
        place = next(n for n, one in enumerate(waiting) if one["did"] == did)
        delays = 0 if place == 0 else delays + 1
        yield waiting.pop(place)


@contextmanager
def replaying_jetstream(
    history: Sequence[Payload], mishaps: Mishaps, *, is_v1: bool = False
) -> Iterator[str]:
    """Serve a history by number or time; its line stays open at the end."""

    def begin(connection: ServerConnection, request: Request) -> Response | None:
        is_path = request.path.startswith("/subscribe" if is_v1 else "/xrpc/network.bsky.")
        if is_path and "getZstdDictionary" not in request.path:
            return None
        return Response(404, "Not Found", Headers({"Content-Length": "0", "Connection": "close"}))

    def play(connection: ServerConnection) -> None:
        request = connection.request
        assert request is not None
        [cursor] = parse_qs(urlsplit(request.path).query)["cursor"]
        rest = [one for one in history if _number(one, int(cursor)) >= int(cursor)]
        with suppress(ConnectionClosed, OSError):
            _send(connection, rest, mishaps, v1 if is_v1 else frame)
            list(connection)

    server = serve(
        play,
        "127.0.0.1",
        0,
        process_request=begin,
        subprotocols=None if is_v1 else [Subprotocol("xrpc.v1.json")],
        compression=None,
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
    finally:
        server.shutdown()
        thread.join()


def _number(payload: Payload, cursor: int) -> int:
    if cursor < TIMES_FROM:
        return int(payload["seq"])
    return microseconds(datetime.fromisoformat(payload["witnessedAt"]))


def _send(
    connection: ServerConnection,
    events: Sequence[Payload],
    mishaps: Mishaps,
    write: Callable[[Payload], str],
) -> None:
    dice = mishaps.dice()
    sent: list[Payload] = []
    for payload in jumbled(events, dice, window=mishaps.window):
        connection.send(write(payload))
        sent.append(payload)
        if dice.random() < mishaps.repeats_share:
            connection.send(write(dice.choice(sent[-20:])))
        if mishaps.is_cut():
            _break(connection, dice)
            return


def _break(connection: ServerConnection, dice: random.Random) -> None:
    """End a line in one of the ways in which lines end."""
    how = dice.randrange(4)
    if how == 0:  # in the middle of a message
        connection.socket.sendall(b'\x81\x7e\x02\x00{"half of')
        connection.socket.shutdown(socket.SHUT_RDWR)
    elif how == 1:
        connection.socket.shutdown(socket.SHUT_RDWR)
    elif how == 2:
        connection.send(error("ConsumerTooSlow"))
        connection.close(1008)
    else:
        connection.close(dice.choice((1000, 1001, 1012)))
