"""How long `confide stream` takes from SIGTERM to its end, idle and in mid-stream.

`python -m bench.bench_stream_end [--rounds R]` follows a scripted Jetstream of this machine in a
process of its own: `idle` after two posts and three quiet seconds, `busy` at the first commit of
50,000 posts that are all kept. It prints each round's seconds and the median, beside the machine's
load: other programs slow it down.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import monotonic, sleep

from tests.support.appview_script import scripted_appview
from tests.support.command import Place, place
from tests.support.jetstream_script import Step, at, commit, frame, record, scripted_jetstream
from tests.support.streaming import answering_profiles, write_stream_study

COMMAND = "from flows.cli import app; app()"
LONGEST_SECONDS = 120.0
POSTS_COUNT = {"idle": 2, "busy": 50_000}
QUIET_SECONDS = {"idle": 3.0, "busy": 0.0}


def seconds_to_end(folder: Path, kind: str) -> float:
    """Follow a stream until rows are stored, tell it to stop, and wait for its end."""
    texts = (f"an umbrella on the porch, number {n}" for n in range(1, POSTS_COUNT[kind] + 1))
    script: Sequence[Step] = [frame(commit(n, record=record(t))) for n, t in enumerate(texts, 1)]
    study = place(folder, CONFIDE_NOW=at(POSTS_COUNT[kind]).isoformat())
    with scripted_appview(answering_profiles) as public, scripted_jetstream(script) as host:
        write_stream_study(study, host.url, appview=public.url)
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "stream", "--study", study.folder],
            env={**os.environ, **study.variables()},
            stdout=subprocess.DEVNULL,
        )
        _wait_for_commit(study)
        sleep(QUIET_SECONDS[kind])
        began = monotonic()
        process.send_signal(signal.SIGTERM)
        if process.wait(LONGEST_SECONDS) != 0:
            raise SystemExit(f"the stream failed with {process.returncode}")
        return monotonic() - began


def _wait_for_commit(study: Place) -> None:
    """Wait until a heartbeat says that rows are stored."""
    deadline = monotonic() + LONGEST_SECONDS
    while monotonic() < deadline:
        sleep(0.5)
        told = study.invoke("status", "--json").out
        if any(row["committed_at"] for row in json.loads(told or "{}").get("streams", ())):
            return
    raise SystemExit("nothing was stored")


def main() -> None:
    """Measure each kind so many times."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    for kind in POSTS_COUNT:
        took = []
        for _ in range(rounds):
            with TemporaryDirectory() as folder:
                took.append(seconds_to_end(Path(folder), kind))
        told = " ".join(f"{seconds:.2f}" for seconds in took)
        print(f"{kind}: median {median(took):.2f} s of {told}; load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
