"""Jetstream's v2 wire: one connection, and its frames sorted by what they are.

Source: `network.bsky.jetstream.subscribeEvents`, JSON frames. Beneath the SDK, whose client
moves its cursor before an event is handled and drops events whose number is not above it.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

import orjson
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from connectors.atproto_syntax import (
    DECLARATION_COLLECTIONS,
    POST_COLLECTION,
    PROFILE_COLLECTION,
    utc_time,
)
from schema.errors import SourceRefused

METHOD: Final = "network.bsky.jetstream.subscribeEvents"
# identity is of no use to us, yet never left out: a server may tie account events to it
KINDS: Final = ("commit", "identity", "account")
COLLECTIONS: Final = (POST_COLLECTION, PROFILE_COLLECTION, *DECLARATION_COLLECTIONS)
_PROTOCOL = Subprotocol("xrpc.v1.json")
_FRAME_BYTES_MAX = 2**25
_SILENT = logging.Logger("confide.jetstream")  # the library would log whole frames
_SILENT.addHandler(logging.NullHandler())
_MAY_PASS = frozenset({408, 425, 429})


class CursorTooOld(Exception):
    """The host no longer holds the events from the cursor on."""


class Interrupted(Exception):
    """The connection is gone or was refused for now; another may work. Says why, no value."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened on the network; `seq` is the host's own numbering."""

    seq: int
    witnessed_at: datetime
    payload: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Advice:
    """An `#info` frame: the server did not start where it was asked to."""

    name: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A frame that breaks the wire's rules: which rule, and what came, for its shape alone."""

    rule: str
    frame: object = field(repr=False)


def endpoint(url: str) -> str:
    """Complete a host's address: its scheme a socket's, its path the method's.

    Raises:
        SourceRefused: the address is none of http, https, ws, wss.
    """
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in {"ws", "wss"} or not parts.netloc:
        raise SourceRefused("platforms.bluesky.jetstream holds no wss:// address: correct it")
    path = parts.path.rstrip("/").removesuffix(f"/{METHOD}").removesuffix("/xrpc")
    return urlunsplit((scheme, parts.netloc, f"{path}/xrpc/{METHOD}", "", ""))


@contextmanager
def opened(url: str, cursor: int | None, *, source: str) -> Iterator[ClientConnection]:
    """Connect at `cursor`: a sequence number, microseconds from 10**15 on, None the live tip.

    Raises:
        CursorTooOld: the host asks for a later cursor.
        Interrupted: no connection, or none now.
        SourceRefused: the host will not have us.
    """
    query: dict[str, Any] = {"kinds": KINDS, "collections": COLLECTIONS}
    if cursor is not None:
        query["cursor"] = cursor
    try:
        socket = connect(
            f"{endpoint(url)}?{urlencode(query, doseq=True)}",
            subprotocols=[_PROTOCOL],
            max_size=_FRAME_BYTES_MAX,
            compression=None,
            open_timeout=30,
            close_timeout=1,
            logger=_SILENT,
        )
    except InvalidStatus as error:
        raise _denial(error, source=source) from None
    except InvalidURI:
        raise SourceRefused(f"{source}: a Jetstream address is no web address") from None
    except (OSError, InvalidHandshake, WebSocketException) as error:
        raise Interrupted(type(error).__name__) from None
    with socket:
        yield socket


def read_frame(raw: bytes) -> Event | Advice | Fault:
    """Sort one frame.

    Raises:
        Interrupted: an error frame; the server closes after it.
    """
    try:
        frame = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return Fault("frame is no JSON", None)
    if not isinstance(frame, dict):
        return Fault("frame is no object", frame)
    if frame.get("$type") == "error":
        raise Interrupted(_word(frame.get("error")))
    payload = frame.get("payload")
    if frame.get("$type") != "message" or not isinstance(payload, dict):
        return Fault("frame is no message", frame)
    if payload.get("$type") == f"{METHOD}#info":
        return Advice(_word(payload.get("name")))
    return _event(payload)


def _event(payload: Mapping[str, Any]) -> Event | Fault:
    seq = payload.get("seq")
    witnessed_at = utc_time(payload.get("witnessedAt")) or utc_time(payload.get("time"))
    if type(seq) is not int or seq < 0:
        return Fault("event has no sequence number", payload)
    if witnessed_at is None:
        return Fault("event has no time", payload)
    return Event(seq, witnessed_at, payload)


def _denial(error: InvalidStatus, *, source: str) -> Exception:
    status, body = error.response.status_code, error.response.body
    try:
        told = orjson.loads(body or b"null")
    except orjson.JSONDecodeError:
        told = None
    name = _word(told.get("error")) if isinstance(told, dict) else ""
    if name == "CursorTooOld":
        return CursorTooOld(name)
    what = f"{status} {name}".strip()
    if status >= 500 or status in _MAY_PASS:
        return Interrupted(what)
    return SourceRefused(f"{source}: Jetstream answered {what}")


def _word(value: object) -> str:
    """Pass on an error's name; anything else a stranger sent stays unsaid."""
    is_word = isinstance(value, str) and value.isascii() and value.isalnum() and len(value) <= 60
    return str(value) if is_word else "unnamed"
