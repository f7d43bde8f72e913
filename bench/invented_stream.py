"""A loopback Jetstream that sends an invented full firehose faster than anybody reads it.

Mix: the kinds and collections of the 75 recorded events of the public network, 80 % of them likes.
Frames are put together before they are asked for, save for their numbers and times.
`python -m bench.invented_stream` prints its port, then serves one client after another.
"""

import random
import select
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any, Final

import orjson
from websockets.http11 import Request
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

METHOD: Final = "network.bsky.jetstream.subscribeEvents"
POST: Final = "app.bsky.feed.post"
BEGIN: Final = datetime(2026, 2, 1, tzinfo=UTC)
EVENTS_A_SECOND: Final = 2_000  # by the clock that the events tell
MIX: Final = (  # kind, collection, operation, how many of 75
    ("commit", "app.bsky.feed.like", "create", 60),
    ("commit", "app.bsky.feed.repost", "create", 5),
    ("commit", "app.bsky.graph.follow", "create", 3),
    ("commit", POST, "create", 3),
    ("commit", "app.bsky.graph.block", "create", 1),
    ("commit", "app.bsky.actor.status", "update", 1),
    ("commit", POST, "delete", 1),
    ("identity", "", "", 1),
)
KEYWORDS: Final = tuple(f"umbrella{n}" for n in range(10))
KEPT_SHARE: Final = 1 / 50  # of the posts hold a keyword
WORDS: Final = ("a", "day", "night", "feel", "tired", "work", "home", "today", "with", "people")
ROUND: Final = 75 * 400  # templates
BLOCK: Final = 4_000  # events sent at once
FIRST: Final = 1_000_000_000
SEQ, TIME, KEY = "0000000000", "2026-02-01T00:00:00.000000Z", "3k0000000000"


def templates() -> list[tuple[bytes, ...]]:
    """Write frames with places for number, time (twice) and record key, cut at the places."""
    dice = random.Random(1)
    drawn = dice.choices(MIX, [share for *_, share in MIX], k=ROUND)
    return [_pieces(_payload(dice, *kind)) for *kind, _ in drawn]


def _payload(dice: random.Random, kind: str, collection: str, operation: str) -> dict[str, Any]:
    did = f"did:plc:{dice.randrange(32**12):024d}"
    head = {"$type": f"{METHOD}#{kind}", "seq": SEQ, "did": did, "time": TIME, "witnessedAt": TIME}
    if kind == "identity":
        inner = {"did": did, "seq": 1, "time": "2026-01-31T23:59:59Z"}
        return head | {"identity": inner | {"handle": "x.invented.example"}}
    body = {"rev": "3n2xdgb5oj22x", "operation": operation, "collection": collection, "rkey": KEY}
    if operation != "delete":
        body |= {"record": _record(dice, collection), "cid": _cid(dice)}
    return head | body


def _record(dice: random.Random, collection: str) -> dict[str, Any]:
    record: dict[str, Any] = {"$type": collection, "createdAt": "2026-02-01T00:00:00.000Z"}
    if collection == POST:
        words = dice.choices(WORDS, k=dice.randrange(4, 45))
        if dice.random() < KEPT_SHARE:
            words.append(dice.choice(KEYWORDS))
        return record | {"text": " ".join(words), "langs": ["en"]}
    uri = f"at://did:plc:{dice.randrange(32**12):024d}/{POST}/3k{dice.randrange(10**10):010d}"
    return record | {"subject": {"uri": uri, "cid": _cid(dice)}}


def _cid(dice: random.Random) -> str:
    return f"bafyrei{dice.randrange(10**52):052d}"


def _pieces(payload: dict[str, Any]) -> tuple[bytes, ...]:
    text = orjson.dumps({"$type": "message", "payload": payload})
    text = text.replace(f'"{SEQ}"'.encode(), SEQ.encode())
    size = len(text)
    head = struct.pack("!BBH", 0x81, 126, size)
    before, _, rest = text.partition(SEQ.encode())
    first, second, third = rest.split(TIME.encode())
    third, key, last = third.partition(f'"{KEY}"'.encode())
    return (head + before, first, second, third + key[:3], key[-1:] + last)


def blocks() -> Iterator[bytes]:
    """Yield framed events for ever, about 4,000 at a time."""
    pieces, seq = templates(), FIRST
    while True:
        for start in range(0, len(pieces), BLOCK):
            some = pieces[start : start + BLOCK]
            yield b"".join(_filled(one, number) for number, one in enumerate(some, start=seq))
            seq += BLOCK


def _filled(pieces: tuple[bytes, ...], seq: int) -> bytes:
    head, first, second, third, last = pieces
    number = b"%010d" % seq
    time = _time(seq)
    key = number if third[-3:-2] == b'"' else b""
    return b"%b%b%b%b%b%b%b%b%b" % (head, number, first, time, second, time, third, key, last)


_seconds: dict[int, bytes] = {}


def _time(seq: int) -> bytes:
    second, rest = divmod(seq - FIRST, EVENTS_A_SECOND)
    if second not in _seconds:
        _seconds.clear()
        moment = BEGIN + timedelta(seconds=second)
        _seconds[second] = moment.strftime("%Y-%m-%dT%H:%M:%S.").encode()
    return _seconds[second] + b"%06dZ" % (rest * (10**6 // EVENTS_A_SECOND))


def serve(server: socket.socket, ready_blocks: int = 64) -> None:
    """Serve clients in turn, each from the beginning; whatever is not the stream is unknown."""
    while True:
        stream = blocks()
        ready = [next(stream) for _ in range(ready_blocks)]
        line, _ = server.accept()
        with line, suppress(OSError):  # it left
            protocol = _opened(line)
            if protocol is not None:
                for block in chain(ready, stream):
                    line.sendall(block)
                    _heed(line, protocol)


def _opened(line: socket.socket) -> ServerProtocol | None:
    protocol = ServerProtocol(subprotocols=[Subprotocol("xrpc.v1.json")])
    asked = line.recv(65_536)
    if METHOD.encode() not in asked:
        line.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        return None
    protocol.receive_data(asked)
    [request] = protocol.events_received()
    assert isinstance(request, Request)
    protocol.send_response(protocol.accept(request))
    line.sendall(b"".join(protocol.data_to_send()))
    return protocol


def _heed(line: socket.socket, protocol: ServerProtocol) -> None:
    """Answer pings; a client that says goodbye is let go."""
    while select.select([line], [], [], 0)[0]:
        said = line.recv(65_536)
        if not said:
            raise ConnectionResetError
        protocol.receive_data(said)
        line.sendall(b"".join(protocol.data_to_send()))


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        serve(server)
