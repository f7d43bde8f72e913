"""Waiting out what passes by itself: a busy store, a platform that does not answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from flows.ending import Ending
from schema.errors import CorpusError, SourceUnavailable, StoreBusy

PASSING: Final = (SourceUnavailable, StoreBusy)
FIRST_SECONDS = 1.0
LONGEST_SECONDS: Final = 60.0
Result = TypeVar("Result")


@dataclass(slots=True)
class Patience:
    """Tries again, each time after a longer wait, until the run is to end."""

    ending: Ending
    trouble: CorpusError | None = None  # what is being waited out
    seconds: float = field(default_factory=lambda: FIRST_SECONDS)

    def get(self, work: Callable[[], Result]) -> Result | None:
        """Return what `work` returns once it does; None where the run ended before that."""
        while True:
            try:
                result = work()
            except PASSING as error:
                if not self.wait(error):
                    return None
            else:
                self.calm_down()
                return result

    def wait(self, trouble: CorpusError) -> bool:
        """Wait once, longer than the last time; False where the run is to end."""
        told = getattr(trouble, "retry_after_seconds", None) or 0.0
        self.trouble = trouble
        is_ending = self.ending.stop.wait(max(self.seconds, told))
        self.seconds = min(2 * self.seconds, LONGEST_SECONDS)
        return not is_ending

    def calm_down(self) -> None:
        """Forget the trouble: it has passed."""
        self.trouble, self.seconds = None, FIRST_SECONDS
