"""A Prefect server for the session, with the settings that Confide gives Prefect."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import httpx
import pytest
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker

from tests.support.ports import free_port

START_SECONDS = 180.0
POLL_SECONDS = 0.2
SERVE = """
import sys
from pathlib import Path
from flows.environment import prepare
prepare(Path(sys.argv.pop(1)))
from prefect.cli import app
app()
"""


@dataclass(frozen=True, slots=True)
class PrefectServer:
    """Where the server answers, and the folder that holds its database and log."""

    api: str
    folder: Path

    def ask(self, path: str, **body: Any) -> Any:
        """Read from its API."""
        answer = httpx.post(f"{self.api}/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def environment(self) -> dict[str, str]:
        """Point a command at this server."""
        return {"PREFECT_API_URL": self.api}


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """Run one server for the session."""
    with running(tmp_path_factory.mktemp("prefect-server")) as server:
        yield server


@contextmanager
def running(folder: Path) -> Iterator[PrefectServer]:
    """Run a server on loopback whose files lie in `folder`."""
    port = free_port()
    environment = {
        **os.environ,
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
    }
    command = [sys.executable, "-c", SERVE, str(folder), "server", "start"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            server = PrefectServer(f"http://127.0.0.1:{port}/api", folder)
            _wait_until_healthy(server, process)
            yield server
            _send_what_is_queued()
        finally:
            process.terminate()
            process.wait(timeout=60)


def _send_what_is_queued() -> None:
    """Empty this process's queues; at its exit Prefect would try a server that is gone."""
    for worker in (APILogWorker, EventsWorker):
        worker.drain_all(timeout=30)


def _wait_until_healthy(server: PrefectServer, process: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + START_SECONDS
    while monotonic() < deadline:
        try:
            if httpx.get(f"{server.api}/health", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        try:
            process.wait(timeout=POLL_SECONDS)
        except subprocess.TimeoutExpired:
            continue
        break
    told = (server.folder / "server.log").read_text("utf-8", errors="replace")[-2000:]
    raise RuntimeError(f"Prefect's server did not start: {told}")
