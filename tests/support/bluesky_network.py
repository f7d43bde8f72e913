"""The real Bluesky servers of `tests/bluesky_network`, started once a session."""

import json
import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.support.needs import needs_folder, needs_program

START_SECONDS: Final = 120.0
PORTS: Final = (
    *("PLC", "PDS", "APPVIEW", "SEARCH", "CONTROL"),
    *("OZONE", "POSTGRES", "REDIS", "JETSTREAM"),
)


@dataclass(frozen=True, slots=True)
class BlueskyNetwork:
    """A running network: its addresses, and what a test does to it."""

    addresses: Mapping[str, Any]
    control: httpx.Client

    @property
    def appview(self) -> str:
        return str(self.addresses["appview"])

    @property
    def jetstream(self) -> str:
        return str(self.addresses["jetstream_v2"])

    @property
    def jetstream_v1(self) -> str:
        return str(self.addresses["jetstream_v1"])

    def seed(self, *operations: Mapping[str, Any]) -> "Seeded":
        """Apply operations in order and wait until they can be read."""
        body = "\n".join(json.dumps(operation) for operation in operations)
        answer = self.control.post("/seed", content=body)
        assert answer.status_code == 200, answer.text
        return Seeded(**{key: answer.json()[key] for key in ("accounts", "refs")})

    def drop_streams(self) -> int:
        """Cut every Jetstream connection; tell how many there were."""
        return int(self.control.post("/jetstream/drop").json()["dropped"])

    def forget_events(self) -> None:
        """Let Jetstream refuse the cursors that were given out so far."""
        self.control.post("/jetstream/forget").raise_for_status()


@dataclass(frozen=True, slots=True)
class Seeded:
    """What the seeder made: accounts by name, records by id."""

    accounts: Mapping[str, Mapping[str, str]]
    refs: Mapping[str, Mapping[str, str]]

    def did(self, name: str) -> str:
        return self.accounts[name]["did"]

    def uri(self, name: str) -> str:
        return self.refs[name]["uri"]


@contextmanager
def running_bluesky_network() -> Iterator[BlueskyNetwork]:
    """Start the servers on free ports of their own and stop them; about 10 s.

    Skips where they are not installed, or PostgreSQL or Redis is not.
    """
    folder = _installed_in()
    environment = os.environ | _free_ports()
    process = subprocess.Popen(
        [folder / "start.sh", "--jetstream", "--search"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            ready = _ready_line(process)
            with httpx.Client(base_url=ready["control"], timeout=120) as control:
                yield BlueskyNetwork(ready, control)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=60)


@pytest.fixture(scope="session")
def bluesky_network() -> Iterator[BlueskyNetwork]:
    """Run one network for the session."""
    with running_bluesky_network() as network:
        yield network


def _installed_in() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    default = cache / "confide" / "bluesky-network"
    folder = Path(os.environ.get("CONFIDE_BLUESKY_NETWORK", default))
    needs_folder(folder / "node_modules", remedy="make bluesky-network")
    needs_program("initdb", package="postgresql")
    needs_program("redis-server", package="redis-server")
    return folder


def _free_ports() -> dict[str, str]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in PORTS]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        numbers = [str(one.getsockname()[1]) for one in sockets]
    return {f"BSKY_{name}_PORT": number for name, number in zip(PORTS, numbers, strict=True)}


def _ready_line(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    readable, _, _ = select.select([process.stdout], [], [], START_SECONDS)
    line = process.stdout.readline() if readable else ""
    assert line, "the Bluesky network did not start: run its start.sh by hand to see why"
    answer: dict[str, Any] = json.loads(line)
    return answer
