"""How a long run ends: by a signal, or by a fault that no waiting mends."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

from schema.errors import CorpusError

SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


@dataclass(slots=True)
class Ending:
    """What the threads of a run watch. Once it is over, what is still underway is dropped."""

    stop: threading.Event = field(default_factory=threading.Event)
    failure: CorpusError | None = None
    is_over: bool = False

    def fail(self, error: CorpusError) -> None:
        """End the run; the first failure is the one that is told."""
        self.failure = self.failure or error
        self.stop.set()


@contextmanager
def stopping_on_signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C set `stop`; a second one has its usual effect.

    Only a process's main thread hears signals: elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}

    def hear(_number: int, _frame: FrameType | None) -> None:
        # not here: the main thread may have been interrupted while it held the event's own lock
        threading.Thread(target=stop.set).start()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)

    for number in SIGNALS:
        signal.signal(number, hear)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
