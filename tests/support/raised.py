"""A study that `confide up` brought up, and how to ask its Prefect server."""

import signal
from collections.abc import Callable
from dataclasses import dataclass
from subprocess import Popen
from threading import Event
from time import monotonic
from typing import Any, Final, Self

import httpx

from tests.support.command import SECONDS
from tests.support.study import DemoStudy

QUICK: Final = {
    "PREFECT_RUNNER_POLL_FREQUENCY": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
}
WAIT_SECONDS: Final = 180.0
ENDED: Final = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")
POLL_SECONDS: Final = 0.2


def wait_for(is_so: Callable[[], Any], *, seconds: float = WAIT_SECONDS) -> Any:
    """Ask until the answer is one, and return it."""
    deadline = monotonic() + seconds
    while not (answer := is_so()):
        assert monotonic() < deadline, "it did not come"
        Event().wait(POLL_SECONDS)
    return answer


@dataclass
class Raised:
    """A study that is up, and how to ask it."""

    study: DemoStudy
    port: int
    process: Popen[str]
    said: list[str]

    @classmethod
    def up(cls, study: DemoStudy, port: int) -> Self:
        """Bring it up, and read what it says until it is."""
        process = study.place.having(**QUICK).start("up", "--port", str(port))
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("up: "):
                return cls(study, port, process, said)
        assert process.stderr is not None
        raise AssertionError(process.stderr.read())

    def end(self, how: signal.Signals = signal.SIGTERM) -> tuple[int, str, str]:
        """Tell it to stop; return its exit code and what else it said."""
        self.process.send_signal(how)
        out, err = self.process.communicate(timeout=SECONDS)
        return self.process.returncode, out, err

    def ask(self, path: str, **body: Any) -> Any:
        """Read from its server."""
        answer = httpx.post(f"http://127.0.0.1:{self.port}/api/{path}", json=body, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def deployments(self) -> dict[str, Any]:
        """Read what is served, by name."""
        return {each["name"]: each for each in self.ask("deployments/filter")}

    def runs(self, *states: str, deployment: str | None = None) -> list[dict[str, Any]]:
        """Read the runs in these states."""
        query: dict[str, Any] = {"flow_runs": {"state": {"type": {"any_": list(states)}}}}
        if deployment is not None:
            query["deployments"] = {"name": {"any_": [deployment]}}
        found: list[dict[str, Any]] = self.ask("flow_runs/filter", **query)
        return found

    def all_runs(self) -> list[dict[str, Any]]:
        """Read the runs of every state, however many."""
        found: list[dict[str, Any]] = []
        while page := self.ask("flow_runs/filter", sort="ID_DESC", offset=len(found)):
            found += page
        return found

    def ended_runs(self) -> list[dict[str, Any]]:
        """Read all runs that ended."""
        return [run for run in self.all_runs() if run["state_type"] in ENDED]

    def order(self, name: str) -> None:
        """Order a run of a deployment now."""
        deployment = self.deployments()[name]["id"]
        self.ask(f"deployments/{deployment}/create_flow_run", state={"type": "SCHEDULED"})
