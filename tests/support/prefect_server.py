"""A Prefect server for the session, with the settings that Confide gives Prefect."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any

import httpx
import pytest

from tests.support.ports import free_port

START_SECONDS = 180.0
RECORD_SECONDS = 60.0
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
    """Where the server answers, the folder that holds its database and log, its process."""

    api: str
    folder: Path
    process: subprocess.Popen[bytes]

    def ask(self, path: str, **body: Any) -> Any:
        """Read from its API."""
        answer = httpx.post(f"{self.api}/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def task_runs(self, flow_run_id: str, *, expected: int) -> list[dict[str, Any]]:
        """Read a flow run's tasks once all have ended: the server learns of them a little later."""
        send_what_is_queued()
        deadline = monotonic() + RECORD_SECONDS
        while True:
            found: list[dict[str, Any]] = self.ask(
                "task_runs/filter", flow_runs={"id": {"any_": [flow_run_id]}}
            )
            ended = [run for run in found if run["state_type"] in ("COMPLETED", "FAILED")]
            if len(ended) == expected:
                return ended
            assert monotonic() < deadline, f"{len(ended)} of {expected} tasks recorded"
            Event().wait(POLL_SECONDS)

    def kill(self) -> None:
        """End it and what it started as a crash would."""
        os.killpg(self.process.pid, signal.SIGKILL)

    def environment(self) -> dict[str, str]:
        """Point a command at this server."""
        return {"PREFECT_API_URL": self.api}


@pytest.fixture(scope="session")
def prefect_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrefectServer]:
    """Run one server for the session."""
    with running(tmp_path_factory.mktemp("prefect-server")) as server:
        yield server


@contextmanager
def running(folder: Path, *, port: int | None = None) -> Iterator[PrefectServer]:
    """Run a server on loopback whose files lie in `folder`, on a free port if none is named."""
    port = port or free_port()
    environment = {
        **os.environ,
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
    }
    command = [sys.executable, "-c", SERVE, str(folder), "server", "start"]
    with (folder / "server.log").open("ab") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            server = PrefectServer(f"http://127.0.0.1:{port}/api", folder, process)
            _wait_until_healthy(server, process)
            yield server
            send_what_is_queued()
        finally:
            process.terminate()
            process.wait(timeout=60)


def send_what_is_queued() -> None:
    """Empty this process's queues; at its exit Prefect would try a server that is gone."""
    if "prefect" not in sys.modules:
        return
    # every session of tests loads this module, and few of them need Prefect's two seconds
    from prefect.events.worker import EventsWorker  # noqa: PLC0415
    from prefect.logging.handlers import APILogWorker  # noqa: PLC0415

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
