"""A program that outlives its starter: started in a session of its own, ended by number.

Linux: a process is watched through a descriptor of it, so that a reused number is never
taken for the program that had it.
"""

import os
import select
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

STOP_TIMEOUT_SECONDS = 15.0
_START = 'umask 077; cd "$1" && unset OLDPWD && shift && exec "$@"'
# appending, so that a log that is emptied while the program writes it stays small
_LOG_MODE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def spawn(
    command: Sequence[str], *, environment: Mapping[str, str], directory: Path, log: Path
) -> int:
    """Start `command` in `directory`, its output in `log`, files private; return its number.

    It is the leader of its own session, so Ctrl-C in the terminal does not reach it.
    """
    return os.posix_spawn(
        "/bin/sh",
        [
            "sh",
            "-c",
            'umask 077; cd "$1" && unset OLDPWD && shift && exec "$@"',
            "sh",
            str(directory),
            *command,
        ],
        environment,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(log), _LOG_MODE, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def has_ended(pid: int, *, within_seconds: float) -> bool:
    """Wait until the process ends, at most so long, and tell whether it did."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        ended = bool(select.select([descriptor], [], [], within_seconds)[0])
    finally:
        os.close(descriptor)
    if ended:
        with suppress(ChildProcessError):  # another program's child is not ours to bury
            os.waitpid(pid, os.WNOHANG)
    return ended


def end(pid: int) -> None:
    """End the session that `pid` leads: politely, and by force when it does not go."""
    for how in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(pid, how)
        if has_ended(pid, within_seconds=STOP_TIMEOUT_SECONDS):
            return


def is_running(pid: int, *, with_variable: str) -> bool:
    """Tell whether the process lives and was started with `NAME=value` in its environment."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return with_variable.encode() in variables
