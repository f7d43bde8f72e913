"""A Jetstream host that does what a test tells it, connection by connection, and its frames."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from websockets.datastructures import Headers
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


@dataclass(frozen=True, slots=True)
class Do:
    """Let the test act at this point."""

    action: Callable[[], None]


Step = str | Close | Cut | Deny | Do


@dataclass(slots=True)
class ScriptedHost:
    """A host: its address, and what each connection asked for."""

    url: str
    asked: list[dict[str, list[str]]] = field(default_factory=list)

    @property
    def cursors(self) -> list[int | None]:
        """The cursor of each connection, in order."""
        return [int(query["cursor"][0]) if "cursor" in query else None for query in self.asked]


@contextmanager
def scripted_jetstream(*connections: Sequence[Step]) -> Iterator[ScriptedHost]:
    """Serve the scripts in turn; a script that ends leaves its connection open and quiet.

    When no script is left the host answers 503.
    """
    scripts = list(connections)
    asked: list[dict[str, list[str]]] = []
    running: dict[str, Sequence[Step]] = {}
    lock = threading.Lock()

    def begin(connection: ServerConnection, request: Request) -> Response | None:
        with lock:
            asked.append(parse_qs(urlsplit(request.path).query))
            script = scripts.pop(0) if scripts else [Deny(503)]
            running[str(connection.id)] = script
        first = script[0] if script else None
        if not isinstance(first, Deny):
            return None
        body = json.dumps({"error": first.error, "message": "told to"}).encode()
        headers = Headers({"Content-Type": "application/json", "Content-Length": str(len(body))})
        return Response(first.status, "Denied", headers, body)

    def play(connection: ServerConnection) -> None:
        for step in running[str(connection.id)]:
            if isinstance(step, str):
                connection.send(step)
            elif isinstance(step, Do):
                step.action()
            elif isinstance(step, Close):
                connection.close(step.code)
                return
            elif isinstance(step, Cut):
                connection.socket.shutdown(socket.SHUT_RDWR)
                return
        for _ in connection:  # until the client leaves
            pass

    with _serving(play, begin) as server:
        port = server.socket.getsockname()[1]
        yield ScriptedHost(f"ws://127.0.0.1:{port}/xrpc", asked)


@contextmanager
def _serving(
    play: Callable[[ServerConnection], None],
    begin: Callable[[ServerConnection, Request], Response | None],
) -> Iterator[Server]:
    server = serve(
        play,
        "127.0.0.1",
        0,
        process_request=begin,
        subprotocols=[Subprotocol("xrpc.v1.json")],
        compression=None,
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()


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
