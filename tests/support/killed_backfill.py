"""`confide`, killed by its own hand: SIGKILL a moment after the nth page was stored.

python -m tests.support.killed_backfill NTH SECONDS backfill FILE… --study DIR
"""

import os
import signal
import sys
import threading

from flows import progress
from flows.cli import app


def main(nth: int, seconds: float) -> None:
    """Run the command line and kill this process at its moment."""
    pages = 0

    def count(_stream: str, _file_at: int) -> None:
        nonlocal pages
        pages += 1
        if pages == nth:
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

    with progress.listening(count):
        app()


if __name__ == "__main__":
    main(int(sys.argv.pop(1)), float(sys.argv.pop(1)))
