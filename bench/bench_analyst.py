"""What an analyst waits for: publishing, the questions of the cookbook, the report's figures.

`python -m bench.bench_analyst [POSTS …]` (1,000,000 10,000,000 where none is given) prints, for a
corpus of each size with about 50,000 labels: seconds and bytes of publishing, beside a copy of the
same published tables by DuckDB itself; seconds of each question of `docs/cookbook.md`, the median
of three tries in one open file on two threads; and of reading the report's figures. Beside each, in
brackets, the seconds of CPU, of which a busy machine takes no more than an idle one. Bars: every
question under 1 s at ten million; publishing under twice the copy.
"""

import re
import resource
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

import duckdb

from bench.invented_corpus import fill
from warehouse import Corpus, open_corpus, store
from warehouse.figures import read_figures

NOW = datetime(2026, 4, 21, 12, tzinfo=UTC)
SIZES = (1_000_000, 10_000_000)
UNITS = 3_450  # about 50,000 labels
ROUNDS = 3
LIMITS = {"threads": "2", "memory_limit": "5GB"}
COOKBOOK = Path(__file__).parent.parent / "docs" / "cookbook.md"
ENTRY = re.compile(r"^## (\d+\. .+?)$.*?^```sql\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(slots=True)
class Clock:
    """Seconds since it began, on the wall and of CPU."""

    wall: float = field(default_factory=perf_counter)
    cpu: float = field(default_factory=process_time)

    def read(self) -> tuple[float, float]:
        """Return both."""
        return perf_counter() - self.wall, process_time() - self.cpu


def shown(seconds: tuple[float, float]) -> str:
    """Write wall and CPU."""
    return f"{seconds[0]:8.3f} s ({seconds[1]:.3f})"


def publishing(folder: Path, posts: int) -> Path:
    """Fill and publish a corpus; return the published file."""
    path, target = folder / "warehouse.duckdb", folder / "published" / "corpus.duckdb"
    with store.open_warehouse(path, now=NOW) as warehouse:
        for name, value in LIMITS.items():
            warehouse.execute(f"set {name} = '{value}'")
        fill(warehouse, posts=posts, units=UNITS)
    clock = Clock()
    with store.open_warehouse(path, now=NOW) as warehouse:
        store.compute_verdicts(warehouse, now=NOW)
    judged, clock = clock.read(), Clock()
    store.publish(path, target, now=NOW)
    published = clock.read()
    copied = copy(target, folder / "copy.duckdb")
    print(f"{posts:,d} posts, published in {target.stat().st_size / 1e6:,.0f} MB")
    for what, seconds in (("verdicts", judged), ("publish", published), ("copy", copied)):
        print(f"{shown(seconds)}  {what}")
    print(f"  publishing takes {published[1] / copied[1]:.2f} times the copy's CPU", flush=True)
    return target


def copy(source: Path, target: Path) -> tuple[float, float]:
    """Copy every published table with DuckDB, as it copies; return the seconds."""
    with duckdb.connect(str(target), config=LIMITS) as connection:
        connection.execute(f"attach '{source}' as published (read_only)")
        tables = connection.execute(
            "select table_name from duckdb_tables() where database_name = 'published'"
        ).fetchall()
        clock = Clock()
        for (name,) in tables:
            connection.execute(f"create table {name} as select * from published.{name}")
        connection.execute("checkpoint")
        return clock.read()


def asking(corpus: Corpus) -> None:
    """Time every question of the cookbook."""
    seconds = {
        heading: sorted(timed(corpus, sql) for _ in range(ROUNDS))[ROUNDS // 2]
        for heading, sql in ENTRY.findall(COOKBOOK.read_text("utf-8"))
    }
    for heading, one in seconds.items():
        print(f"{shown(one)}  {heading}")
    walls = [wall for wall, _ in seconds.values()]
    print(f"{median(walls):8.3f} s  median, longest {max(walls):.3f} s", flush=True)


def timed(corpus: Corpus, sql: str) -> tuple[float, float]:
    """Return the seconds of one question."""
    clock = Clock()
    for _ in corpus.rows(sql):
        pass
    return clock.read()


def main(sizes: tuple[int, ...]) -> None:
    """Print the figures of each size."""
    for posts in sizes:
        with TemporaryDirectory(prefix="bench-analyst-") as name:
            with open_corpus(publishing(Path(name), posts)) as corpus:
                for setting, value in LIMITS.items():
                    corpus.execute(f"set {setting} = '{value}'")
                labels = corpus.frame("select count(*) as n from label")["n"][0]
                print(f"  {labels:,d} labels")
                asking(corpus)
                clock = Clock()
                read_figures(corpus, minimum=11)
                print(f"{shown(clock.read())}  the report's figures")
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
            print(f"  {peak:.1f} GB held at most, so far", flush=True)


if __name__ == "__main__":
    main(tuple(int(one) for one in sys.argv[1:]) or SIZES)
