"""A place with no network but loopback: a network namespace of the test's own (Linux)."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

UP = """
import fcntl, socket, struct, sys
SIOCSIFFLAGS, IFF_UP = 0x8914, 1
with socket.socket() as any_socket:
    fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", IFF_UP))
print("up", flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Namespace:
    """How to begin a command that is to run there; nothing where it cannot be had, and why."""

    enter: tuple[str, ...]
    why_not: str | None = None


@contextmanager
def loopback_only() -> Iterator[Namespace]:
    """Hold a namespace open; without the right to make one, give the ordinary network."""
    if not (shutil.which("unshare") and shutil.which("nsenter")):
        yield Namespace((), "unshare and nsenter are not installed: Debian package util-linux")
        return
    as_root: tuple[str, ...] = () if os.geteuid() == 0 else ("--map-root-user",)
    holder = subprocess.Popen(
        ["unshare", *as_root, "--net", sys.executable, "-c", UP],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with holder:
        assert holder.stdout is not None
        if holder.stdout.readline() == "up\n":
            user = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
            yield Namespace(("nsenter", "--target", str(holder.pid), *user, "--net"))
        else:
            yield Namespace((), "this account may not make a network namespace")
