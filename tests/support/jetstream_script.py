"""A Jetstream host that does what a test tells it, connection by connection, and its frames.

It speaks v2 unless told otherwise, and serves no dictionary unless it is given some.
"""

import json
import socket
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any, Final, Literal
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve
from websockets.typing import Subprotocol

from connectors.jetstream_wire import METHOD
from schema.pages import CollectionQuery

SINCE: Final = datetime(2026, 1, 5, tzinfo=UTC)
NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
BEGIN: Final = datetime(2026, 2, 1, 12, tzinfo=UTC)
WRITER: Final = "did:plc:wr1terwr1terwr1terwr1ter"
OTHER: Final = "did:plc:0ther0ther0ther0ther0the"
POSTS: Final = "app.bsky.feed.post"
PROFILES: Final = "app.bsky.actor.profile"
DICTIONARY: Final = "network.bsky.jetstream.getZstdDictionary"


@dataclass(frozen=True, slots=True)
class Close:
    """End the connection with a closing frame."""

    code: int


@dataclass(frozen=True, slots=True)
class Cut:
    """End the connection without a word."""


@dataclass(frozen=True, slots=True)
class Deny:
    """Refuse the connection before it begins."""

    status: int
    error: str = ""
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Do:
    """Let the test act at this point."""

    action: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Ping:
    """Ask for a sign of life and wait for it."""


@dataclass(frozen=True, slots=True)
class Pieces:
    """Send one message in several frames."""

    parts: Sequence[str]


Step = str | bytes | Close | Cut | Deny | Do | Ping | Pieces
Wire = Literal["v1", "v2"]


@dataclass(slots=True)
class ScriptedHost:
    """A host: its address, what each connection asked for, and what clients did on them."""

    url: str = ""
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    pongs_count: int = 0
    said: list[str | bytes] = field(default_factory=list)

    @property
    def cursors(self) -> list[int | None]:
        """The cursor of each connection, in order."""
        return [int(query["cursor"][0]) if "cursor" in query else None for query in self.asked]


@dataclass(slots=True)
class _Stage:
    """The scripts that are left, and what the host tells of itself."""

    host: ScriptedHost
    scripts: list[Sequence[Step]]
    wires: Collection[Wire]
    dictionaries: list[bytes | Deny]
    running: dict[str, Sequence[Step]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a request that opens no stream, or choose the next script."""
        parts = urlsplit(request.path)
        with self.lock:
            self.host.paths.append(parts.path)
            if parts.path.endswith(DICTIONARY):
                return self._dictionary()
            wire: Wire = "v1" if parts.path.endswith("/subscribe") else "v2"
            if wire not in self.wires:
                return _denial(Deny(404, "NotFound"))
            self.host.asked.append(parse_qs(parts.query))
            self.host.arrived.append(monotonic())
            script = self.scripts.pop(0) if self.scripts else [Deny(503)]
            self.running[str(connection.id)] = script
        first = script[0] if script else None
        return _denial(first) if isinstance(first, Deny) else None

    def _dictionary(self) -> Response:
        if not self.dictionaries:
            return _denial(Deny(404, "MethodNotImplemented"))
        given = self.dictionaries[0] if len(self.dictionaries) == 1 else self.dictionaries.pop(0)
        if isinstance(given, Deny):
            return _denial(given)
        headers = Headers({"Content-Length": str(len(given)), "Connection": "close"})
        return Response(200, "OK", headers, given)

    def play(self, connection: ServerConnection) -> None:
        """Play a connection's script, then wait until the client leaves."""
        for step in self.running[str(connection.id)]:
            if isinstance(step, str | bytes):
                connection.send(step)
            elif isinstance(step, Pieces):
                connection.send(iter(step.parts))
            elif isinstance(step, Do):
                step.action()
            elif isinstance(step, Ping):
                self.host.pongs_count += connection.ping().wait(10)
            elif isinstance(step, Close):
                connection.close(step.code)
                return
            elif isinstance(step, Cut):
                connection.socket.shutdown(socket.SHUT_RDWR)
                return
        with suppress(ConnectionClosed):
            self.host.said += list(connection)


@contextmanager
def scripted_jetstream(
    *connections: Sequence[Step],
    wires: Collection[Wire] = ("v2",),
    dictionaries: Sequence[bytes | Deny] = (),
) -> Iterator[ScriptedHost]:
    """Serve the scripts in turn; a script that ends leaves its connection open and quiet.

    When no script is left the host answers 503. A path of a wire that is not spoken is unknown.
    Dictionaries are handed out in turn, the last one again and again.
    """
    stage = _Stage(ScriptedHost(), list(connections), wires, list(dictionaries))
    with _serving(stage) as server:
        port = server.socket.getsockname()[1]
        stage.host.url = f"ws://127.0.0.1:{port}/xrpc"
        yield stage.host


@contextmanager
def _serving(stage: _Stage) -> Iterator[Server]:
    server = serve(
        stage.play,
        "127.0.0.1",
        0,
        process_request=stage.begin,
        subprotocols=[Subprotocol("xrpc.v1.json")],
        select_subprotocol=lambda _, offered: next(iter(offered), None),
        compression=None,
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()


def _denial(denied: Deny) -> Response:
    body = json.dumps({"error": denied.error, "message": "told to"}).encode()
    headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body))})
    headers["Connection"] = "close"
    if denied.retry_after is not None:
        headers["Retry-After"] = denied.retry_after
    return Response(denied.status, "Denied", headers, body)


def at(seq: int) -> datetime:
    """Tell when the host witnessed an event: one a second."""
    return BEGIN + timedelta(seconds=seq)


def uri(rkey: str, did: str = WRITER) -> str:
    """Write a post's at-uri."""
    return f"at://{did}/{POSTS}/{rkey}"


def record(text: str = "a plain day", **more: Any) -> dict[str, Any]:
    """Write a post's record."""
    return {"$type": POSTS, "text": text, "createdAt": "2026-02-01T11:59:00.000Z"} | more


def event(kind: str, seq: int, *, did: str = WRITER, **more: Any) -> dict[str, Any]:
    """Write an event's payload."""
    time = at(seq).isoformat().replace("+00:00", ".000000Z")
    common = {"seq": seq, "did": did, "time": time, "witnessedAt": time}
    return {"$type": f"{METHOD}#{kind}"} | common | more


def commit(seq: int, operation: str = "create", **more: Any) -> dict[str, Any]:
    """Write a commit of a post whose record key is its number, unless told otherwise."""
    body: dict[str, Any] = {
        "operation": operation,
        "collection": POSTS,
        "rkey": f"k{seq}",
        "rev": f"r{seq}",
    }
    if operation != "delete":
        body |= {"record": record(), "cid": "bafyinvented"}
    return event("commit", seq, **body | more)


def account(seq: int, *, did: str = WRITER, **more: Any) -> dict[str, Any]:
    """Write an account event."""
    return event("account", seq, did=did, account={"did": did, "seq": seq + 900} | more)


def frame(payload: Mapping[str, Any]) -> str:
    """Wrap a payload as the wire does."""
    return json.dumps({"$type": "message", "payload": payload})


def v1(payload: Mapping[str, Any]) -> str:
    """Write an event as the v1 wire does; its time is the payload's."""
    kind = str(payload["$type"]).rpartition("#")[2]
    time = datetime.fromisoformat(payload["witnessedAt"])
    head = {"did": payload["did"], "time_us": microseconds(time), "kind": kind}
    common = {"$type", "seq", "did", "time", "witnessedAt"}
    commit = {key: value for key, value in payload.items() if key not in common}
    return json.dumps(head | ({"commit": commit} if kind == "commit" else commit))


def microseconds(moment: datetime) -> int:
    """Write an instant as a cursor."""
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def info(name: str) -> str:
    """Write an advisory frame."""
    return frame({"$type": f"{METHOD}#info", "name": name, "message": "told to"})


def error(name: str) -> str:
    """Write an error frame."""
    return json.dumps({"$type": "error", "error": name, "message": "told to"})


def query(position: str | None = None, **more: Any) -> CollectionQuery:
    """Ask for the stream as the tests do."""
    given: dict[str, Any] = {
        "source": "words",
        "stream": "words",
        "venue": "network",
        "since": SINCE,
        "now": NOW,
    }
    return CollectionQuery(**given | more, position=position)
