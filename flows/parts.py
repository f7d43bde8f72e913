"""A process that is kept running beside others, in a session of its own."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from time import monotonic
from typing import Final

END_SECONDS: Final = 90.0  # for a transaction, a rewriting, Prefect's own leave-taking
FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 300.0
LOG_BYTES: Final = 1_000_000
Say = Callable[[str], None]


@dataclass(slots=True)
class Part:
    """A process that is kept running; its output goes to a file in `var/`."""

    name: str
    command: list[str]
    log: Path
    environment: dict[str, str]
    process: Popen[bytes] | None = None
    is_ending: bool = False
    due_at: float = 0.0
    wait_seconds: float = FIRST_WAIT_SECONDS

    def start(self) -> None:
        """Start it, in a session of its own."""
        is_long = self.log.exists() and self.log.stat().st_size > LOG_BYTES
        with self.log.open("wb" if is_long else "ab") as log:
            self.log.chmod(0o600)
            self.process = Popen(
                self.command,
                env={**os.environ, **self.environment},
                stdin=DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                umask=0o077,
            )
        self.due_at = monotonic() + self.wait_seconds

    def keep_running(self, say: Say) -> None:
        """Start it again where it ended, not sooner than the last time."""
        if self.process is None:
            if monotonic() >= self.due_at:
                self.start()
            return
        code = self.process.poll()
        if code is None:
            return
        self.end()
        has_lasted = monotonic() > self.due_at + LONGEST_WAIT_SECONDS
        self.wait_seconds = FIRST_WAIT_SECONDS if has_lasted else self.wait_seconds
        say(f"{self.name} ended ({code}), see {self.log}: again in {self.wait_seconds:.0f} s")
        self.due_at = monotonic() + self.wait_seconds
        self.wait_seconds = min(4 * self.wait_seconds, LONGEST_WAIT_SECONDS)

    def ask_to_end(self) -> None:
        """Let it begin to end; told twice, a stream would end at once."""
        if self.process is not None and not self.is_ending:
            self.process.terminate()
            self.is_ending = True

    def end(self) -> None:
        """End it and all it started: politely, and by force what does not go."""
        self.ask_to_end()
        process, self.process, self.is_ending = self.process, None, False
        if process is None:
            return
        with suppress(TimeoutExpired):
            process.wait(END_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
