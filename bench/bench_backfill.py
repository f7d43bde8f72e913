"""A monthly dump into DuckDB: our whole way beside dlt's, which has no privacy step.

`python -m bench.bench_backfill [--megabytes N] [--dlt PYTHON]` writes an invented dump of N MB of
lines (1,024 unless told), some 100 fields a line and a window of 2 GiB, then measures in one run:
`zstd -dc --long=31`; `confide backfill` as a person calls it, to scrubbed, pseudonymous,
deduplicated rows; and dlt loading the same lines into DuckDB. It prints wall and CPU seconds,
memory, posts a second, the ratios, and where our time goes.

dlt stays out of our dependencies. PYTHON is one that has it:

    python -m venv /tmp/dlt && /tmp/dlt/bin/pip install "dlt[duckdb]" "duckdb==1.5.5" zstandard

It is given what suits it: JSON parsed by orjson in its own reader, batches, nested values kept as
JSON instead of child tables.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from pkgutil import resolve_name
from tempfile import TemporaryDirectory
from typing import Any

from bench.invented_dump import write_dump
from flows.environment import prepare

STUDY = """[study]
name = "bench"
since = 2005-06-23
[policy]
allow_loopback = true
[platforms.reddit]
url = "http://127.0.0.1:9"
oauth_url = "http://127.0.0.1:9"
[[source]]
name = "dumps"
kind = "reddit_archive"
permission = { reference = "invented", covers = "invented posts", expires = 2099-01-01 }
"""
DLT = """
import sys
import dlt, orjson, zstandard

def posts(path):
    with open(path, "rb") as file:
        lines = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(file)
        left = b""
        while piece := lines.read(8 * 2**20):
            *whole, left = (left + piece).split(b"\\n")
            yield [orjson.loads(line) for line in whole]

pipeline = dlt.pipeline("bench", destination=dlt.destinations.duckdb(sys.argv[2]),
                        dataset_name="posts", pipelines_dir=sys.argv[3])
resource = dlt.resource(posts(sys.argv[1]), name="posts", max_table_nesting=0)
pipeline.run(resource).raise_on_failed_jobs()
with pipeline.sql_client() as client:
    print(client.execute_sql("select count(*) from posts")[0][0])
"""
MARK = "stages: "
# where the time goes: module, function, stage; what lies inside another is taken off it
STAGES = (
    ("flows.backfill", "land", "policy and frames"),
    ("flows.gate", "pseudonymize", "pseudonyms"),
    ("transforms.pseudonymize", "scrub", "masking"),
    ("transforms.pseudonymize", "detect_languages", "languages"),
    ("flows.gate", "remove_from", "removals"),
    ("flows.gate", "vault_entries", "vault"),
    ("connectors.vault:Vault", "remember", "vault"),
    ("connectors.vault:Vault", "suppressed", "vault"),
    ("warehouse.store", "save_page", "saving"),
    ("flows.kept_posts", "find_duplicates", "duplicates"),
    ("connectors.reddit_archive", "parse_archive_page", "sorting rows"),
)


@dataclass(frozen=True, slots=True)
class Measure:
    """What a process took, itself and its children, and what it printed."""

    wall_seconds: float
    cpu_seconds: float
    peak_mib: float
    out: str


def measured(command: Sequence[str | Path], **environment: str) -> Measure:
    """Run a command to its end.

    Raises:
        RuntimeError: it failed; with the end of what it said.
    """
    with TemporaryDirectory() as folder:
        said = Path(folder) / "said"
        with said.open("wb") as out:
            began = time.perf_counter()
            process = subprocess.Popen(
                [str(word) for word in command],
                env={**os.environ, **environment},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            _, status, used = os.wait4(process.pid, 0)
            wall = time.perf_counter() - began
        text = said.read_text("utf-8", errors="replace")
    if status:
        raise RuntimeError(f"{command[0]} failed: {text[-2000:]}")
    return Measure(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text)


def confide(folder: Path, dump: Path) -> Measure:
    """Backfill a fresh study from the dump."""
    study = folder / "study"
    study.mkdir(exist_ok=True)
    (study / "study.toml").write_text(STUDY, "utf-8")
    command = [sys.executable, "-m", "bench.bench_backfill", "--stages"]
    arguments = ["backfill", dump, "--study", study, "--json"]
    return measured([*command, *arguments], CONFIDE_KEY=bytes(range(32)).hex())


def dlt(python: Path, folder: Path, dump: Path) -> Measure:
    """Load the dump with dlt."""
    return measured(
        [python, "-c", DLT, dump, folder / "dlt.duckdb", folder / "dlt"],
        RUNTIME__DLTHUB_TELEMETRY="false",
        DO_NOT_TRACK="1",
    )


def with_stages(arguments: list[str]) -> None:
    """Be the command line, and tell at the end how long each stage took."""
    spent: dict[str, float] = {}
    running: list[float] = []

    def timed(stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(work)
        def watched(*args: Any, **kwargs: Any) -> Any:
            began = time.perf_counter()
            running.append(0.0)
            try:
                return work(*args, **kwargs)
            finally:
                took = time.perf_counter() - began
                spent[stage] = spent.get(stage, 0.0) + took - running.pop()
                if running:
                    running[-1] += took

        return watched

    prepare(Path(arguments[arguments.index("--study") + 1]))  # before anything imports Prefect
    _watch(timed)
    from flows.cli import app  # noqa: PLC0415 - what it imports is watched from now on

    began = time.perf_counter()
    try:
        app(arguments)
    finally:
        print(MARK + json.dumps({**spent, "whole": time.perf_counter() - began}), flush=True)


def _watch(timed: Callable[[str, Callable[..., Any]], Callable[..., Any]]) -> None:
    """Put a watch on every stage's function."""
    for place, name, stage in STAGES:
        holder = resolve_name(place)
        setattr(holder, name, timed(stage, getattr(holder, name)))
    archive = resolve_name("connectors.reddit_archive")
    fetch = archive.fetch_archive_pages

    def fetch_timed(*args: Any) -> Any:
        pages = fetch(*args)
        step = timed("reading", lambda: next(pages, None))
        while (page := step()) is not None:
            yield page

    archive.fetch_archive_pages = fetch_timed


def told(name: str, taken: Measure, posts: int) -> str:
    """Say one measure in a line."""
    rate = f", {posts / taken.wall_seconds:,.0f} posts a second" if posts else ""
    return (
        f"{name}: {taken.wall_seconds:.1f} s wall, {taken.cpu_seconds:.1f} s CPU, "
        f"{taken.peak_mib:,.0f} MiB{rate}"
    )


def stages_told(stages: Mapping[str, float]) -> str:
    """Say where the time went, longest first."""
    whole = stages["whole"]
    parts = {name: seconds for name, seconds in stages.items() if name != "whole"}
    parts["Prefect, start and rest"] = whole - sum(parts.values())
    lines = sorted(parts.items(), key=lambda part: -part[1])
    return "\n".join(
        f"  {seconds:6.1f} s {seconds / whole:5.0%}  {name}" for name, seconds in lines
    )


def main(arguments: list[str]) -> None:
    """Measure, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1024)
    parser.add_argument("--dlt", type=Path, help="a Python that has dlt")
    options = parser.parse_args(arguments)
    with TemporaryDirectory() as place:
        folder = Path(place)
        dump = folder / "RS_2022-01.zst"
        posts = write_dump(dump, options.megabytes * 2**20)
        print(f"{posts:,} posts, {options.megabytes:,} MiB of lines, {dump.stat().st_size:,} bytes")
        floor = measured(["zstd", "-dc", "--long=31", "-o", os.devnull, "-f", dump])
        print(told("zstd -dc --long=31", floor, 0), flush=True)
        ours = confide(folder, dump)
        print(told("confide backfill", ours, posts))
        print(stages_told(json.loads(ours.out.split(MARK)[1].splitlines()[0])), flush=True)
        print(f"confide / zstd: {ours.wall_seconds / floor.wall_seconds:.1f}", flush=True)
        if options.dlt:
            theirs = dlt(options.dlt, folder, dump)
            assert int(theirs.out.split()[-1]) == posts, theirs.out
            print(told("dlt", theirs, posts))
            ratio = theirs.wall_seconds / ours.wall_seconds
            print(
                f"dlt / confide: {ratio:.2f} wall, {theirs.cpu_seconds / ours.cpu_seconds:.2f} CPU"
            )
        again = confide(folder, dump)
        print(told("confide backfill, again: nothing new", again, 0))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--stages"]:
        with_stages(sys.argv[2:])
    else:
        main(sys.argv[1:])
