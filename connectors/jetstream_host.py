"""One Jetstream host: which wire it speaks and how it compresses, found out by asking."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from connectors import jetstream_v1, jetstream_wire
from connectors.jetstream_dictionary import Dictionary, Undecodable, Unusable, fetch_dictionary
from connectors.jetstream_socket import Denied, Interrupted, Line, dialled
from connectors.jetstream_wire import Fault, Told
from schema.errors import SourceRefused

REQUESTS: Final = "requests"  # among a pass's notes: what was asked of hosts
_MAY_PASS = frozenset({408, 425, 429})
_NO_SUCH_PATH = frozenset({404, 405, 410, 501})
_NO_SUCH_METHOD = frozenset({"MethodNotImplemented", "XRPCNotSupported", "NotFound"})


class CursorTooOld(Exception):
    """The host no longer holds the events from the cursor on."""


class _NoSuchWire(Exception):
    """The host does not know the path."""


class _UnknownDictionary(Exception):
    """The host has another dictionary by now."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An open line, and how to read what comes on it."""

    line: Line
    read: Callable[[bytes], Told]


@dataclass(slots=True)
class Host:
    """A host, and what is known of it. `notes` counts what is worth telling."""

    url: str
    source: str
    notes: Counter[str]
    wire: Literal["v1", "v2"] | None = None
    _dictionary: Dictionary | None = field(default=None, repr=False)
    _refused_id: int | None = None
    _is_plain: bool = False  # no dictionary is to be had here

    def __post_init__(self) -> None:
        """Take a host at its address's word: the path of v1 is v1."""
        if urlsplit(self.url).path.rstrip("/").endswith(jetstream_v1.PATH):
            self.wire = "v1"

    @property
    def name(self) -> str:
        """Name the host as positions do."""
        return urlsplit(self.url).netloc

    @contextmanager
    def opened(self, cursor: int | None) -> Iterator[Connection]:
        """Connect at `cursor`: the host's number, microseconds from 10**15 on, None the tip.

        Raises:
            CursorTooOld: the host asks for a later cursor.
            Interrupted: no connection, or none now.
            SourceRefused: the host will not have us.
        """
        connection = self._connection(jetstream_wire.base_address(self.url), cursor)
        try:
            yield connection
        finally:
            connection.line.close()

    def _connection(self, base: str, cursor: int | None) -> Connection:
        if self.wire != "v1":
            try:
                connection = self._v2(base, cursor)
            except _NoSuchWire:
                if self.wire == "v2":  # it did a while ago: something before it is restarting
                    raise Interrupted("no such path") from None
            else:
                self.wire = "v2"
                return connection
        try:
            line = self._dial(jetstream_v1.address(base, cursor), ())
        except _NoSuchWire:
            raise SourceRefused(
                f"{self.source}: the Jetstream host speaks neither wire, v2 nor v1: "
                "correct platforms.bluesky.jetstream"
            ) from None
        self.wire = "v1"
        return Connection(line, jetstream_v1.read_event)

    def _v2(self, base: str, cursor: int | None) -> Connection:
        for is_last in (False, False, True):  # a fleet may hand out what it does not take
            dictionary = None if is_last else self._dictionary_of(base)
            given_id = None if dictionary is None else dictionary.id
            address = jetstream_wire.address(base, cursor, given_id)
            try:
                line = self._dial(address, (jetstream_wire.SUBPROTOCOL,))
            except _UnknownDictionary:
                self._refused_id, self._dictionary = given_id, None
                self.notes["dictionary retired"] += 1
            else:
                return Connection(line, _reader(dictionary))
        raise AssertionError("without a dictionary none is unknown")

    def _dictionary_of(self, base: str) -> Dictionary | None:
        """Return the host's dictionary; where none is to be had say so, and read plain frames."""
        if self._is_plain or self._dictionary is not None:
            return self._dictionary
        self.notes[REQUESTS] += 1
        try:
            found = fetch_dictionary(f"http{base.removeprefix('ws')}/xrpc")
            if found.id == self._refused_id:  # handed out by one server, retired at another
                raise Unusable("it is retired", is_final=True)
        except Unusable as reason:
            self.notes[f"plain frames, no dictionary: {reason}"] += 1
            self._is_plain = reason.is_final
            return None
        self._dictionary = found
        return found

    def _dial(self, address: str, subprotocols: tuple[str, ...]) -> Line:
        self.notes[REQUESTS] += 1
        try:
            return dialled(address, subprotocols, source=self.source)
        except Denied as denied:
            if denied.name == "CursorTooOld":
                raise CursorTooOld(denied.name) from None
            if denied.name == "UnknownZstdDictionary" and self._dictionary is not None:
                raise _UnknownDictionary from None
            if denied.status in _NO_SUCH_PATH or denied.name in _NO_SUCH_METHOD:
                raise _NoSuchWire from None
            if denied.status >= 500 or denied.status in _MAY_PASS:
                raise Interrupted(str(denied), wait_seconds=denied.wait_seconds) from None
            raise SourceRefused(f"{self.source}: Jetstream answered {denied}") from None


def _reader(dictionary: Dictionary | None) -> Callable[[bytes], Told]:
    if dictionary is None:
        return jetstream_wire.read_frame

    def read(raw: bytes) -> Told:
        try:
            return jetstream_wire.read_frame(dictionary.unpacked(raw))
        except Undecodable:
            return Fault("frame does not unpack", None)

    return read
