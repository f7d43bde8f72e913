"""Misbehaviour on demand, and a count of what was asked.

A `Faults` is handed to a server; a test arms it and the nth request that comes in (from 1, or the
nth one to a path) is answered badly. `on_request` is called before each answer, in the server's
thread: tests kill a collector there.
"""

import asyncio
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FaultKind = Literal["status", "hang", "truncated", "not_json", "reset", "headers"]
HOLD_SECONDS: Final = 60.0  # a hanging answer is given up after this, should no client leave first


@dataclass(frozen=True, slots=True)
class Fault:
    """One bad answer: a status, silence, half a body, a page that is no JSON, or a cut line.

    `headers` spoils those of a good answer: what they say instead, None leaves one out. `body` is
    what a status says, instead of a page of HTML.
    """

    kind: FaultKind
    status: int = 503
    retry_after: str | None = None
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as it came in; `number` counts from 1 over the server's life.

    `at` is the server's monotonic clock, in seconds.
    """

    number: int
    method: str
    path: str
    at: float = 0.0


@dataclass(slots=True)
class Faults:
    """What goes wrong and when, and how often each path was asked. Safe across threads.

    `jetstream_floor`: oldest sequence number still served. `drop_after`, `error_after`: cut the
    line, or send an error frame and close, after so many events of a connection; each acts once.
    `log` holds every request. `repeats`: how many items the next pages of a listing show again.
    """

    on_request: Callable[[Ask], None] | None = None
    jetstream_floor: int | None = None
    drop_after: int | None = None
    error_after: int | None = None
    over_budget: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    revoked: int = 0
    log: list[Ask] = field(default_factory=list, repr=False)
    repeats: deque[int] = field(default_factory=deque)
    _armed: list[tuple[int, str | None, Fault]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def requests_count(self) -> int:
        """How many requests came in."""
        return self.requests.total()

    def arm(self, fault: Fault, *, nth: int, path: str | None = None, times: int = 1) -> None:
        """Spoil `times` requests from the nth on, counted from 1; of those to `path` if given."""
        with self._lock:
            self._armed += [(nth + step, path, fault) for step in range(times)]

    def calm(self) -> None:
        """Forget all that is armed: from now on every answer is a good one."""
        with self._lock:
            self._armed.clear()
            self.repeats.clear()
            self.drop_after = self.error_after = None

    def revoke_tokens(self) -> None:
        """Make every Reddit token issued so far invalid."""
        with self._lock:
            self.revoked += 1

    def next_fault(self, method: str, path: str) -> Fault | None:
        """Count a request and say how to spoil it, if at all."""
        with self._lock:
            self.requests[path] += 1
            ask = Ask(self.requests.total(), method, path, time.monotonic())
            self.log.append(ask)
            here = self.requests[path]
            due = [
                entry
                for entry in self._armed
                if entry[0] == (ask.number if entry[1] is None else here)
                and entry[1] in (None, path)
            ]
            for entry in due:
                self._armed.remove(entry)
        if self.on_request is not None:
            self.on_request(ask)
        return due[0][2] if due else None

    def take_repeats(self) -> int:
        """Say how many items a listing's page shows again."""
        with self._lock:
            return self.repeats.popleft() if self.repeats else 0

    def take_drop(self, sent: int) -> Literal["drop", "error"] | None:
        """Say whether a stream that sent so many events is to be spoilt now."""
        with self._lock:
            if self.drop_after is not None and sent >= self.drop_after:
                self.drop_after = None
                return "drop"
            if self.error_after is not None and sent >= self.error_after:
                self.error_after = None
                return "error"
        return None


class SpoiltApp:
    """The server, with its faults laid over every HTTP request."""

    def __init__(self, app: ASGIApp, faults: Faults) -> None:
        """Wrap `app`."""
        self._app = app
        self._faults = faults

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or spoil the answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        method = scope.get("method", "WEBSOCKET")
        fault = self._faults.next_fault(method, scope["path"])
        if fault is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket" and fault.kind != "reset":
            await _answer(fault, send, prefix="websocket.http.response")
        elif fault.kind == "truncated":
            await self._app(scope, receive, _half(send))
        elif fault.kind == "headers":
            await self._app(scope, receive, _with_headers(send, fault.headers))
        elif fault.kind == "hang":
            await _hold(receive)
        elif fault.kind == "reset":
            scope["state"]["abort"](scope)
        else:
            await _answer(fault, send)


async def _answer(fault: Fault, send: Send, *, prefix: str = "http.response") -> None:
    body = fault.body or b"<!doctype html><title>Something is wrong here</title>"
    status = 200 if fault.kind == "not_json" else fault.status
    kind = b"text/html; charset=UTF-8" if fault.body is None else b"application/json"
    headers = [(b"content-type", kind)]
    headers += [(n.encode(), v.encode()) for n, v in fault.headers.items() if v is not None]
    if fault.retry_after is not None:
        headers.append((b"retry-after", fault.retry_after.encode()))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": f"{prefix}.start", "status": status, "headers": headers})
    await send({"type": f"{prefix}.body", "body": body})


def _half(send: Send) -> Send:
    """Keep the first half of the body and mend the length: valid HTTP, broken JSON."""
    start: Message = {}

    async def cut(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        body = message["body"][: len(message["body"]) // 2]
        length = (b"content-length", str(len(body)).encode())
        kept = [pair for pair in start["headers"] if pair[0] != b"content-length"]
        await send({**start, "headers": [*kept, length]})
        await send({**message, "body": body})

    return cut


def _with_headers(send: Send, headers: Mapping[str, str | None]) -> Send:
    """Put other headers on a good answer, or leave some out."""

    async def changed(message: Message) -> None:
        if message["type"] == "http.response.start":
            kept = [pair for pair in message["headers"] if pair[0].decode() not in headers]
            new = [(n.encode(), v.encode()) for n, v in headers.items() if v is not None]
            message = {**message, "headers": [*kept, *new]}
        await send(message)

    return changed


async def _hold(receive: Receive) -> None:
    """Say nothing until the client leaves."""

    async def until_gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(until_gone(), HOLD_SECONDS)
    except TimeoutError:
        return
