"""A small demo study on loopback servers, worked on by `confide` as a process of its own.

The community is the demo's, invented, at its small size; the servers answer as of an instant that
the test sets, and tell a tripwire of every request.
"""

import os
import shutil
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol

from demo.bluesky_server import bluesky_app
from demo.community import SMALL, invent
from demo.faults import Ask, Faults
from demo.model import Community
from demo.reddit_server import CLIENT_ID, CLIENT_SECRET, reddit_app
from demo.serve import serving
from flows.demo_study import write_demo_study
from flows.workspace import REDDIT_VARIABLES
from tests.support.command import SECONDS, Outcome, Place, environment
from tests.support.ports import free_port

FIRST: Final = datetime(2026, 2, 1, 12, tzinfo=UTC)
SECOND: Final = datetime(2026, 2, 20, 12, tzinfo=UTC)
SEED: Final = 7
TIMELINES, COMMUNITY_WEEKS = 0, 0
ROOTS, REPLIES = 12, 16  # units of a round: few, since each is coded by three over HTTP


def small_community() -> Community:
    """Invent the people whom these studies collect."""
    return invent(SEED, size=SMALL)


class Victim(Protocol):
    """What can be killed."""

    def kill(self) -> None:
        """Kill it."""


@dataclass(slots=True)
class Tripwire:
    """Counts requests; kills a process at the nth, at once or a moment after it came in."""

    nth: int | None = None
    delay_seconds: float = 0.0
    requests_count: int = 0
    _victim: Future[Victim] = field(default_factory=Future)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def aim(self, process: Victim) -> None:
        """Say which process to kill."""
        self._victim.set_result(process)

    def trip(self, _ask: Ask) -> None:
        """Count a request, in the server's thread."""
        with self._lock:
            self.requests_count += 1
            is_due = self.requests_count == self.nth
        if is_due and self.delay_seconds:
            threading.Timer(self.delay_seconds, self._kill).start()
        elif is_due:
            self._kill()

    def _kill(self) -> None:
        self._victim.result().kill()


@dataclass
class DemoStudy:
    """A study's place, the servers it points at, and the instant all of them live in."""

    place: Place
    community: Community
    now: datetime = FIRST
    wire: Tripwire = field(default_factory=Tripwire)

    @property
    def folder(self) -> Path:
        """The study's folder."""
        return self.place.folder

    def hear(self, ask: Ask) -> None:
        """Tell the tripwire in place of a request."""
        self.wire.trip(ask)

    def at(self, instant: datetime) -> "DemoStudy":
        """Move servers and commands to an instant."""
        self.now = instant
        self.place = self.place.having(CONFIDE_NOW=instant.isoformat())
        return self

    def run(self, *arguments: str) -> Outcome:
        """Run a verb to its end, counting its requests."""
        self.wire = Tripwire()
        return self.place.run(*arguments)

    def kill(self, *arguments: str, nth: int, delay_seconds: float = 0.0) -> int:
        """Start a verb, kill it (SIGKILL) at its nth request, and return its exit code.

        What it said stays unread: a temporary Prefect server outlives it and holds its streams.
        """
        self.wire = Tripwire(nth, delay_seconds)
        with self.place.start(*arguments) as process:
            self.wire.aim(process)
            return process.wait(timeout=SECONDS)

    def stop_orphans(self) -> int:
        """Stop what killed commands left running, known by its study; return how many."""
        mark, stopped = f"CONFIDE_STUDY={self.folder.resolve()}".encode(), 0
        for variables in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # it ended meanwhile, or is another user's
                if mark in variables.read_bytes().split(b"\0"):
                    os.kill(int(variables.parent.name), signal.SIGKILL)
                    stopped += 1
        return stopped

    def copy_to(self, folder: Path) -> Path:
        """Copy the study's folder while nothing works on it."""
        shutil.copytree(self.folder, folder)
        return folder


@contextmanager
def demo_study(
    root: Path, community: Community, *, start_from: Path | None = None, **variables: str
) -> Iterator[DemoStudy]:
    """Serve the community and point a study below `root` at it, fresh or copied."""
    folder, config = root / "study", root / "config"
    if start_from is not None:
        shutil.copytree(start_from, folder)
    credentials = dict(zip(REDDIT_VARIABLES, (CLIENT_ID, CLIENT_SECRET), strict=True))
    place = Place(folder, config, {**credentials, **variables})
    study = DemoStudy(place, community).at(FIRST)
    faults = Faults(on_request=study.hear)
    with ExitStack() as stack:
        reddit = stack.enter_context(serving(reddit_app(community, lambda: study.now, faults)))
        bluesky = stack.enter_context(serving(bluesky_app(community, lambda: study.now, faults)))
        with environment({"XDG_CONFIG_HOME": str(config)}):
            write_demo_study(
                folder,
                community,
                reddit=reddit,
                bluesky=bluesky,
                label_studio_port=free_port(),
                roots=ROOTS,
                replies=REPLIES,
                timelines=TIMELINES,
                community_weeks=COMMUNITY_WEEKS,
            )
        yield study
