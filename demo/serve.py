"""Serve an app on loopback: inside a test, a flow, or for a person to poke.

`python -m demo.serve --now 2026-02-20T12:00:00+00:00` prints both servers' addresses.
"""

import argparse
import asyncio
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Final
from weakref import WeakValueDictionary

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from demo.bluesky_server import bluesky_app
from demo.community import invent
from demo.reddit_server import reddit_app

START_SECONDS: Final = 30.0
_lines: WeakValueDictionary[tuple[str, int], asyncio.BaseTransport] = WeakValueDictionary()


class CuttableProtocol(H11Protocol):
    """HTTP that remembers its line, so that a fault can cut it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember the line under the client's address."""
        super().connection_made(transport)  # type: ignore[arg-type]
        peer = transport.get_extra_info("peername")
        if peer:
            _lines[peer[0], peer[1]] = transport


def abort(scope: Scope) -> None:
    """Cut the line a request came on, without a word."""
    line = _lines.get(tuple(scope["client"]))
    if isinstance(line, asyncio.Transport):
        line.abort()


class _Server(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.listening.set()


def _with_abort(app: ASGIApp) -> ASGIApp:
    async def wrapped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            scope.setdefault("state", {})["abort"] = abort
        await app(scope, receive, send)

    return wrapped


@contextmanager
def serving(app: ASGIApp, *, port: int = 0) -> Iterator[str]:
    """Serve `app` on 127.0.0.1 in a thread and give its base URL; port 0 takes a free one.

    Raises:
        OSError: the port is taken.
        RuntimeError: the server did not start within 30 seconds.
    """
    # asyncio turns Nagle's delay off only where the protocol is named: 40 ms a request otherwise
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    server = _Server(
        uvicorn.Config(
            _with_abort(app),
            http=CuttableProtocol,
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            ws_max_size=2**20,
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
    )
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        if not server.listening.wait(START_SECONDS):
            raise RuntimeError("The demo's server did not start within 30 seconds.")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def main(arguments: list[str] | None = None) -> int:
    """Serve both platforms until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m demo.serve", description=__doc__)
    parser.add_argument("--now", type=datetime.fromisoformat, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--ports", type=int, nargs=2, default=(0, 0), metavar=("REDDIT", "BLUESKY"))
    chosen = parser.parse_args(arguments)
    if chosen.now.tzinfo is None:
        parser.error("--now needs a time zone, e.g. 2026-02-20T12:00:00+00:00")
    community = invent(chosen.seed)
    with ExitStack() as stack:
        reddit = stack.enter_context(
            serving(reddit_app(community, lambda: chosen.now), port=chosen.ports[0])
        )
        bluesky = stack.enter_context(
            serving(bluesky_app(community, lambda: chosen.now), port=chosen.ports[1])
        )
        print(f"Reddit   {reddit}\nBluesky  {bluesky}\nCtrl-C stops both.", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
