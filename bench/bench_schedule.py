"""What an unattended study costs: a run that finds nothing new, being up, a day of schedules.

    python -m bench.bench_schedule overhead [--rounds R]
    python -m bench.bench_schedule memory
    python -m bench.bench_schedule day [--hours H]

`overhead`: seconds of `confide collect SOURCE` where nothing changed, how many of them the pass
itself took, and milliseconds a task, with no Prefect server (the verb brings its own) and with one.
`memory`: what each part of `confide up` holds at rest, as proportional set size. `day`: H hours of
a clock at 60 times our speed, an hour a minute; twenty sources due every two hours; how late each
run started, how many were lost, and the memory of the parts by the hour. Each prints the machine's
load: other programs slow it down.
"""

import argparse
import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any, Final

from flows.clock import Clock
from flows.journal import NAME
from flows.readiness import MARK
from tests.support.ports import free_port
from tests.support.prefect_server import running
from tests.support.raised import Raised, wait_for
from tests.support.soak_study import (
    EVERY,
    SPEED,
    START,
    STREAM,
    serving_soak,
    soak_community,
    soak_study,
)
from tests.support.study import DemoStudy, demo_study, small_community

SOURCE: Final = "deskplants"
REST_SECONDS: Final = 30.0
FIRST_SECONDS: Final = 900.0
ORDER_SECONDS: Final = 60.0  # between a refresh and the next: an hour of the fast clock
LATE: Final = timedelta(seconds=15)  # what is due later than this before the end may still begin
MEBI: Final = 2**20
PARTS: Final = {
    b"server\0start": "Prefect's server",
    b"flows.serving": "what starts runs",
    b"multiprocessing.forkserver": "runs, and what they are copied from",
    b"flows.cli\0stream": "the stream",
    b"\0up\0": "confide up",
}
TASKS: Final = """
import sys, time
from pathlib import Path
from flows.environment import prepare
prepare(Path(sys.argv[1]))
from prefect import flow, task
@task(persist_result=False)
def nothing(): pass
@flow(persist_result=False)
def many(count):
    began = time.perf_counter()
    for _ in range(count):
        nothing()
    return time.perf_counter() - began
many(5)
print(1000 * many(200) / 200)
"""


def overhead(rounds: int) -> None:
    """Measure a pass that finds nothing new, with no server and with one."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(TemporaryDirectory()))
        study = stack.enter_context(demo_study(root, small_community()))
        study.run("collect", SOURCE).succeeds()
        _say_overhead("no server", study, rounds)
        study.stop_orphans()
        (root / "server").mkdir()
        server = stack.enter_context(running(root / "server"))
        study.place = study.place.having(**server.environment())
        _say_overhead("a server", study, rounds)


def _say_overhead(what: str, study: DemoStudy, rounds: int) -> None:
    seconds, own = [], []
    for _ in range(rounds):
        began = monotonic()
        study.run("collect", SOURCE).succeeds()
        seconds.append(monotonic() - began)
        own.append(_seconds_of_last_run(study))
    command = [sys.executable, "-c", TASKS, str(study.folder)]
    variables = {**os.environ, **study.place.variables()}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=True)
    print(
        f"{what}: {median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f}, {rounds} runs)"
        f", the pass itself {median(own):.2f} s; {float(done.stdout):.1f} ms a task; {_load()}",
        flush=True,
    )


def _seconds_of_last_run(study: DemoStudy) -> float:
    lines = (study.folder / "var" / NAME).read_text("utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    began, ended = (
        [event for event in events if event["event"] == name][-1]
        for name in ("run_began", "run_ended")
    )
    times = [datetime.fromisoformat(event["at"]) for event in (began, ended)]
    return (times[1] - times[0]).total_seconds()


def memory() -> None:
    """Measure a study that is up, once what was due has run."""
    with up(STREAM, every="6h") as raised:
        _wait_for_first_runs(raised, deployments_count=22)
        sleep(REST_SECONDS)
        held = proportional_bytes(raised.study)
        for name, count in held.items():
            print(f"{name}: {count / MEBI:.0f} MiB")
        print(f"together: {sum(held.values()) / MEBI:.0f} MiB; {_load()}")


def _wait_for_first_runs(raised: Raised, *, deployments_count: int) -> None:
    """Wait until what was due at once, since it never ran before, has run."""
    wait_for(lambda: len(raised.deployments()) == deployments_count, seconds=FIRST_SECONDS)
    for name in raised.deployments():
        wait_for(partial(raised.runs, "COMPLETED", deployment=name), seconds=FIRST_SECONDS)


def day(hours: float) -> None:
    """Follow the schedules for so many hours of the fast clock."""
    with up(STREAM + 'every = "2m"\n', every="2m") as raised:
        _wait_for_first_runs(raised, deployments_count=23)
        began, sampled = monotonic(), defaultdict[int, list[int]](list)
        since, ordered_at = datetime.now(UTC), 0.0
        while (elapsed := monotonic() - began) < hours * 60:
            if elapsed - ordered_at > ORDER_SECONDS:
                raised.order("refresh")
                ordered_at = elapsed
            sampled[int(elapsed // 60)].append(sum(proportional_bytes(raised.study).values()))
            sleep(5)
        _say_day(raised.all_runs(), since, datetime.now(UTC), sampled)


def _say_day(
    runs: list[dict[str, Any]], since: datetime, until: datetime, sampled: dict[int, list[int]]
) -> None:
    """Print what became of every turn of the schedules."""
    turns = [
        run
        for run in runs
        if run["auto_scheduled"]
        and since <= datetime.fromisoformat(run["expected_start_time"]) <= until - LATE
    ]
    states = Counter(run["state_type"] for run in turns)
    late = sorted(
        (
            datetime.fromisoformat(run["start_time"])
            - datetime.fromisoformat(run["expected_start_time"])
        ).total_seconds()
        for run in turns
        if run["start_time"] is not None and run["state_type"] != "CANCELLED"
    )
    print(f"{len(turns)} turns, {len(turns) - len(late)} never begun: {dict(states)}")
    if late:
        too_late = sum(seconds > LATE.total_seconds() for seconds in late)
        print(
            f"begun after {median(late):.1f} s, at most {late[-1]:.1f} s, {too_late} after more "
            f"than {LATE.total_seconds():.0f} s; {_load()}"
        )
    for hour, held in sampled.items():
        print(f"hour {hour}: {median(held) / MEBI:.0f} MiB")


@contextmanager
def up(stream: str, *, every: str) -> Iterator[Raised]:
    """Bring up a study of twenty sources on a fast clock, without Label Studio."""
    community = soak_community()
    with ExitStack() as stack:
        root = Path(stack.enter_context(TemporaryDirectory()))
        clock = Clock(START, SPEED, datetime.now(UTC))
        _, reddit, bluesky = stack.enter_context(serving_soak(community, clock))
        study = soak_study(root, community, reddit, bluesky)
        path = study.folder / "study.toml"
        text = path.read_text("utf-8").replace(STREAM, stream)
        text = text.replace("[label_studio]", "[label_studio]\nembedded = false")
        text = text.replace(f'every = "{EVERY}"', f'every = "{every}"')
        path.write_text(text, "utf-8")
        study.place = study.place.having(CONFIDE_NOW=str(clock))
        raised = Raised.up(study, free_port())
        try:
            yield raised
        finally:
            raised.end()
            study.stop_orphans()


def proportional_bytes(study: DemoStudy) -> dict[str, int]:
    """Tell how much memory each part of a study's `confide up` holds, shared pages shared out."""
    mark = f"{MARK}={study.folder.resolve()}".encode()
    study_mark = f"--study\0{study.folder}".encode()
    held: dict[str, int] = defaultdict(int)
    for variables in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):  # it ended meanwhile, or is another user's
            command = variables.with_name("cmdline").read_bytes()
            is_ours = mark in variables.read_bytes().split(b"\0") or study_mark in command
            names = [name for words, name in PARTS.items() if words in command]
            if is_ours and names:
                told = variables.with_name("smaps_rollup").read_text("utf-8")
                [line] = [line for line in told.splitlines() if line.startswith("Pss:")]
                held[names[0]] += int(line.split()[1]) * 1024
    return dict(held)


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("overhead", "memory", "day"))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--hours", type=float, default=24.0)
    chosen = parser.parse_args()
    match chosen.what:
        case "overhead":
            overhead(chosen.rounds)
        case "memory":
            memory()
        case "day":
            day(chosen.hours)


if __name__ == "__main__":
    main()
