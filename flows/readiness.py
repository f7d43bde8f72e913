"""Whether a study can be brought up: not up already, nothing left of a crash, its port free."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any, Final

import httpx
from filelock import FileLock, Timeout

from flows.environment import API_VARIABLE, UP_LOCK, running_server
from flows.schedules import Planned, followed, next_turns, plan
from flows.webhook import read_address
from flows.workspace import Workspace
from schema.errors import BadInput

HOST: Final = "127.0.0.1"
MARK: Final = "CONFIDE_UP"  # in the environment of all that a `confide up` of this study starts
LOCK_SECONDS: Final = 1.0  # as long as another verb may look whether the lock is held
GRACE_SECONDS: Final = 3.0  # for what lost its `confide up`: it may wait for a server in vain
KILL_SECONDS: Final = 30.0
LOOK_SECONDS: Final = 0.25


def check(workspace: Workspace, port: int) -> None:
    """Refuse what cannot be brought up; start nothing.

    Raises:
        BadInput: it is up already, the port is taken, the study has nothing to run, or nobody can
            be told of trouble at the address it names.
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
    read_address(workspace)
    now = datetime.now(UTC)
    for planned in plan(workspace.study):
        next_turns(planned, now)
    if not _leftovers(workspace.directory):  # they may hold the port, and are ended first
        refuse_taken(port)


def what_would_run(workspace: Workspace) -> list[dict[str, Any]]:
    """Say what would run, and its next turn after now."""
    now = datetime.now(UTC)
    rows: list[dict[str, Any]] = [
        {"what": f"stream {name}", "when": "all the time", "next": None}
        for name in followed(workspace.study)
    ]
    return rows + [_row(planned, now) for planned in plan(workspace.study)]


@contextmanager
def up_alone(workspace: Workspace) -> Iterator[None]:
    """Be the only `confide up` of this study.

    Raises:
        BadInput: another one is.
    """
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


def end_leftovers(directory: Path) -> int:
    """End what a crashed `confide up` of the study left running; return how many processes.

    To be asked only by who holds the study's lock.
    """
    left = found = _leftovers(directory)
    for how, seconds in ((signal.SIGTERM, GRACE_SECONDS), (signal.SIGKILL, KILL_SECONDS)):
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


def refuse_taken(port: int) -> None:
    """Refuse a port that something listens on, and say what.

    Raises:
        BadInput: it is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            pass
        else:
            return
    who = "the Prefect server of another study or program" if is_prefect(port) else "a program"
    raise BadInput(f"port {port} is taken by {who}: stop it, or give another one by --port")


def is_prefect(port: int) -> bool:
    """Tell whether a Prefect server answers there."""
    try:
        answer = httpx.get(f"http://{HOST}:{port}/api/health", timeout=5, trust_env=False)
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and answer.text == "true"


def _row(planned: Planned, now: datetime) -> dict[str, Any]:
    first, _ = next_turns(planned, now)
    is_pass = planned.flow == "collect"
    return {
        "what": f"collect {planned.name}" if is_pass else planned.flow,
        "when": planned.when,
        "next": first.isoformat(timespec="minutes"),
    }
