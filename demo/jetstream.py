"""Jetstream v2 over the invented community: its history as one ordered stream of events.

Wire: WebSocket, subprotocol `xrpc.v1.json`. Cursor: sequence number, inclusive, or microseconds
from 10^15 on, matched to `witnessedAt`. Sequence numbers have gaps and are the same after a
restart. After the history up to `clock()` the stream stays open and sends what the clock reaches.
As on the real server, an account that was deleted takes its earlier events with it; a post's
takedown sends nothing. Who names the dictionary of the day gets each frame compressed with it.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

import numpy as np
import orjson
import zstandard
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from demo.bluesky_records import PROFILE_COLLECTION, Records, profile
from demo.faults import Faults
from demo.history import status
from demo.ids import (
    POST_COLLECTION,
    cid,
    iso_microseconds,
    iso_milliseconds,
    microseconds,
    record_key,
)
from demo.model import Community, Person, Post

NSID: Final = "network.bsky.jetstream.subscribeEvents"
DICTIONARY: Final = "network.bsky.jetstream.getZstdDictionary"
DICTIONARY_ID: Final = 20_260_201
DICTIONARY_BYTES: Final = 16_384
DICTIONARY_SAMPLES: Final = 1_000
KINDS: Final = ("commit", "identity", "account", "sync")
TIME_CURSORS: Final = 10**15
FIRST_SEQ: Final = 4_000_001
TICK_SECONDS: Final = 0.05
UNKNOWN: Final = ("wantedCollections", "wantedDids", "compress", "requireHello")


@dataclass(frozen=True, slots=True, repr=False)
class Event:
    """One event of the stream, as its frame says it."""

    seq: int
    at: datetime
    did: str
    kind: str
    collection: str | None
    frame: str


@dataclass(frozen=True, slots=True, repr=False)
class _Happening:
    """An event before it is numbered."""

    at: datetime
    did: str
    kind: str
    body: dict[str, Any]


class EventLog:
    """Everything that happens on the network over the whole window, numbered once."""

    def __init__(self, community: Community, records: Records) -> None:
        """Take the community's history."""
        happenings = sorted(
            _happenings(community, records),
            key=lambda one: (one.at, one.did, orjson.dumps(one.body)),
        )
        gaps = np.random.default_rng([community.seed, 77]).choice([1, 1, 1, 2, 5], len(happenings))
        self._events = tuple(
            _numbered(FIRST_SEQ + int(seq), happening)
            for seq, happening in zip(np.cumsum(gaps), happenings, strict=True)
        )
        self._changed = [person for person in community.people if person.changes]

    @cached_property
    def dictionary(self) -> zstandard.ZstdCompressionDict:
        """What frames are compressed with."""
        step = len(self._events) // DICTIONARY_SAMPLES + 1
        samples: list[Any] = [event.frame.encode() for event in self._events[::step]]
        return zstandard.train_dictionary(
            DICTIONARY_BYTES, samples, k=200, d=8, dict_id=DICTIONARY_ID
        )

    @cached_property
    def packer(self) -> zstandard.ZstdCompressor:
        """What compresses a frame."""
        return zstandard.ZstdCompressor(dict_data=self.dictionary)

    def as_of(self, now: datetime, *, after: int = 0) -> list[Event]:
        """List the events up to `now` with a sequence number above `after`."""
        first = bisect_right(self._events, after, key=lambda event: event.seq)
        last = bisect_right(self._events, now, key=lambda event: event.at)
        if first >= last:
            return []
        deleted = {
            person.native_id: person.changes[-1].at
            for person in self._changed
            if status(person, now) == "deleted"
        }
        return [
            event
            for event in self._events[first:last]
            if not (event.did in deleted and event.at < deleted[event.did])
        ]


def _happenings(community: Community, records: Records) -> Iterator[_Happening]:
    for post in community.posts:
        if post.platform == "bluesky":
            yield from _of_post(post, records)
    for collection, events in (("like", community.likes), ("repost", community.reposts)):
        for did, uri, at in events:
            target = community.by_id[uri]
            subject = {"uri": uri, "cid": records.post_cid(target, target.created_at)}
            name = f"app.bsky.feed.{collection}"
            record = {"$type": name, "createdAt": iso_milliseconds(at), "subject": subject}
            yield _commit(at, did, "create", name, record_key(at, 7), record)
    for person in community.people:
        if person.platform == "bluesky":
            yield from _of_account(person, community.since)


def _of_post(post: Post, records: Records) -> Iterator[_Happening]:
    did, key = post.author.native_id, post.native_id.rsplit("/", 1)[-1]
    for place, version in enumerate(post.wordings):
        operation = "create" if place == 0 else "update"
        record = records.post(post, version.at)
        yield _commit(version.at, did, operation, POST_COLLECTION, key, record)
    if post.gone is not None and post.gone.fate == "deleted_by_author":
        yield _commit(post.gone.at, did, "delete", POST_COLLECTION, key, None)


def _of_account(person: Person, since: datetime) -> Iterator[_Happening]:
    did = person.native_id
    if person.is_hidden_logged_out:
        at = since + timedelta(hours=30)
        yield _commit(at, did, "update", PROFILE_COLLECTION, "self", profile(person))
    if person.renamed_at is not None:
        identity = {"did": did, "handle": person.name}
        yield _Happening(person.renamed_at, did, "identity", {"identity": identity})
    for change in person.changes:
        account: dict[str, Any] = {"did": did, "active": change.status == "active"}
        if change.status != "active":
            account["status"] = change.status
        yield _Happening(change.at, did, "account", {"account": account})


def _commit(
    at: datetime, did: str, operation: str, collection: str, key: str, record: Any
) -> _Happening:
    body: dict[str, Any] = {
        "rev": record_key(at, 1),
        "operation": operation,
        "collection": collection,
        "rkey": key,
    }
    if record is not None:
        body |= {"record": record, "cid": cid(record)}
    return _Happening(at, did, "commit", body)


def _numbered(seq: int, happening: _Happening) -> Event:
    time = iso_microseconds(happening.at)
    body = dict(happening.body)
    if happening.kind != "commit":  # the inner numbers are the relay's
        inner = {
            **body[happening.kind],
            "seq": seq + 900_000,
            "time": iso_milliseconds(happening.at),
        }
        body[happening.kind] = inner
    payload = {
        "$type": f"{NSID}#{happening.kind}",
        "seq": seq,
        "did": happening.did,
        "time": time,
        "witnessedAt": time,
        **body,
    }
    return Event(
        seq, happening.at, happening.did, happening.kind, body.get("collection"), _frame(payload)
    )


def _frame(payload: dict[str, Any]) -> str:
    return orjson.dumps({"$type": "message", "payload": payload}).decode()


def _info(name: str, message: str) -> str:
    return _frame({"$type": f"{NSID}#info", "name": name, "message": message})


class Denied(Exception):
    """A subscription that is refused before it begins."""

    def __init__(self, error: str, message: str) -> None:
        """Remember the answer."""
        super().__init__(error)
        self.body = {"error": error, "message": message}


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a consumer asks for."""

    kinds: frozenset[str]
    collections: tuple[str, ...]
    dids: frozenset[str]
    cursor: int | None
    max_bytes: int
    is_compressed: bool

    @classmethod
    def read(cls, params: QueryParams) -> "Subscription":
        """Read the query.

        Raises:
            Denied: a parameter is unknown, too long or contradicts another.
        """
        if stray := [name for name in UNKNOWN if name in params]:
            raise Denied("InvalidRequest", f"{stray[0]} is not a parameter of v2")
        dictionary = _integer(params, "zstdDictionary")
        if dictionary not in (None, DICTIONARY_ID):
            raise Denied("UnknownZstdDictionary", f"dictionary {dictionary} is not served")
        kinds, collections = params.getlist("kinds"), params.getlist("collections")
        if unknown := [kind for kind in kinds if kind not in KINDS]:
            raise Denied("InvalidRequest", f"unknown kind: {unknown[0]}")
        if collections and kinds and "commit" not in kinds:
            raise Denied("InvalidRequest", "collections is set but kinds excludes commit")
        dids = params.getlist("dids")
        if len(collections) > 100 or len(dids) > 10_000:
            raise Denied("InvalidRequest", "at most 100 collections and 10,000 dids")
        return cls(
            frozenset(kinds or KINDS),
            tuple(collections),
            frozenset(dids),
            _integer(params, "cursor"),
            _integer(params, "maxMessageSizeBytes") or 0,
            dictionary is not None,
        )

    def wants(self, event: Event) -> bool:
        """Whether an event is sent."""
        if event.kind not in self.kinds or (self.dids and event.did not in self.dids):
            return False
        if event.collection is not None and not self._takes(event.collection):
            return False
        return not self.max_bytes or len(event.frame) <= self.max_bytes

    def _takes(self, collection: str) -> bool:
        patterns = self.collections
        return not patterns or any(_matches(pattern, collection) for pattern in patterns)


def _matches(pattern: str, collection: str) -> bool:
    if pattern.endswith("*"):
        return collection.startswith(pattern[:-1])
    return collection == pattern


def _integer(params: QueryParams, name: str) -> int | None:
    given = params.get(name)
    if given is None or given == "":
        return None
    if not given.isdigit():
        raise Denied("InvalidRequest", f"{name} must be a whole number")
    return int(given)


class Jetstream:
    """The WebSocket end point."""

    def __init__(self, log: EventLog, clock: Callable[[], datetime], faults: Faults) -> None:
        """Take the history, the clock that says how much of it is past, and the faults."""
        self._log = log
        self._clock = clock
        self._faults = faults

    async def dictionary(self, _: Request) -> Response:
        """Answer getZstdDictionary."""
        return Response(self._log.dictionary.as_bytes(), media_type="application/octet-stream")

    async def serve(self, websocket: WebSocket) -> None:
        """Serve one consumer until it leaves."""
        try:
            wanted = Subscription.read(websocket.query_params)
            after, notice = self._start(wanted.cursor)
        except Denied as denied:
            await websocket.send_denial_response(JSONResponse(denied.body, 400))
            return
        offered = websocket.scope.get("subprotocols", [])
        await websocket.accept(subprotocol="xrpc.v1.json" if "xrpc.v1.json" in offered else None)
        if notice is not None:
            await self._send(websocket, notice, wanted)
        await self._stream(websocket, wanted, after)

    def _start(self, cursor: int | None) -> tuple[int, str | None]:
        """Say after which sequence number to begin, and what to tell the consumer.

        Raises:
            Denied: the cursor is below the retention floor.
        """
        past = self._log.as_of(self._clock())
        tip = past[-1].seq if past else FIRST_SEQ
        floor = self._faults.jetstream_floor
        if cursor is None:
            return tip, None
        if cursor >= TIME_CURSORS:
            earlier = [event.seq for event in past if microseconds(event.at) < cursor]
            after = earlier[-1] if earlier else 0
            if floor is not None and after < floor - 1:
                return floor - 1, _info("OutdatedCursor", f"resumed from seq {floor}")
            return after, None
        if floor is not None and cursor < floor:
            raise Denied("CursorTooOld", f"cursor {cursor} is below the retention floor {floor}")
        if cursor > tip + 1:
            return tip, _info("FutureCursor", f"started at the live tip, seq {tip + 1}")
        return cursor - 1, None

    async def _stream(self, websocket: WebSocket, wanted: Subscription, after: int) -> None:
        """Send what is past, then what the clock reaches."""
        heard = asyncio.ensure_future(websocket.receive())
        seen: datetime | None = None
        sent = 0
        try:
            while not heard.done():
                now = self._clock()
                if now != seen:
                    for event in self._log.as_of(now, after=after):
                        after = event.seq
                        if not wanted.wants(event):
                            continue
                        await self._send(websocket, event.frame, wanted)
                        sent += 1
                        if await self._spoilt(websocket, sent):
                            return
                    seen = now
                await asyncio.wait({heard}, timeout=TICK_SECONDS)
            if heard.result()["type"] == "websocket.receive":
                await websocket.close(1008, "server push only")
        finally:
            heard.cancel()

    async def _send(self, websocket: WebSocket, frame: str, wanted: Subscription) -> None:
        if wanted.is_compressed:
            await websocket.send_bytes(self._log.packer.compress(frame.encode()))
        else:
            await websocket.send_text(frame)

    async def _spoilt(self, websocket: WebSocket, sent: int) -> bool:
        """Cut the line, or send an error and close, when a test asked for it."""
        match self._faults.take_drop(sent):
            case "drop":
                websocket.scope["state"]["abort"](websocket.scope)
                return True
            case "error":
                error = {"$type": "error", "error": "ConsumerTooSlow", "message": "too slow"}
                await websocket.send_text(orjson.dumps(error).decode())
                await websocket.close(1008)
                return True
        return False
