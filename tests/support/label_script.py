"""A labeler that does what a test tells it, connection by connection, over the true wire."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import libipld
from websockets.sync.server import ServerConnection, serve

CUT = b"cut"
WAIT_SECONDS = 60.0
LABELER = "did:plc:labe1er1abe1er1abe1er1ab"


def labels(seq: int, *entries: Mapping[str, Any]) -> bytes:
    """Write a frame of labels, as a labeler packs it."""
    common = {"src": LABELER, "val": "!takedown", "cts": "2026-02-01T10:00:00.000Z", "ver": 1}
    body = {"seq": seq, "labels": [common | dict(entry) for entry in entries]}
    return _framed({"op": 1, "t": "#labels"}, body)


def info(name: str) -> bytes:
    """Write an advisory frame."""
    return _framed({"op": 1, "t": "#info"}, {"name": name})


def error(name: str) -> bytes:
    """Write an error frame, after which a server closes."""
    return _framed({"op": -1}, {"error": name, "message": "told to"})


def _framed(header: Mapping[str, Any], body: Mapping[str, Any]) -> bytes:
    return bytes(libipld.encode_dag_cbor(header)) + bytes(libipld.encode_dag_cbor(body))


@dataclass(slots=True)
class ScriptedLabeler:
    """A labeler: its address, and the cursor of each connection."""

    url: str
    cursors: list[int] = field(default_factory=list)


@contextmanager
def scripted_labeler(*connections: Sequence[bytes | Event]) -> Iterator[ScriptedLabeler]:
    """Serve the scripts in turn; a script that ends leaves its connection open and quiet.

    At an event it waits until that is set.
    """
    scripts = list(connections)
    cursors: list[int] = []

    def play(connection: ServerConnection) -> None:
        assert connection.request is not None
        asked = parse_qs(urlsplit(connection.request.path).query)
        cursors.append(int(asked["cursor"][0]))
        for frame in scripts.pop(0) if scripts else ():
            if isinstance(frame, Event):
                frame.wait(WAIT_SECONDS)
                continue
            if frame == CUT:
                connection.socket.shutdown(socket.SHUT_RDWR)
                return
            connection.send(frame)
        for _ in connection:  # until the client leaves
            pass

    server = serve(play, "127.0.0.1", 0, compression=None)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield ScriptedLabeler(f"ws://127.0.0.1:{server.socket.getsockname()[1]}", cursors)
    finally:
        server.shutdown()
        thread.join()
