"""One process for each stream: a lock of the operating system's, which a crash releases too."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from flows.workspace import Workspace
from schema.errors import BadInput

WAIT_SECONDS = 1.0  # as long as somebody may look whether it is held


@contextmanager
def alone(workspace: Workspace, source: str) -> Iterator[None]:
    """Follow a stream as the only process that does.

    Raises:
        BadInput: another one follows it.
    """
    lock = _lock(workspace, source)
    try:
        lock.acquire(timeout=WAIT_SECONDS)
    except Timeout:
        raise BadInput(f"source {source} {is_followed_already(source)}") from None
    try:
        yield
    finally:
        lock.release()


def is_followed(workspace: Workspace, source: str) -> bool:
    """Tell whether a process follows this stream now."""
    lock = _lock(workspace, source)
    if not Path(lock.lock_file).exists():
        return False
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    lock.release()
    return False


def is_followed_already(source: str) -> str:
    """Say what to do about a stream that somebody follows."""
    return (
        "is followed by another `confide stream` or `confide collect` now: let it run, or stop it "
        f"(Ctrl-C, SIGTERM) before you read {source} here"
    )


def _lock(workspace: Workspace, source: str) -> FileLock:
    workspace.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    return FileLock(workspace.state / f"stream-{source}.lock", mode=0o600)
