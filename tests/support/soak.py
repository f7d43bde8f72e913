"""What disturbs a study that is up, and what works on it and reads it meanwhile."""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Final

import httpx

from demo.faults import Fault, Faults
from flows.readiness import MARK, is_prefect
from tests.support.command import SECONDS
from tests.support.raised import Raised, wait_for
from tests.support.soak_study import Servers
from tests.support.study import DemoStudy

READERS: Final = 5
LOOK_SECONDS: Final = 0.5
BEGIN_SECONDS: Final = 30.0
PARTS: Final = {  # of `confide up`, by what stands in their command lines
    "the server": b"server\0start",
    "the stream": b"flows.cli\0stream",
    "the round": b"flows.cli\0round",
    "what starts runs": b"flows.serving",
}
SPOILS: Final = (
    Fault("status", 503),
    Fault("status", 500),
    Fault("status", 429, retry_after="1"),
    Fault("reset"),
    Fault("truncated"),
    Fault("not_json"),
)
READ: Final = """
import sys, time
from pathlib import Path
from warehouse import open_corpus
study, stop, reads = Path(sys.argv[1]), Path(sys.argv[2]), 0
while not stop.exists():
    if (study / "published" / "corpus.duckdb").exists():
        with open_corpus(study) as corpus:
            [(before,)] = corpus.execute("select count(*) from post").fetchall()
            corpus.frame("select platform, count(*), avg(n_words) from post group by all")
            [corpus.table(name) for name in ("coverage", "annotation", "collection_runs")]
            time.sleep(0.2)
            [(after,)] = corpus.execute("select count(*) from post").fetchall()
            assert before == after > 0, (before, after)
        reads += 1
    time.sleep(0.5)
print(reads)
"""
CODE: Final = """
import sys, time
from pathlib import Path
from flows.simulated_coders import code_round
from flows.workspace import open_workspace
from tests.support.soak_study import soak_community
study, stop, answers = Path(sys.argv[1]), Path(sys.argv[2]), 0
community = soak_community()
while not stop.exists():
    if (study / "var" / "label-studio" / "running.json").exists():
        try:
            answers += code_round(open_workspace(study), community, "W1", "R1")
        except Exception as error:
            print(type(error).__name__, file=sys.stderr)
    time.sleep(3)
print(answers)
"""


@contextmanager
def analysts(study: DemoStudy) -> Iterator[list[int]]:
    """Let five analysts read the published file all the time; give their counts of reads.

    Raises:
        AssertionError: one of them failed.
    """
    stop = study.folder.parent / "analysts-stop"
    command = [sys.executable, "-c", READ, str(study.folder), str(stop)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    readers = [subprocess.Popen(command, **pipes, text=True) for _ in range(READERS)]
    reads: list[int] = []
    try:
        yield reads
    finally:
        stop.touch()
        ended = [(*reader.communicate(timeout=60), reader.returncode) for reader in readers]
    for out, err, code in ended:
        assert code == 0, err
        reads.append(int(out))


@contextmanager
def coders(study: DemoStudy) -> Iterator[list[int]]:
    """Let the simulated coders answer whatever is in Label Studio; give how many answers.

    Like people they come back where it did not answer.
    """
    stop = study.folder.parent / "coders-stop"
    command = [sys.executable, "-c", CODE, str(study.folder), str(stop)]
    variables = {**os.environ, **study.place.variables()}
    process = subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)
    answers: list[int] = []
    try:
        yield answers
    finally:
        stop.touch()
        out, _ = process.communicate(timeout=SECONDS)
    answers.append(int(out))


@dataclass
class Mischief:
    """Kills and cuts, drawn from a seed: each kind once before any comes again."""

    up: Raised
    servers: Servers
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    _drawn: list[Callable[[], str]] = field(default_factory=list)

    def strike(self) -> str:
        """Disturb something; say what."""
        if not self._drawn:
            self._drawn = [
                self._kill_a_collect,
                partial(self._kill_a_run, "publish"),
                partial(self._kill_a_run, "refresh"),
                partial(self._spoil, "Reddit", self.servers.reddit),
                partial(self._spoil, "Bluesky", self.servers.bluesky),
                self._cut_the_stream,
                *(partial(self._kill, part) for part in PARTS),
                self._kill_label_studio,
                self._reset_the_machine,
            ]
            self.chance.shuffle(self._drawn)
        what = self._drawn.pop()()
        self.done[what] += 1
        return what

    def _kill_a_collect(self) -> str:
        found = {
            each for each in self.up.deployments() if each not in ("refresh", "retain", "publish")
        }
        return self._kill_a_run(self.chance.choice(sorted(found)))

    def _kill_a_run(self, deployment: str) -> str:
        """Order a run and kill its process some moment after it began."""
        self.up.order(deployment)
        deadline = monotonic() + BEGIN_SECONDS
        while monotonic() < deadline:
            if self.up.runs("RUNNING", deployment=deployment):
                Event().wait(self.chance.uniform(0, 2))
                if killed_runs(self.mark):
                    return f"all that ran, of {deployment} too"
            Event().wait(0.1)
        return f"a run of {deployment}, which did not begin or had ended"

    def _spoil(self, platform: str, faults: Faults) -> str:
        fault, times = self.chance.choice(SPOILS), self.chance.randint(5, 40)
        faults.arm(fault, nth=faults.requests_count + 1, times=times)
        return f"{times} of {platform}'s answers: {fault.kind} {fault.status}"

    def _cut_the_stream(self) -> str:
        if self.chance.random() < 0.5:
            self.servers.bluesky.drop_after = 0
        else:
            self.servers.bluesky.error_after = 0
        return "the stream's line"

    def _kill(self, part: str) -> str:
        return part if killed(self.mark, PARTS[part]) else f"{part}, which was not there"

    @property
    def mark(self) -> bytes:
        """What stands in the environment of every process of the study's `confide up`."""
        return f"{MARK}={self.up.study.folder.resolve()}".encode()

    def _kill_label_studio(self) -> str:
        running = self.up.study.folder / "var" / "label-studio" / "running.json"
        if not running.exists():
            return "Label Studio, which did not run"
        with suppress(ProcessLookupError):
            os.killpg(json.loads(running.read_text("utf-8"))["pid"], signal.SIGKILL)
        return "Label Studio"

    def _reset_the_machine(self) -> str:
        """Kill all there is at once, and bring the study up again."""
        self.up.process.kill()
        self._kill_label_studio()
        self.up.study.stop_orphans()
        self.up.process.communicate(timeout=60)
        self.up.process = Raised.up(self.up.study, self.up.port).process
        return "everything at once"


def killed(mark: bytes, words: bytes) -> int:
    """Kill (SIGKILL) the processes with a variable, and words in their command; return how many."""
    return sum(_kill(process) for process in _processes(mark, words))


def killed_runs(mark: bytes) -> int:
    """Kill the runs under way: copies of the fork server, which is their parent."""
    found = _processes(mark, b"multiprocessing.forkserver")
    return sum(_kill(process) for process, parent in found.items() if parent in found)


def _processes(mark: bytes, words: bytes) -> dict[int, int]:
    """Find processes with a variable, and words in their command; each beside its parent."""
    found = {}
    for variables in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it ended meanwhile, or is another user's
            command = variables.with_name("cmdline").read_bytes()
            if mark in variables.read_bytes().split(b"\0") and words in command:
                told = variables.with_name("stat").read_text("ascii", "replace")
                found[int(variables.parent.name)] = int(told.rpartition(")")[2].split()[1])
    return found


def _kill(process: int) -> int:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return 0
    return 1


def disturb(mischief: Mischief, *, seconds: float, every_seconds: float) -> None:
    """Let a study run for so long: drawn from once, refreshed, published and disturbed."""
    began, up = monotonic(), mischief.up
    work: dict[str, Callable[[], object]] = {
        "refresh": partial(up.order, "refresh"),
        "publish": partial(up.order, "publish"),
        "strike": lambda: print(f"{monotonic() - began:5.0f} s: {mischief.strike()}", flush=True),
    }
    due = dict(zip(work, (0.3 * every_seconds, 0.6 * every_seconds, every_seconds), strict=True))
    drawn = study_is_drawn(up.study)
    while (elapsed := monotonic() - began) < seconds:
        drawn = drawn or study_is_drawn(up.study)
        for name in [name for name, at in due.items() if elapsed >= at]:
            wait_for(lambda: is_prefect(up.port))
            with suppress(httpx.HTTPError):  # killed just now: the next one comes
                work[name]()
            due[name] = elapsed + every_seconds
        Event().wait(LOOK_SECONDS)


def study_is_drawn(study: DemoStudy) -> bool:
    """Draw the round once there is something to draw from; tell whether it is drawn."""
    return (study.folder / "published" / "corpus.duckdb").exists() and (
        study.place.run("draw").code == 0
    )
