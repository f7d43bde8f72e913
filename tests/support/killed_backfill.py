"""`confide`, killed by its own hand: SIGKILL a moment after the nth page was stored.

    python -m tests.support.killed_backfill NTH SECONDS backfill FILE… --study DIR

Pages are small here, so that a small file has many.
"""

import os
import signal
import sys
import threading
from functools import partial

from connectors import reddit_archive, reddit_dump, reddit_export
from flows import progress
from flows.cli import app

ARCHIVE_ROWS = 300
BLOCK_BYTES = 2**20
EXPORT_ROWS = 500


def main(nth: int, seconds: float) -> None:
    """Run the command line and kill this process at its moment."""
    pages = 0

    def count(_stream: str, _file_at: int) -> None:
        nonlocal pages
        pages += 1
        if pages == nth:
            threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

    reddit_archive.PAGE_ROWS = ARCHIVE_ROWS  # type: ignore[misc]
    reddit_archive.read_blocks = partial(  # type: ignore[attr-defined]
        reddit_dump.read_blocks, block_bytes=BLOCK_BYTES
    )
    reddit_export.PAGE_ROWS = EXPORT_ROWS  # type: ignore[misc]
    with progress.listening(count):
        app()


if __name__ == "__main__":
    main(int(sys.argv.pop(1)), float(sys.argv.pop(1)))
