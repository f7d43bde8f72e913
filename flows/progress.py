"""How far a file or a stream is read: a bar or a line on a terminal, silence elsewhere."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.status import Status

Listener = Callable[[str, int], None]
_listeners: list[Listener] = []
_readers: list[Callable[[str], object]] = []


def told(stream: str, place: int) -> None:
    """Say up to where a stream is read and stored: a byte of its file, or an event's number."""
    for listener in _listeners:
        listener(stream, place)


def said(line: str) -> None:
    """Say in words how far a long run is."""
    for reader in _readers:
        reader(line)


@contextmanager
def line_of_words(*, is_wanted: bool) -> Iterator[None]:
    """Draw one line on standard error while a long run says how far it is.

    Nothing is drawn where nobody looks, or into a pipe.
    """
    if not (is_wanted and sys.stderr.isatty()):
        yield
        return
    with Status("connecting", console=Console(stderr=True)) as line:
        _readers.append(line.update)
        try:
            yield
        finally:
            _readers.remove(line.update)


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
