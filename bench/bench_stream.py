"""What it costs to follow the whole network: our stream beside the SDK's client that does nothing.

`python -m bench.bench_stream [--events N] [--rounds R]` invents the full firehose (80 % likes, see
invented_stream.py), serves it from a process of its own faster than anybody reads, and lets each
reader in turn take N events (200,000) in a process of its own:

- `sdk`: atproto's JetstreamClient with a callback that counts;
- `read`: `fetch_event_pages` with a filter of ten words, pages thrown away;
- `land`: the same into a study's warehouse: filter, scrub, pseudonyms, vault, commit, and the
  duplicates' marks at the end. A fiftieth of the posts are kept, and every deletion is looked at;
- `land all`: the same where every post is kept.

It prints medians: events a second by the wall and by the CPU (user and system, all threads), and
resident memory. Bars: `land` at ten times the network's peak, "over 2,000 events per second"
(Bluesky's relay-ops post of November 2024), and `read` faster than `sdk`. With
`--events 1000000` the memory of `land` after each 100,000 shows whether it is flat.

Other programs on the machine slow all of them down; so each line has its ratio to `sdk` as well.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from threading import Event
from time import perf_counter
from typing import Any

from atproto import JetstreamClient

from bench.invented_stream import BEGIN, KEYWORDS, WORDS
from connectors.jetstream import EventFilter, fetch_event_pages, parse_events
from flows.gate import land as land_page
from flows.kept_posts import compare_due
from flows.workspace import open_workspace
from schema.pages import CollectionQuery, RawPage
from warehouse import store

PEAK = 2_000
BAR = 10 * PEAK
STEP = 100_000
NOW = BEGIN + timedelta(days=20)
STUDY = """[study]
name = "bench"
since = 2026-01-01
[policy]
allow_loopback = true
[platforms.bluesky]
appview = "http://127.0.0.1:9"
[[source]]
name = "words"
kind = "bluesky_stream"
keywords = ["umbrella"]
"""


def sdk(url: str, events_count: int, tell: Callable[[int], None]) -> None:
    """Read with the SDK's client, as its documentation shows."""
    client = JetstreamClient({"cursor": 1}, base_uri=url, compress=False)
    heard = 0

    def hear(_: object) -> None:
        nonlocal heard
        heard += 1
        if heard == events_count:
            tell(heard)
            client.stop()

    client.start(hear)


def pages(url: str, events_count: int, words: tuple[str, ...]) -> Iterator[RawPage]:
    """Yield our pages until so many events were looked at."""
    stop, scanned = Event(), 0
    query = CollectionQuery("words", "words", "network", BEGIN, NOW)
    for page in fetch_event_pages([url], query, wanted=EventFilter(keywords=words), stop=stop):
        yield page
        scanned += page.scanned_count
        if scanned >= events_count:
            stop.set()
            return


def read(url: str, events_count: int, tell: Callable[[int], None]) -> None:
    """Read with ours and throw the pages away."""
    for page in pages(url, events_count, KEYWORDS):
        tell(page.scanned_count)


def land(url: str, events_count: int, tell: Callable[[int], None]) -> None:
    """Read with ours into a study's warehouse."""
    _land(url, events_count, tell, KEYWORDS)


def land_all(url: str, events_count: int, tell: Callable[[int], None]) -> None:
    """Read with ours and keep every post."""
    _land(url, events_count, tell, (*KEYWORDS, *WORDS))


def _land(url: str, count: int, tell: Callable[[int], None], words: tuple[str, ...]) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "study.toml").write_text(STUDY)
        os.environ |= {"CONFIDE_KEY": "0f" * 32, "CONFIDE_NOW": NOW.isoformat()}
        workspace = open_workspace(Path(folder))
        stamp = store.SaveStamp("bench", "words", "words", "synthetic")
        kept = 0
        for page in pages(url, count, words):
            kept += land_page(workspace, page, parse_events(page), stamp).new_count
            tell(page.scanned_count)
        compare_due(
            lambda: store.open_warehouse(workspace.warehouse, now=NOW), across_platforms=False
        )
        print(json.dumps({"kept": kept}), flush=True)


READERS: dict[str, Callable[[str, int, Callable[[int], None]], None]] = {
    "sdk": sdk,
    "read": read,
    "land": land,
    "land all": land_all,
}


def run_as(reader: str, url: str, events_count: int) -> None:
    """Read, in this process; print what it took, and memory on the way."""
    READERS[reader](url, 1, lambda _: None)  # what is imported on the way is no part of it
    total, told = 0, 0
    began, before = perf_counter(), resource.getrusage(resource.RUSAGE_SELF)

    def tell(count: int) -> None:
        nonlocal total, told
        total += count
        if total // STEP > told:
            told = total // STEP
            print(json.dumps({"after": total, "resident_mib": resident_mib()}), flush=True)

    READERS[reader](url, events_count, tell)
    after, wall = resource.getrusage(resource.RUSAGE_SELF), perf_counter() - began
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    took = {"events": total, "wall": wall, "cpu": cpu, "resident_mib": resident_mib()}
    print(json.dumps(took), flush=True)


def resident_mib() -> int:
    """Tell how much memory this process holds."""
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmRSS"].split()[0]) // 1024


@contextmanager
def served() -> Iterator[str]:
    """Serve the invented network from another process."""
    command = [sys.executable, "-m", "bench.invented_stream"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield f"ws://127.0.0.1:{server.stdout.readline().strip()}/xrpc"
        finally:
            server.terminate()


def measured(reader: str, url: str, events_count: int) -> list[dict[str, Any]]:
    """Return what `run_as` prints in a process of its own."""
    command = [sys.executable, "-m", "bench.bench_stream", "--as", reader, "--url", url]
    done = subprocess.run(
        [*command, "--events", str(events_count)], check=True, stdout=subprocess.PIPE, text=True
    )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def table(took: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    """Put the readers beside each other."""
    for reader, rounds in took.items():
        wall, cpu, beside = (
            median(rounds_of)
            for rounds_of in (
                [one["events"] / one["wall"] for one in rounds],
                [one["events"] / one["cpu"] for one in rounds],
                [
                    (one["events"] / one["cpu"]) / (peer["events"] / peer["cpu"])
                    for one, peer in zip(rounds, took["sdk"], strict=True)
                ],
            )
        )
        memory = max(one["resident_mib"] for one in rounds)
        yield (
            f"{reader:<10} {wall:9,.0f} events/s wall {cpu:9,.0f} events/cpu-s  "
            f"{beside:5.2f} x sdk by CPU  {wall / PEAK:6.1f} x the peak  {memory:5,} MiB"
        )


def main(arguments: list[str]) -> None:
    """Run every reader in turn, print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--readers", default=",".join(READERS))
    parser.add_argument("--as", dest="reader")
    parser.add_argument("--url")
    chosen = parser.parse_args(arguments)
    if chosen.reader:
        run_as(chosen.reader, chosen.url, chosen.events)
        return
    names = ["sdk", *(name for name in chosen.readers.split(",") if name != "sdk")]
    took: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    memory: list[str] = []
    with served() as url:
        for _ in range(chosen.rounds):
            for name in names:
                *steps, last = measured(name, url, chosen.events)
                took[name].append(last)
                kept = [step["kept"] for step in steps if "kept" in step]
                memory += [f"{name}: {kept[-1]:,} posts kept"] if kept else []
                if name == "land":
                    held = [f"{s['resident_mib']}" for s in steps if "resident_mib" in s]
                    memory.append(f"land: MiB after each {STEP:,} events: {' '.join(held)}")
    print(f"{chosen.events:,} events; medians of {chosen.rounds}; bar {BAR:,} events/s")
    for line in [*table(took), *memory]:
        print(line)


if __name__ == "__main__":
    main(sys.argv[1:])
