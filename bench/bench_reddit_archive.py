"""What it costs to read a monthly dump: `fetch_archive_pages` beside `zstd -dc` of the same file.

`python -m bench.bench_reddit_archive [MIB]` invents a dump of so many MiB uncompressed (1024),
about 100 fields a row, once with the 2 GiB window of the real ones and once with a window of
128 MiB, and prints medians of one run in which every reader takes its turn: MB per second of CPU
(user and system, all threads), wall time, and the peak of memory in a process of its own. A tenth
of the rows are of the one subreddit. Bars: 300 MB a CPU second with the long window, 500 with the
short one, 900 for one subreddit.

Other programs on the machine slow both down; so each line has its ratio to `zstd` as well.
"""

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from bench.invented_dump import LONG_WINDOW, SHORT_WINDOW, SUBREDDITS, write_dump
from connectors.reddit_archive import ArchiveFilter, fetch_archive_pages, parse_archive_page
from schema.pages import CollectionQuery

NOW = datetime(2026, 3, 1, tzinfo=UTC)
ROUNDS = 3
EVERYTHING = ArchiveFilter()
ONE = ArchiveFilter(frozenset({SUBREDDITS[0].lower()}))
MEMORY = "import sys; from bench.bench_reddit_archive import *; peak(*sys.argv[1:])"


def read(path: Path, wanted: ArchiveFilter, *, parse: bool = False) -> int:
    """Read a dump; return how many rows were wanted."""
    query = CollectionQuery("bench", "bench", "bench", datetime(2005, 6, 1, tzinfo=UTC), NOW)
    rows_count = 0
    for page in fetch_archive_pages(path, query, wanted):
        rows_count += 0 if page.rows is None else page.rows.height
        if parse:
            parse_archive_page(page)
    return rows_count


def peak(path: str, subreddit: str = "") -> None:
    """Print the most memory this process held, in MiB, once it has read a dump."""
    read(Path(path), ONE if subreddit else EVERYTHING)
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    print(int(status["VmHWM"].split()[0]) // 1024)  # ru_maxrss would be the parent's, if larger


def memory_of(path: Path, wanted: ArchiveFilter) -> int:
    """Return what `peak` says in a process of its own."""
    arguments = [sys.executable, "-c", MEMORY, str(path), *(["one"] if wanted is ONE else [])]
    return int(subprocess.run(arguments, check=True, capture_output=True, text=True).stdout)


def ours(path: Path, wanted: ArchiveFilter, *, parse: bool = False) -> tuple[float, float]:
    """Return seconds of CPU and of wall time that a reading takes."""
    cpu, wall = process_time(), perf_counter()
    read(path, wanted, parse=parse)
    return process_time() - cpu, perf_counter() - wall


def zstd(path: Path) -> tuple[float, float]:
    """Return the same for `zstd -dc` that throws the bytes away."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
    command = ["zstd", "-dc", "--long=31", str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall, after = perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def race(long: Path, short: Path) -> dict[str, list[tuple[float, float]]]:
    """Let every reader read in turn, `ROUNDS` times; zstd only where it is installed."""
    readers: dict[str, Callable[[], tuple[float, float]]] = {
        "read, 2 GiB window": partial(ours, long, EVERYTHING),
        "read, 128 MiB window": partial(ours, short, EVERYTHING),
        "one subreddit, 2 GiB window": partial(ours, long, ONE),
        "one subreddit, 128 MiB window": partial(ours, short, ONE),
        "read and parse, 128 MiB window": partial(ours, short, EVERYTHING, parse=True),
    }
    if shutil.which("zstd"):
        peers = {"zstd -dc, 2 GiB window": long, "zstd -dc, 128 MiB window": short}
        readers = {**{name: partial(zstd, path) for name, path in peers.items()}, **readers}
    else:
        print("zstd is not installed: without it no ratio can be told")
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in readers}
    for _ in range(ROUNDS):
        for name, act in readers.items():
            times[name].append(act())
    return times


def main(arguments: list[str]) -> None:
    """Invent the dumps, run the race, print the table."""
    size = int(arguments[0] if arguments else 1024) * 2**20
    with TemporaryDirectory() as folder:
        long, short, tiny = (Path(folder) / f"RS_{name}.zst" for name in ("long", "short", "tiny"))
        rows_count = write_dump(long, size, window_log=LONG_WINDOW)
        write_dump(short, size, window_log=SHORT_WINDOW)
        write_dump(tiny, 1)
        read(tiny, EVERYTHING, parse=True)  # what is imported on the way is no part of it
        times = race(long, short)
        peaks = [
            (name, memory_of(path, wanted))
            for name, path, wanted in (
                ("everything, 2 GiB window", long, EVERYTHING),
                ("everything, 128 MiB window", short, EVERYTHING),
                ("one subreddit, 128 MiB window", short, ONE),
            )
        ]
        megabytes = size / 1e6
        print(f"{rows_count:,} rows, {megabytes:,.0f} MB of lines; medians of {ROUNDS}")
        for name, taken in times.items():
            cpu, wall = (median(one) for one in zip(*taken, strict=True))
            peer = times.get(f"zstd -dc, {name.split(', ')[1]}", taken)
            ratio = median(one / other for (one, _), (other, _) in zip(taken, peer, strict=True))
            print(
                f"{name:<32} {megabytes / cpu:6,.0f} MB/cpu-s  {megabytes / wall:6,.0f} MB/s wall  "
                f"{ratio:4.1f} x the CPU of zstd"
            )
        for name, peak_mib in peaks:
            print(f"{name:<32} {peak_mib:6,} MiB at most")


if __name__ == "__main__":
    main(sys.argv[1:])
