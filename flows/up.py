"""`confide up`: everything a study needs to be collected for months, on loopback.

One process watches over others, each in a session of its own so that Ctrl-C in a terminal ends
them in order: Prefect's server, the process that runs what is due (serving.py), the streams, and
Label Studio. What ends by itself is started again, after a longer wait each time. The lock in
`var/` is the operating system's: a crash releases it, and the next `confide up` ends what the
crashed one left running.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired
from threading import Event
from time import monotonic
from typing import Any, Final

import httpx
from filelock import FileLock, Timeout

from annotation import label_studio_server
from flows.ending import stopping_on_signals
from flows.environment import API_VARIABLE, UP_FILE, UP_LOCK, running_server
from flows.schedules import Planned, followed, next_turns, plan
from flows.workspace import Workspace
from schema.errors import BadInput, ServerError

HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 4200
MARK: Final = "CONFIDE_UP"  # in the environment of all that a `confide up` of this study starts
START_SECONDS: Final = 180.0
LOOK_SECONDS: Final = 0.25
LOCK_SECONDS: Final = 1.0  # as long as another verb may look whether the lock is held
END_SECONDS: Final = 45.0  # for a transaction, a rewriting, Prefect's own leave-taking
GRACE_SECONDS: Final = 3.0  # for what lost its `confide up`: it may wait for a server in vain
FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 300.0
LOG_BYTES: Final = 1_000_000
Say = Callable[[str], None]


@dataclass(slots=True)
class Part:
    """A process that is kept running; its output goes to a file in `var/`."""

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str]
    process: Popen[bytes] | None = None
    is_ending: bool = False
    due_at: float = 0.0
    wait_seconds: float = FIRST_WAIT_SECONDS

    def start(self) -> None:
        """Start it, in a session of its own."""
        is_long = self.log.exists() and self.log.stat().st_size > LOG_BYTES
        with self.log.open("wb" if is_long else "ab") as log:
            self.log.chmod(0o600)
            self.process = Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )
        self.due_at = monotonic() + self.wait_seconds

    def keep_running(self, say: Say) -> None:
        """Start it again where it ended, not sooner than the last time."""
        if self.process is None:
            if monotonic() >= self.due_at:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        self.end()
        has_lasted = monotonic() > self.due_at + LONGEST_WAIT_SECONDS
        self.wait_seconds = FIRST_WAIT_SECONDS if has_lasted else self.wait_seconds
        say(f"{self.name} ended ({code}), see {self.log}: again in {self.wait_seconds:.0f} s")
        self.due_at = monotonic() + self.wait_seconds
        self.wait_seconds = min(4 * self.wait_seconds, LONGEST_WAIT_SECONDS)

    def ask_to_end(self) -> None:
        """Let it begin to end; told twice, a stream would end at once."""
        if self.process is not None and not self.is_ending:
            self.process.terminate()
            self.is_ending = True

    def end(self) -> None:
        """End it and all it started: politely, and by force what does not go."""
        self.ask_to_end()
        process, self.process, self.is_ending = self.process, None, False
        if process is None:
            return
        with suppress(TimeoutExpired):
            process.wait(END_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass(slots=True)
class Up:
    """A study that is up: what runs for it, and how it tells of that."""

    workspace: Workspace
    port: int
    say: Say
    stop: Event = field(default_factory=Event)
    parts: list[Part] = field(default_factory=list)
    began_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def ui(self) -> str:
        """Where people look."""
        return f"http://{HOST}:{self.port}"

    @property
    def api(self) -> str:
        """Where flows report to."""
        return f"{self.ui}/api"

    def run(self) -> None:
        """Start everything, keep it running until told to stop, end it in order."""
        label_studio = None
        try:
            server = self._part("server", "-m", "prefect", "server", "start")
            # only the pages of the server itself may ask it: no other page in the same browser
            server.environment |= {
                "PREFECT_SERVER_API_HOST": HOST,
                "PREFECT_SERVER_API_PORT": str(self.port),
                "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": self.ui,
            }
            server.start()
            if not self._has_answered(server):
                return
            self._tell_others()
            self._start_flows()
            label_studio = self._start_label_studio()
            self.say(f"up: {self.ui} (Ctrl-C or SIGTERM ends it)")
            while not self.stop.wait(LOOK_SECONDS):
                for part in self.parts:
                    part.keep_running(self.say)
                label_studio = self._has_label_studio(label_studio)
        finally:
            self._end(label_studio)

    def _part(self, name: str, *arguments: str, **environment: str) -> Part:
        log = self.workspace.state / f"up-{name}.log"
        part = Part(name, [sys.executable, *arguments], log, environment)
        self.parts.append(part)
        return part

    def _has_answered(self, server: Part) -> bool:
        """Wait until the server answers; False where the stop came first.

        Raises:
            ServerError: it ended, or keeps silent.
        """
        deadline = monotonic() + START_SECONDS
        while not _is_prefect(self.port):
            if self.stop.wait(LOOK_SECONDS):
                return False
            if server.process is None or server.process.poll() is not None:
                raise ServerError(f"Prefect's server ended while starting: see {server.log}")
            if monotonic() > deadline:
                raise ServerError(
                    f"Prefect's server did not answer within {START_SECONDS:.0f} s: "
                    f"see {server.log}"
                )
        return True

    def _tell_others(self) -> None:
        path = self.workspace.state / UP_FILE
        path.touch(mode=0o600)
        path.write_text(json.dumps({"api": self.api, "pid": os.getpid()}) + "\n", "utf-8")

    def _start_flows(self) -> None:
        joined = {API_VARIABLE: self.api}
        began = self.began_at.isoformat()
        self._part("serving", "-m", "flows.serving", began, **joined).start()
        if streams := followed(self.workspace.study):
            study = str(self.workspace.directory)
            verb = ("-m", "flows.cli", "stream", *streams, "--study", study)
            self._part("stream", *verb, **joined).start()

    def _start_label_studio(self) -> Popen[bytes] | None:
        """Start an embedded Label Studio beside the rest: its first start takes half a minute."""
        if not self.workspace.study.label_studio.embedded:
            return None
        verb = ["-m", "flows.cli", "label-studio", "start", "--study"]
        return Popen(
            [sys.executable, *verb, str(self.workspace.directory)],
            stdin=DEVNULL,
            stdout=DEVNULL,  # it says the administrator's password
            stderr=PIPE,
            start_new_session=True,
        )

    def _has_label_studio(self, starter: Popen[bytes] | None) -> Popen[bytes] | None:
        """Say once what became of its start."""
        if starter is None or starter.poll() is None:
            return starter
        _, error = starter.communicate()
        if starter.returncode:
            told = error.decode("utf-8", "replace").strip().removeprefix("confide: ")
            self.say(f"without Label Studio: {told}")
        else:
            self.say(f"Label Studio: {self.workspace.study.label_studio.url}")
        return None

    def _end(self, starter: Popen[bytes] | None) -> None:
        """End the parts, the server last, since the others report to it."""
        (self.workspace.state / UP_FILE).unlink(missing_ok=True)
        if starter is not None:
            starter.terminate()
            starter.communicate()
        server, *others = self.parts
        for part in others:
            part.ask_to_end()
        for part in (*others, server):
            part.end()
        if self.workspace.study.label_studio.embedded:
            label_studio_server.stop(self.workspace.state / "label-studio")


def up(workspace: Workspace, *, port: int, say: Say) -> None:
    """Bring a study up until SIGTERM or Ctrl-C.

    Raises:
        BadInput: it is up already, the port is taken, or the study has nothing to run.
        ServerError: Prefect's server does not start.
    """
    check(workspace, port)
    with _alone(workspace):
        if count := end_leftovers(workspace.directory):
            say(f"ended {count} processes that an earlier `confide up` left when it crashed")
        _refuse_taken(port)
        os.environ[MARK] = str(workspace.directory)
        study = Up(workspace, port, say)
        with stopping_on_signals(study.stop):
            study.run()


def check(workspace: Workspace, port: int) -> None:
    """Refuse what cannot be brought up; start nothing.

    Raises:
        BadInput: see `up`.
        KeyUnreadable: the study has no key here.
        StudyInvalid: a cron is none.
    """
    if address := running_server(workspace.directory):
        raise BadInput(f"this study is up already, at {address.removesuffix('/api')}: use that")
    if API_VARIABLE in os.environ:
        raise BadInput(
            f"{API_VARIABLE} names a Prefect server of your own: unset it, or deploy to that "
            "server by `confide up --prefect-yaml`"
        )
    if not workspace.study.source:
        raise BadInput("the study has no [[source]]: add one to study.toml")
    _ = workspace.key
    now = datetime.now(UTC)
    for planned in plan(workspace.study):
        next_turns(planned, now)
    if not _leftovers(workspace.directory):  # they may hold the port, and are ended first
        _refuse_taken(port)


def what_would_run(workspace: Workspace) -> list[dict[str, Any]]:
    """Say what would run, and its next turn after now."""
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = [
        {"what": f"stream {name}", "when": "all the time", "next": None}
        for name in followed(workspace.study)
    ]
    return rows + [_row(planned, now) for planned in plan(workspace.study)]


def end_leftovers(directory: Path) -> int:
    """End what a crashed `confide up` of the study left running; return how many processes.

    To be asked only by who holds the study's lock.
    """
    left = found = _leftovers(directory)
    for how, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, END_SECONDS)):
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, how)
        deadline = monotonic() + seconds
        while (left := _leftovers(directory)) and monotonic() < deadline:
            Event().wait(LOOK_SECONDS)
    return len(found)


def _leftovers(directory: Path) -> list[int]:
    """Find processes by the mark in their environment (Linux)."""
    mark, found = f"{MARK}={directory}".encode(), []
    for variables in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it ended meanwhile, or is another user's
            if mark in variables.read_bytes().split(b"\0"):
                found.append(int(variables.parent.name))
    return [pid for pid in found if pid != os.getpid()]


def _row(planned: Planned, now: datetime) -> dict[str, Any]:
    first, _ = next_turns(planned, now)
    is_pass = planned.flow == "collect"
    return {
        "what": f"collect {planned.name}" if is_pass else planned.flow,
        "when": planned.when,
        "next": first.isoformat(timespec="minutes"),
    }


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    lock = FileLock(workspace.state / UP_LOCK, mode=0o600)
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise BadInput(
            "another `confide up` of this study is starting or ending: let it, or stop it"
        ) from None
    try:
        yield
    finally:
        lock.release()


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            pass
        else:
            return
    who = "the Prefect server of another study or program" if _is_prefect(port) else "a program"
    raise BadInput(f"port {port} is taken by {who}: stop it, or give another one by --port")


def _is_prefect(port: int) -> bool:
    try:
        answer = httpx.get(f"http://{HOST}:{port}/api/health", timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and answer.text == "true"
