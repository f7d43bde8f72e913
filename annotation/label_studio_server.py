"""The study's own Label Studio server: started, found again, stopped.

It runs in its own virtual environment, answers on loopback only, and is told to collect
nothing; its outgoing requests are besides led to a proxy that does not exist, so that what
Label Studio fetches on its own (tips, news of versions) stays unfetched. Login and token are
random, made once and kept beside its data, mode 0600.
"""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

import httpx
from filelock import FileLock, Timeout

from annotation import detached
from annotation.label_studio_home import (
    DATA_VARIABLE,
    LOG_FILE,
    LOGIN_FILE,
    Login,
    environment,
    read_login,
    restore_account,
    write_private,
)
from annotation.label_studio_login import refuse_telemetry
from schema.errors import LabelStudioError

__all__ = ["Login", "ServerHandle", "running_label_studio", "set_account", "start", "stop"]

START_TIMEOUT_SECONDS = 300.0  # the first start migrates an empty database: half a minute alone
_RUN_FILE = "running.json"
_START_OPTIONS = ("start", "--no-browser", "--internal-host", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class ServerHandle:
    """A running embedded server: its address, login and files."""

    url: str
    login: Login
    program: Path
    data_dir: Path

    @property
    def token(self) -> str:
        """The administrator's token, as the client takes it."""
        return self.login.token


@contextmanager
def running_label_studio(program: Path, data_dir: Path, *, port: int = 0) -> Iterator[ServerHandle]:
    """Run a server while the block runs; one that ran already is used and left running."""
    was_running = _answering(data_dir) is not None
    handle = start(program, data_dir, port=port)
    try:
        yield handle
    finally:
        if not was_running:
            stop(data_dir)


def start(
    program: Path,
    data_dir: Path,
    *,
    port: int = 0,
    timeout_seconds: float = START_TIMEOUT_SECONDS,
) -> ServerHandle:
    """Start the server unless it runs, wait until it answers, and leave it running.

    `program` is the `label-studio` of its own environment; port 0 takes a free one. Two
    callers at once get the same server.

    Raises:
        LabelStudioError: not installed, the port is taken, it ends or keeps silent past the
            deadline, or its telemetry is on.
    """
    if not program.is_file():
        raise LabelStudioError(f"Label Studio is not installed: there is no {program}")
    data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    data_dir = data_dir.resolve()
    data_dir.chmod(0o700)
    try:
        with FileLock(data_dir / "start.lock", timeout=timeout_seconds, mode=0o600):
            url = _answering(data_dir) or _launch(program, data_dir, port, timeout_seconds)
    except Timeout:
        raise LabelStudioError(
            "another program has been starting Label Studio on the same data for "
            f"{timeout_seconds:.0f} s: stop it, or wait"
        ) from None
    login = read_login(data_dir)
    try:
        refuse_telemetry(url, login=(login.username, login.password))
    except LabelStudioError:
        stop(data_dir)
        raise
    return ServerHandle(url, login, program, data_dir)


def stop(data_dir: Path) -> bool:
    """Stop the server that runs on `data_dir`, also one whose starter was killed.

    Returns whether one ran.
    """
    pid = _server_pid(data_dir)
    if pid is not None:
        detached.end(pid)
    (data_dir / _RUN_FILE).unlink(missing_ok=True)
    return pid is not None


def set_account(handle: ServerHandle, login: Login) -> None:
    """Set an account's password and token on the server, making neither account nor project.

    For logins that were lost. The server's own Python does it; secrets travel on its
    standard input.

    Raises:
        LabelStudioError: there is no such account.
    """
    restore_account(handle.program, handle.data_dir, login)


def _launch(program: Path, data_dir: Path, port: int, timeout_seconds: float) -> str:
    stop(data_dir)  # one that runs but does not answer, left by a starter that was killed
    chosen = _free_port(port)
    login = read_login(data_dir)
    url = f"http://127.0.0.1:{chosen}"
    pid = detached.spawn(
        [str(program.absolute()), *_START_OPTIONS, "--port", str(chosen)],
        environment=environment(data_dir, login),
        directory=data_dir,
        log=data_dir / LOG_FILE,
    )
    write_private(data_dir / _RUN_FILE, json.dumps({"pid": pid, "url": url}))
    try:
        _wait_until_healthy(pid, url, data_dir, timeout_seconds)
        if not _knows(url, login):  # the data are older than the login: it was lost
            restore_account(program, data_dir, login)
        if not _knows(url, login):
            raise LabelStudioError(
                f"what answers on port {chosen} is not the study's Label Studio: free the port, "
                "or set another in label_studio.url"
            )
    except BaseException:
        detached.end(pid)
        raise
    return url


def _wait_until_healthy(pid: int, url: str, data_dir: Path, timeout_seconds: float) -> None:
    deadline = monotonic() + timeout_seconds
    log = data_dir / LOG_FILE
    with httpx.Client(timeout=5, trust_env=False) as client:  # each new one reads all certificates
        while not _is_healthy(client, url):
            if detached.has_ended(pid, within_seconds=0.25):
                raise LabelStudioError(f"Label Studio ended while starting: see {log}")
            if monotonic() > deadline:
                raise LabelStudioError(
                    f"Label Studio did not answer within {timeout_seconds:.0f} s: see {log}"
                )


def _free_port(port: int) -> int:
    """Return `port`, or a free one for 0: Label Studio itself would silently take the next."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise LabelStudioError(
                f"port {port} is taken: stop what listens there, or set another port in "
                "label_studio.url"
            ) from None
        return int(probe.getsockname()[1])


def _answering(data_dir: Path) -> str | None:
    """Return the address of the server on `data_dir`, if it runs and knows its login."""
    if _server_pid(data_dir) is None or not (data_dir / LOGIN_FILE).exists():
        return None
    url = str(_run_record(data_dir)["url"])
    return url if _knows(url, read_login(data_dir)) else None


def _run_record(data_dir: Path) -> dict[str, str | int]:
    try:
        record = json.loads((data_dir / _RUN_FILE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _server_pid(data_dir: Path) -> int | None:
    """Return the recorded process if it still is a server on this data, not a reused number."""
    pid = _run_record(data_dir).get("pid")
    ours = f"{DATA_VARIABLE}={data_dir.resolve()}"
    return pid if isinstance(pid, int) and detached.is_running(pid, with_variable=ours) else None


def _is_healthy(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(f"{url}/health").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _knows(url: str, login: Login) -> bool:
    try:
        answer = httpx.get(
            f"{url}/api/current-user/whoami",
            headers={"Authorization": f"Token {login.token}"},
            timeout=30,
            trust_env=False,
        )
    except httpx.HTTPError:
        return False
    return answer.status_code == httpx.codes.OK and answer.json().get("email") == login.username
