"""Labels as moderation services publish them, for the one that takes down: `!takedown`.

Source: `com.atproto.label.subscribeLabels` of each labeler the study names, DAG-CBOR frames.
Cursor: the labeler's own sequence number, exclusive; ours, and stored with what it covers, since
the SDK's client never moves its own. A first pass reads a labeler's whole history. Only `src`
can take its label back (`neg`); a label ends at `exp`. Other labels remove nothing. Nothing on
the repository stream tells of a post's takedown (bluesky facts, §4).
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event as Flag
from time import monotonic
from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

from atproto_core.cbor import decode_dag_multi
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidStatus,
    InvalidURI,
    WebSocketException,
)
from websockets.sync.client import ClientConnection, connect

from connectors.atproto_syntax import is_did, post_uri, utc_time
from connectors.bluesky_parse import account, parsed
from connectors.bluesky_record import TAKEDOWN
from schema.errors import SourceRefused, SourceUnavailable, UnexpectedFailure
from schema.pages import CollectionQuery, Coverage, ParsedPage, RawPage

METHOD: Final = "com.atproto.label.subscribeLabels"
BACKOFF_SECONDS: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
PAGE_SIZE: Final = 1_000
SCANNED_MAX: Final = 20_000  # frames in one page: a history is long and holds few takedowns
FLUSH_SECONDS: Final = 5.0  # a stream without end stores at least so often
FIRST_FRAME_FACTOR: Final = 5
_STEP_SECONDS = 0.5  # how long a stop may take
_SILENT = logging.Logger("confide.labels")  # the library would log whole frames
_SILENT.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class PostLabelled:
    """A takedown of one post, put on or taken back. Names a person: memory only."""

    native_id: str = field(repr=False)
    labeler: str = field(repr=False)
    is_withdrawn: bool
    told_at: datetime | None
    until: datetime | None


class _Interrupted(Exception):
    """The connection is gone or was refused for now; says why, no value."""


class _FutureCursor(Exception):
    """The labeler's numbering began anew."""


def fetch_label_pages(
    url: str,
    query: CollectionQuery,
    *,
    idle_seconds: float | None = None,
    stop: Flag | None = None,
    backoff_seconds: Sequence[float] = BACKOFF_SECONDS,
) -> Iterator[RawPage]:
    """Yield a labeler's takedowns since the stored position, in the order they were told.

    With `idle_seconds` it ends when the live tip has been quiet so long; with None it runs until
    `stop` is set. A page may hold nothing and yet move the position.

    Raises:
        SourceRefused: the labeler will not have us, or its address is none.
        SourceUnavailable: it did not answer in `len(backoff_seconds)` further tries.
    """
    reading = _Reading(query, stop if stop is not None else Flag(), idle_seconds, _stored(query))
    yield from reading.pages(url, backoff_seconds)


def parse_labels(page: RawPage) -> tuple[list[PostLabelled], ParsedPage]:
    """Sort labels into those of posts and those of accounts, the last word of each labeler.

    Pure. A label that has run out by the page's instant is as good as taken back.
    """
    posts: dict[tuple[str, str], PostLabelled] = {}
    accounts: dict[tuple[str, str], dict[str, Any]] = {}
    for label in page.items:
        target, labeler = label["uri"], label["src"]
        until = utc_time(label.get("exp"))
        is_over = until is not None and until <= page.observed_at
        is_withdrawn = label.get("neg") is True or is_over
        if is_did(target):
            status = "active" if is_withdrawn else "takendown"
            accounts[target, labeler] = account(
                page, target, status, told_by="labeler", labeler=labeler, until=until
            )
        else:
            posts[target, labeler] = PostLabelled(
                target, labeler, is_withdrawn, utc_time(label.get("cts")), until
            )
    return list(posts.values()), parsed([], [], [], accounts=list(accounts.values()))


@dataclass(slots=True)
class _Reading:
    """One pass over a labeler's stream, connection after connection."""

    query: CollectionQuery
    stop: Flag
    idle_seconds: float | None
    seq: int
    items: list[Mapping[str, Any]] = field(default_factory=list, repr=False)
    covered: list[Coverage] = field(default_factory=list)
    scanned_count: int = 0
    requests_count: int = 0
    began: float = field(default_factory=monotonic)
    is_at_tip: bool = False

    def pages(self, url: str, backoff_seconds: Sequence[float]) -> Iterator[RawPage]:
        """Dial until done; what was read before a failure is handed over first."""
        failures = 0
        while not self._is_over():
            before, reason = self.seq, "a closed connection"
            try:
                yield from self._connection(url)
            except _FutureCursor:
                self.seq, reason = 0, "FutureCursor"  # labels may come twice, never not
            except _Interrupted as error:
                reason = str(error)
            if self._is_over():
                break
            failures = 0 if self.seq > before else failures
            if failures == len(backoff_seconds):
                yield from self._hand_over()
                raise SourceUnavailable(
                    f"{self.query.source}: a labeler failed {failures + 1} times running, the "
                    f"last time with {reason}: look at platforms.bluesky.labelers and your "
                    "network, or run again later"
                )
            self.stop.wait(backoff_seconds[failures])
            failures += 1
        yield from self._hand_over()

    def _connection(self, url: str) -> Iterator[RawPage]:
        self.requests_count += 1
        quiet_seconds, patience = 0.0, FIRST_FRAME_FACTOR
        step = min(_STEP_SECONDS, self.idle_seconds or _STEP_SECONDS)
        with _opened(url, self.seq, source=self.query.source) as socket:
            while not self._is_over():
                try:
                    raw = socket.recv(timeout=step, decode=False)
                except TimeoutError:
                    quiet_seconds += step
                    if self.idle_seconds is not None:
                        self.is_at_tip = quiet_seconds >= self.idle_seconds * patience
                except ConnectionClosed as error:
                    code = error.rcvd.code if error.rcvd is not None else "no word"
                    raise _Interrupted(f"close code {code}") from None
                else:
                    quiet_seconds, patience = 0.0, 1
                    self._take(raw)
                if self._is_full():
                    yield from self._hand_over()

    def _take(self, raw: bytes) -> None:
        kind, body = _frame(raw)
        if kind == "#info" and body.get("name") == "OutdatedCursor":
            now = self.query.now
            self.covered.append(Coverage(self.query.since, now, "gap", "OutdatedCursor"))
        seq, labels = body.get("seq"), body.get("labels")
        if kind != "#labels" or type(seq) is not int or not isinstance(labels, list):
            return
        if seq <= self.seq:
            return  # told before: this host's cursor is exclusive, another's may not be
        self.items += [_plain(label) for label in labels if _is_takedown(label)]
        self.seq = seq
        self.scanned_count += 1

    def _is_over(self) -> bool:
        return self.is_at_tip or self.stop.is_set()

    def _is_full(self) -> bool:
        if len(self.items) >= PAGE_SIZE or self.scanned_count >= SCANNED_MAX:
            return True
        is_begun = self.idle_seconds is None and self.scanned_count > 0
        return is_begun and monotonic() - self.began >= FLUSH_SECONDS

    def _hand_over(self) -> Iterator[RawPage]:
        if self.scanned_count or self.covered:
            yield RawPage(
                platform="bluesky",
                source=self.query.source,
                stream=self.query.stream,
                venue=self.query.venue,
                observed_at=self.query.answered_at(),
                items=tuple(self.items),
                position=json.dumps({"seq": self.seq}),
                covered=tuple(self.covered),
                requests_count=self.requests_count,
            )
        self.items, self.covered = [], []
        self.scanned_count = self.requests_count = 0
        self.began = monotonic()


def _stored(query: CollectionQuery) -> int:
    if query.position is None:
        return 0
    try:
        return int(json.loads(query.position)["seq"])
    except (ValueError, TypeError, KeyError):
        raise UnexpectedFailure(
            f"{query.source}: a labeler's stored position cannot be read"
        ) from None


def _frame(raw: bytes) -> tuple[str, Mapping[str, Any]]:
    """Take a frame apart: what it is, and its body; one that is none is passed over.

    Raises:
        _FutureCursor: the labeler knows no such cursor yet.
        _Interrupted: another error frame; the server closes after it.
    """
    try:
        header, body = decode_dag_multi(raw)
    except Exception:  # whatever a decoder says of a stranger's bytes
        return "", {}
    if not isinstance(header, Mapping) or not isinstance(body, Mapping):
        return "", {}
    if header.get("op") == -1:
        if body.get("error") == "FutureCursor":
            raise _FutureCursor
        raise _Interrupted("an error frame")
    return str(header.get("t")), body


def _is_takedown(label: object) -> bool:
    """Tell whether a label takes down a post or an account that can be one."""
    if not isinstance(label, Mapping) or label.get("val") != TAKEDOWN:
        return False
    target = label.get("uri")
    return is_did(label.get("src")) and (is_did(target) or post_uri(target) is not None)


def _plain(label: Mapping[str, Any]) -> dict[str, Any]:
    return {key: label.get(key) for key in ("uri", "src", "neg", "cts", "exp")}


@contextmanager
def _opened(url: str, cursor: int, *, source: str) -> Iterator[ClientConnection]:
    """Connect behind a cursor; 0 is the beginning.

    Raises:
        _Interrupted: no connection, or none now.
        SourceRefused: the labeler will not have us.
    """
    try:
        socket = connect(
            f"{_endpoint(url)}?{urlencode({'cursor': cursor})}",
            max_size=2**25,
            compression=None,
            open_timeout=30,
            close_timeout=1,
            logger=_SILENT,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        if status >= 500 or status in {408, 425, 429}:
            raise _Interrupted(str(status)) from None
        raise SourceRefused(f"{source}: a labeler answered {status}") from None
    except InvalidURI:
        raise SourceRefused(f"{source}: a labeler's address is no web address") from None
    except (OSError, InvalidHandshake, WebSocketException) as error:
        raise _Interrupted(type(error).__name__) from None
    with socket:
        yield socket


def _endpoint(url: str) -> str:
    """Complete a labeler's address: its scheme a socket's, its path the method's.

    Raises:
        SourceRefused: the address is none of http, https, ws, wss.
    """
    parts = urlsplit(url)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    if scheme not in {"ws", "wss"} or not parts.netloc:
        raise SourceRefused("platforms.bluesky.labelers holds no wss:// address: correct it")
    path = parts.path.rstrip("/").removesuffix(f"/{METHOD}").removesuffix("/xrpc")
    return urlunsplit((scheme, parts.netloc, f"{path}/xrpc/{METHOD}", "", ""))
