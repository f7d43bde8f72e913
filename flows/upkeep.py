"""Chores beside a long run: each is done every so often, and a failed one again soon."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic
from typing import Final

from flows.ending import Ending
from flows.guard import guarded
from flows.patience import PASSING
from schema.errors import CorpusError, LabelStudioError

TICK_SECONDS: Final = 0.5
AGAIN_SECONDS: Final = 60.0  # at the latest, where a chore could not be done


@dataclass(slots=True)
class Chore:
    """Something to do every so often; `due_at` on the monotonic clock, at once to begin with.

    Where `work` returns False it could not begin yet, and is done as soon as it can.
    """

    work: Callable[[], bool | None]
    every_seconds: float
    due_at: float = 0.0


class Upkeep(threading.Thread):
    """A thread that does chores in turn until its run ends."""

    def __init__(self, chores: Sequence[Chore], ending: Ending) -> None:
        """Take the chores; `start` begins with them."""
        super().__init__(daemon=True)
        self._chores, self._ending = chores, ending

    def run(self) -> None:
        """Do what is due until the run ends; what no waiting mends ends it."""
        try:
            while not self._ending.stop.is_set():
                for chore in self._chores:
                    _do(chore)
                self._ending.stop.wait(TICK_SECONDS)
        except CorpusError as error:
            self._ending.fail(error)


def _do(chore: Chore) -> None:
    if monotonic() < chore.due_at:
        return
    wait_seconds = chore.every_seconds
    try:
        if guarded(chore.work)() is False:
            return
    except (*PASSING, LabelStudioError):
        wait_seconds = min(wait_seconds, AGAIN_SECONDS)
    chore.due_at = monotonic() + wait_seconds
