"""How far a file is read: a bar by bytes on a terminal, silence elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

Listener = Callable[[str, int], None]
_listeners: list[Listener] = []


def told(stream: str, file_at: int) -> None:
    """Say that so many bytes of a stream's file are read and stored."""
    for listener in _listeners:
        listener(stream, file_at)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Have a function told of every page, for as long as the block lasts."""
    _listeners.append(listener)
    try:
        yield
    finally:
        _listeners.remove(listener)


@contextmanager
def bar_by_bytes(sizes: dict[str, int], *, is_wanted: bool) -> Iterator[None]:
    """Draw one bar over all the files on standard error while they are read.

    `sizes`: bytes of each stream's file. Nothing is drawn where nobody looks, or into a pipe.
    """
    if not (is_wanted and sys.stderr.isatty()):
        yield
        return
    columns = (TextColumn("reading"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("", total=sum(sizes.values()))
        read: dict[str, int] = {}

        def move(stream: str, file_at: int) -> None:
            read[stream] = file_at
            progress.update(bar, completed=sum(read.values()))

        with listening(move):
            yield
