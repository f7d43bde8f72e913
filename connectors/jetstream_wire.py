"""Jetstream's v2 wire: its address, what is asked of it, and its frames sorted by what they are.

Source: `network.bsky.jetstream.subscribeEvents`, JSON frames. Beneath the SDK, whose client
moves its cursor before an event is handled and drops events whose number is not above it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit, urlunsplit

import orjson

from connectors.atproto_syntax import (
    DECLARATION_COLLECTIONS,
    POST_COLLECTION,
    PROFILE_COLLECTION,
    utc_time,
)
from connectors.jetstream_socket import Interrupted, word
from schema.errors import SourceRefused

METHOD: Final = "network.bsky.jetstream.subscribeEvents"
SUBPROTOCOL: Final = "xrpc.v1.json"
# identity is of no use to us, yet never left out: a server may tie account events to it. A
# `#sync` event is not asked for: refresh reads accounts anew.
KINDS: Final = ("commit", "identity", "account")
COLLECTIONS: Final = (POST_COLLECTION, PROFILE_COLLECTION, *DECLARATION_COLLECTIONS)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ASKED_FOR = frozenset(f"{METHOD}#{kind}" for kind in KINDS)


class Event(NamedTuple):
    """Something that happened on the network, as v2 tells it.

    `number` is the host's own numbering: v2's `seq`, v1's time in microseconds.
    """

    number: int
    witnessed_at: datetime
    payload: Mapping[str, Any]

    def __repr__(self) -> str:
        """Show nobody."""
        return f"Event({self.number})"


@dataclass(frozen=True, slots=True)
class Advice:
    """An `#info` frame: the server did not start where it was asked to."""

    name: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A frame that breaks the wire's rules: which rule, and what came, for its shape alone."""

    rule: str
    frame: object = field(repr=False)


Told = Event | Advice | Fault


def base_address(url: str) -> str:
    """Complete a host's address: its scheme a socket's, its path what stands before any method.

    Raises:
        SourceRefused: the address is none of http, https, ws, wss.
    """
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in {"ws", "wss"} or not parts.netloc:
        raise SourceRefused("platforms.bluesky.jetstream holds no wss:// address: correct it")
    path = parts.path.rstrip("/").removesuffix(f"/{METHOD}").removesuffix("/xrpc")
    return urlunsplit((scheme, parts.netloc, path.removesuffix("/subscribe"), "", ""))


def address(base: str, cursor: int | None, dictionary_id: int | None) -> str:
    """Write what is asked of a v2 host.

    `cursor` is a sequence number, microseconds from 10**15 on, None the live tip.
    """
    query: dict[str, Any] = {"kinds": KINDS, "collections": COLLECTIONS}
    if cursor is not None:
        query["cursor"] = cursor
    if dictionary_id is not None:
        query["zstdDictionary"] = dictionary_id
    return f"{base}/xrpc/{METHOD}?{urlencode(query, doseq=True)}"


def read_frame(raw: bytes) -> Told:
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
    kind, payload = frame.get("$type"), frame.get("payload")
    if kind == "error":
        raise Interrupted(word(frame.get("error")))
    if kind != "message" or not isinstance(payload, dict):
        return Fault("frame is no message", frame)
    return _told(payload)


def _told(payload: dict[str, Any]) -> Told:
    kind = payload.get("$type")
    if kind == f"{METHOD}#info":
        return Advice(word(payload.get("name")))
    if not isinstance(kind, str) or kind not in _ASKED_FOR:
        return Fault("kind of event was not asked for", payload)
    seq = payload.get("seq")
    if type(seq) is not int or seq < 0:
        return Fault("event has no sequence number", payload)
    witnessed_at = _instant(payload.get("witnessedAt")) or _instant(payload.get("time"))
    if witnessed_at is None:
        return Fault("event has no time", payload)
    return Event(seq, witnessed_at, payload)


def _instant(value: object) -> datetime | None:
    """Read a time; the form in which hosts write it, to the microsecond in UTC, fast."""
    if isinstance(value, str) and len(value) == 27 and value[10::9] == "T." and value[-1] == "Z":
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            return None
    return utc_time(value)
