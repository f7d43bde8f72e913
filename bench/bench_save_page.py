"""What it costs to know which posts are new: `save_page` against a plain append.

`python -m bench.bench_save_page [STORED] [BATCH]` prints milliseconds of CPU and their ratio;
the batch is one tenth known. Bar: the ratio does not grow with what is stored.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

import dataframely as dy
import numpy as np
import polars as pl

from schema.posts import EngagementSnapshot, Post
from warehouse import store

NOW = datetime(2026, 3, 1, tzinfo=UTC)
START = datetime(2025, 1, 1, tzinfo=UTC)
STAMP = store.SaveStamp("bench", "bench", "bench", "synthetic")
CHUNK = 100_000
ROUNDS = 5


def invented_posts(first: int, count: int) -> dy.DataFrame[Post]:
    """Return posts one every ten seconds, their keys spread like keyed hashes."""
    numbers = np.arange(first, first + count, dtype=np.uint64)
    keys = numbers * np.uint64(0x9E3779B97F4A7C15)  # odd, so one to one
    template = Post.sample(1, overrides={"platform": ["reddit"], "link_categories": [[]]})
    columns = [
        pl.Series("post_key", keys),
        pl.Series("version_key", keys),
        pl.Series("thread_key", keys),
        pl.Series("parent_key", [None] * count, dtype=pl.UInt64),
        pl.Series("text", [f"invented post {n} about a kettle and a window" for n in numbers]),
        pl.Series(
            "created_at",
            [START + timedelta(seconds=10 * int(n)) for n in numbers],
            dtype=pl.Datetime("us", "UTC"),
        ),
        pl.Series("is_created_at_plausible", [True] * count),
    ]
    names = {series.name for series in columns}
    rest = template.drop(names).select(pl.all().repeat_by(count).explode())
    return Post.validate(pl.DataFrame([*columns, *rest.get_columns()]), cast=True)


def fill(path: Path, stored: int) -> None:
    """Store posts by chunks."""
    for first in range(0, stored, CHUNK):
        with store.open_warehouse(path, now=NOW) as warehouse:
            posts = invented_posts(first, min(CHUNK, stored - first))
            store.save_page(
                warehouse, posts, EngagementSnapshot.create_empty(), STAMP, position=None
            )


def measure(path: Path, stored: int, batch: int) -> tuple[float, float]:
    """Return milliseconds of CPU of a save and of an append of the same rows."""
    saves, appends = [], []
    empty = EngagementSnapshot.create_empty()
    for n in range(ROUNDS):
        first = stored + n * batch - batch // 10 * (n + 1)
        posts = invented_posts(first, batch)
        with store.open_warehouse(path, now=NOW) as warehouse:
            plain = posts.with_columns(pl.col(pl.Enum).cast(pl.String)).drop("link_categories")
            began = process_time()
            store.save_page(warehouse, posts, empty, STAMP, position=None)
            saves.append(process_time() - began)
            with warehouse.showing("batch", plain):
                began = process_time()
                warehouse.execute(f"create table main.plain_{n} as select * from batch")
                appends.append(process_time() - began)
    return median(saves) * 1000, median(appends) * 1000


def main(arguments: list[str]) -> None:
    """Print one line a size."""
    stored = int(arguments[0]) if arguments else 1_000_000
    batch = int(arguments[1]) if len(arguments) > 1 else 20_000
    for size in (stored // 10, stored):
        with TemporaryDirectory() as folder:
            path = Path(folder) / "warehouse.duckdb"
            fill(path, size)
            saving, appending = measure(path, size, batch)
        print(
            f"{size:>10,} stored, {batch:,} new: save {saving:.0f} ms, append {appending:.0f} ms, "
            f"ratio {saving / appending:.1f}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
