"""One WebSocket connection that is read many messages at a time, and never spoken on.

Over websockets' own protocol without its threads: those hand over message by message, which costs
more than all the rest of a pass. Pings are answered and the line's life is asked for whenever it
is read; nothing else is ever sent, since a Jetstream host closes on any data.
"""

import logging
import socket
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import Any, Final, cast

import orjson
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI, WebSocketException
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from schema.errors import SourceRefused

FRAME_BYTES_MAX: Final = 2**25
OPEN_SECONDS: Final = 30.0
CLOSE_SECONDS: Final = 0.5
SILENCE_SECONDS: Final = 20.0  # then the host is asked whether it lives, and given as long again
_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
_CHUNK_BYTES = 2**16
_SILENT = logging.Logger("confide.jetstream", logging.CRITICAL)  # else it would log whole frames
_SILENT.addHandler(logging.NullHandler())


class Interrupted(Exception):
    """The connection is gone or was refused for now; another may work. Says why, no value."""

    def __init__(self, reason: str, *, wait_seconds: float = 0.0) -> None:
        """Take a word for what happened, and how long the host wants to be left alone."""
        super().__init__(reason)
        self.wait_seconds = wait_seconds


class Denied(Exception):
    """The host answered the handshake with an error."""

    def __init__(self, status: int, name: str, wait_seconds: float) -> None:
        """Take the status, the error's name, and how long the host wants to be left alone."""
        super().__init__(f"{status} {name}".strip())
        self.status, self.name, self.wait_seconds = status, name, wait_seconds


class Line:
    """A connection in place of websockets' own; `connect` makes it, with proxy and TLS done."""

    def __init__(self, line: socket.socket, protocol: ClientProtocol, **_: Any) -> None:
        """Take over an open socket."""
        self._socket = line
        self._protocol = protocol
        self._parts: list[bytes] = []
        self._heard_at = monotonic()
        self._asked_at: float | None = None  # when, if nothing was heard since
        self._is_answered = False  # with no message behind it
        self.recv_events_thread = self  # `connect` joins it when the handshake fails

    def handshake(
        self, more_headers: Any = None, user_agent: str | None = None, timeout: float | None = None
    ) -> None:
        """Ask for the stream; what goes wrong is raised as `connect` promises."""
        request = self._protocol.connect()
        request.headers.update(more_headers or {})
        if user_agent is not None:
            request.headers["User-Agent"] = user_agent
        self._protocol.send_request(request)
        self._send()
        self._socket.settimeout(timeout)
        while self._protocol.state is State.CONNECTING and not self._protocol.handshake_exc:
            self._receive(self._socket.recv(_CHUNK_BYTES))
        if self._protocol.handshake_exc is not None:
            raise self._protocol.handshake_exc

    def start_keepalive(self) -> None:
        """Do nothing: `messages` asks for signs of life."""

    def join(self) -> None:
        """Do nothing: there is no thread."""

    def close_socket(self) -> None:
        """Hang up without a word."""
        self._socket.close()

    def messages(self, timeout: float) -> list[bytes]:
        """Return the messages that are there, waiting so long for the first; none if none came.

        Raises:
            Interrupted: the connection is over, and all that came on it was handed out.
        """
        found = self._whole(self._protocol.events_received())  # came with the handshake's answer
        if found:
            return found
        if self._protocol.state is not State.OPEN:
            raise Interrupted(self._ending())
        self._socket.settimeout(timeout)
        try:
            data = self._socket.recv(_CHUNK_BYTES)
        except TimeoutError:
            self._ask_for_life()
            return []
        except OSError as error:
            raise Interrupted(type(error).__name__) from None
        self._heard_at, self._asked_at = monotonic(), None
        self._receive(data)
        return self._whole(self._protocol.events_received())

    def is_quiet(self) -> bool:
        """Tell whether the host has no more to say, which it shows by answering a ping.

        The answer comes behind all that was sent before it. Ask again until it is there.
        """
        if not self._is_answered and self._asked_at is None:
            self._ask()
        return self._is_answered

    def close(self) -> None:
        """Take leave: say so, and wait a moment until the host has heard it."""
        with suppress(OSError):
            if self._protocol.state is State.OPEN:
                self._protocol.send_close(1000)
            self._send()
            deadline = monotonic() + CLOSE_SECONDS
            while (left := deadline - monotonic()) > 0:
                self._socket.settimeout(left)
                if not self._socket.recv(_CHUNK_BYTES):
                    break
        self._socket.close()

    def _receive(self, data: bytes) -> None:
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        with suppress(OSError):  # what came stands, though the answer to it did not get through
            self._send()

    def _send(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)
            else:
                self._socket.shutdown(socket.SHUT_WR)

    def _whole(self, frames: Sequence[object]) -> list[bytes]:
        """Pick data, putting messages together that came in pieces."""
        found: list[bytes] = []
        for frame in frames:
            if not isinstance(frame, Frame):
                continue
            if frame.opcode not in _DATA:
                self._is_answered |= frame.opcode is Opcode.PONG
                continue
            self._is_answered = False
            data = cast(bytes, frame.data)
            if frame.fin and not self._parts:
                found.append(data)
                continue
            self._parts.append(data)
            if frame.fin:
                found.append(b"".join(self._parts))
                self._parts = []
        return found

    def _ask_for_life(self) -> None:
        quiet_since = self._heard_at if self._asked_at is None else self._asked_at
        if monotonic() - quiet_since < SILENCE_SECONDS:
            return
        if self._asked_at is not None:
            raise Interrupted("silence")
        self._ask()

    def _ask(self) -> None:
        self._asked_at = monotonic()
        if self._protocol.state is State.OPEN:
            self._protocol.send_ping(b"")
            with suppress(OSError):  # a line that is down tells so when it is read
                self._send()

    def _ending(self) -> str:
        closing = self._protocol.close_rcvd
        if closing is not None:
            return f"close code {closing.code}"
        fault = self._protocol.parser_exc
        return "no word" if fault is None or isinstance(fault, EOFError) else type(fault).__name__


def dialled(address: str, subprotocols: Sequence[str], *, source: str) -> Line:
    """Connect.

    Raises:
        Denied: the host refuses.
        Interrupted: there is no connection, for now.
        SourceRefused: the address is none.
    """
    try:
        line = connect(
            address,
            subprotocols=[Subprotocol(name) for name in subprotocols] or None,
            max_size=FRAME_BYTES_MAX,
            compression=None,
            open_timeout=OPEN_SECONDS,
            logger=_SILENT,
            create_connection=cast(type[ClientConnection], Line),
        )
    except InvalidStatus as error:
        raise _denial(error) from None
    except InvalidURI:
        raise SourceRefused(f"{source}: a Jetstream address is no web address") from None
    except (OSError, InvalidHandshake, WebSocketException) as error:
        raise Interrupted(type(error).__name__) from None
    return cast(Line, line)


def word(value: object) -> str:
    """Pass on an error's name; anything else a stranger sent stays unsaid."""
    is_word = isinstance(value, str) and value.isascii() and value.isalnum() and len(value) <= 60
    return str(value) if is_word else "unnamed"


def _denial(error: InvalidStatus) -> Denied:
    response = error.response
    try:
        told = orjson.loads(response.body or b"null")
    except orjson.JSONDecodeError:
        told = None
    name = word(told.get("error")) if isinstance(told, dict) else ""
    asked = response.headers.get("retry-after", "")
    wait_seconds = float(asked) if asked.isascii() and asked.isdigit() else 0.0
    return Denied(response.status_code, name, wait_seconds)
