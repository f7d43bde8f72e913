"""Near duplicates beside other tools, on planted copies.

`python -m bench.bench_deduplicate [POSTS] [--rounds N] [--peers PYTHON] [--tools ours rensa …]`
prints posts per CPU second (medians of N rounds, the tools by turns, each in a process of its own)
and peak memory, recall of copies with up to 15 % of their words edited, and precision; and both
shares once more for the first 5,000 posts against the truth, which posts share seven tenths of all
their words with an earlier one. Texts are made of ordinary words in the proportions of a natural
vocabulary; a tenth of the posts are copies. Tools: `bench/deduplicators.py`.

`python -m bench.bench_deduplicate --incremental 10000 200000` prints what a batch of 20,000 new
posts costs beside so many kept ones, in a warehouse on disk: CPU seconds of comparing and saving,
by turns, the median of five batches; and what the sketches take in the file, in bytes a post. The
figures of the issue are those of `--incremental 10000 1000000 10000000` (an hour, 30 GB of disk).
"""

import argparse
import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import polars as pl

from flows.kept_posts import compare_due
from transforms.ordinary import ordinary_words
from warehouse import store

START = datetime(2026, 1, 1, tzinfo=UTC)
BATCH_POSTS = 20_000
KEPT_POSTS = 200_000
FIRST_NEW = 10**12
ROUNDS = 5
TRUE_POSTS = 5_000
LEAST_SHARE = 0.7  # of two posts' words (Jaccard)
COUNT = "select count(*) from landed.duplicate_sketches"
FILL = """
insert into landed.post_versions by name
select
    *, 'submission' as kind, true as is_root, [] as link_categories, [] as declared_languages,
    0 as words_count, 0 as hashtags_count, [] as masks, 1 as scrubber_version,
    true as is_created_at_plausible, created_at as observed_at, false as is_edited,
    false as is_nsfw, true as is_visible_logged_out, 'bench' as run_id, 'bench' as source,
    'bench' as stream, 'synthetic' as route
from batch
"""
Truth = tuple[set[int], set[int]]
"""Which posts are looked at, and which of them are copies."""


def village(size: int, seed: int = 11) -> tuple[pl.DataFrame, set[int]]:
    """Make posts in order of time, and tell which of them are planted copies."""
    chance = random.Random(seed)
    words = sorted(ordinary_words())
    chance.shuffle(words)
    weights = [1 / (rank + 10) for rank in range(len(words))]
    texts: list[list[str]] = []
    copies: set[int] = set()
    for number in range(size):
        if texts and chance.random() < 0.1:
            text = chance.choice(texts)[:]
            for _ in range(chance.randint(0, int(len(text) * 0.15))):
                text[chance.randrange(len(text))] = chance.choice(words)
            copies.add(number)
        else:
            text = chance.choices(words, weights, k=chance.randint(12, 60))
        texts.append(text)
    posts = pl.DataFrame(
        {
            "post_key": pl.Series(range(size), dtype=pl.UInt64),
            "author_pseudonym": "fern",
            "community_key": "reddit/village",
            "platform": "reddit",
            "created_at": [START + timedelta(seconds=number) for number in range(size)],
            "text": [" ".join(text) for text in texts],
        }
    )
    return posts, copies


def truly_alike(posts: pl.DataFrame) -> set[int]:
    """Tell which posts share `LEAST_SHARE` of all their words with an earlier one.

    Such two share one of the rarest words of each: of n words all but LEAST_SHARE n, and one more
    (prefix filtering, exact; Chaudhuri et al. 2006).
    """
    words = posts.select("post_key", word=pl.col("text").str.split(" ")).explode("word").unique()
    ranked = words.with_columns(uses=pl.len().over("word")).sort("uses", "word")
    ranked = ranked.with_columns(
        place=pl.int_range(pl.len()).over("post_key"), size=pl.len().over("post_key")
    )
    rare = ranked.filter(pl.col("place") <= pl.col("size") * (1 - LEAST_SHARE)).select(
        "post_key", "word"
    )
    pairs = rare.join(rare, on="word").select("post_key", earlier="post_key_right")
    pairs = pairs.filter(pl.col("earlier") < pl.col("post_key")).unique()
    sets = words.group_by("post_key").agg("word")
    alike: set[int] = set()
    for some in pairs.iter_slices(100_000):
        both = some.join(sets, on="post_key").join(sets, left_on="earlier", right_on="post_key")
        common = pl.col("word").list.set_intersection("word_right").list.len()
        union = pl.col("word").list.len() + pl.col("word_right").list.len() - common
        alike |= set(both.filter(common >= LEAST_SHARE * union)["post_key"].to_list())
    return alike


@dataclass
class Runs:
    """What one tool spent, and what it flagged."""

    seconds: list[float] = field(default_factory=list)
    peak_mib: float = 0.0
    flagged: set[int] = field(default_factory=set)

    def add(self, python: str, tool: str, source: Path) -> None:
        """Run it once more."""
        target = source.with_name("flagged.parquet")
        command = [python, "-m", "bench.deduplicators", tool, str(source), str(target)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        told = json.loads(done.stdout.splitlines()[-1])
        self.seconds.append(told["seconds"])
        self.peak_mib = max(self.peak_mib, told["peak_mib"])
        self.flagged = set(pl.read_parquet(target)["post_key"].to_list())


def race(posts: pl.DataFrame, pythons: Mapping[str, str], rounds: int) -> dict[str, Runs]:
    """Run each tool so often, by turns."""
    runs = {tool: Runs() for tool in pythons}
    with TemporaryDirectory() as folder:
        source = Path(folder) / "posts.parquet"
        posts.write_parquet(source)
        for number in range(rounds):
            for tool, python in pythons.items():
                runs[tool].add(python, tool, source)
                print(f"round {number + 1}  {tool:10}  {runs[tool].seconds[-1]:8.2f} CPU seconds")
            print(f"load {os.getloadavg()[0]:.1f}", flush=True)
    return runs


def tell(tool: str, runs: Runs, posts_count: int, truths: Mapping[str, Truth]) -> None:
    """Print one tool's figures."""
    rate = posts_count / median(runs.seconds)
    print(f"{tool:10}  {rate:10,.0f} posts per CPU second  {runs.peak_mib:8,.0f} MiB at the peak")
    for of_what, (among, truth) in truths.items():
        found = runs.flagged & among
        right = len(found & truth)
        print(
            f"            {of_what:18}  recall {right / len(truth):.3f}"
            f"  precision {right / max(1, len(found)):.3f}"
        )


def incremental(sizes: list[int]) -> None:
    """Time a batch beside each number of kept posts."""
    with ExitStack() as stack:
        stores = {size: stack.enter_context(kept(size)) for size in sizes}
        spent: dict[int, list[float]] = {size: [] for size in sizes}
        for turn in range(ROUNDS + 1):
            batch = village(BATCH_POSTS, seed=100 + turn)[0]
            for size, warehouse in stores.items():
                fill(warehouse, batch.with_columns(pl.col("post_key") + FIRST_NEW))
                started = time.process_time()
                compare(warehouse)
                if turn:  # the first warms up
                    spent[size].append(time.process_time() - started)
                drop(warehouse)
        least = median(spent[sizes[0]])
        for size, warehouse in stores.items():
            seconds = median(spent[size])
            print(
                f"{size:12,} kept  {seconds:6.3f} CPU seconds a batch of {BATCH_POSTS:,}"
                f"  {seconds / least:5.2f} x  {sketch_bytes(warehouse):6.1f} bytes a post"
            )


@contextmanager
def kept(size: int) -> Iterator[store.Warehouse]:
    """Make a warehouse of compared posts."""
    with (
        TemporaryDirectory() as folder,
        store.open_warehouse(Path(folder) / "kept.duckdb", now=START) as warehouse,
    ):
        for number, start in enumerate(range(0, size, KEPT_POSTS)):
            posts = village(min(KEPT_POSTS, size - start), seed=number)[0]
            fill(warehouse, posts.with_columns(pl.col("post_key") + start))
            compare(warehouse)
        yield warehouse


def fill(warehouse: store.Warehouse, posts: pl.DataFrame) -> None:
    """Put posts into the table that comparing reads, as the store keeps them."""
    rows = posts.with_columns(
        pl.col("created_at").dt.replace_time_zone(None),
        version_key=pl.col("post_key"),
        author_pseudonym=pl.col("author_pseudonym").str.pad_end(32, "0"),
    )
    with warehouse.transaction(), warehouse.showing("batch", rows):
        warehouse.execute(FILL)


def compare(warehouse: store.Warehouse) -> None:
    """Compare what is due, as a pass does, but for opening the file."""
    compare_due(lambda: nullcontext(warehouse), across_platforms=False)


def drop(warehouse: store.Warehouse) -> None:
    """Take the batch out again, so that the next one meets as many kept posts."""
    for table in ("post_versions", "duplicate_sketches", "duplicate_marks"):
        warehouse.execute(f"delete from landed.{table} where post_key >= {FIRST_NEW}")


def sketch_bytes(warehouse: store.Warehouse) -> float:
    """Return what the sketches take in the file, in bytes a post."""
    warehouse.execute("checkpoint")
    blocks = warehouse.scalar(
        "select count(distinct block_id) from pragma_storage_info('landed.duplicate_sketches') "
        "where block_id >= 0"
    )
    block_bytes = warehouse.scalar(
        "select block_size from pragma_database_size() where database_name = current_database()"
    )
    return float(blocks * block_bytes / warehouse.scalar(COUNT))


def main() -> None:
    """Race tools on the same posts, or time batches beside kept posts."""
    parser = argparse.ArgumentParser()
    parser.add_argument("posts", nargs="?", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", help="a Python that has the other tools")
    parser.add_argument("--tools", nargs="*", default=["ours", "rensa"])
    parser.add_argument("--incremental", nargs="*", type=int, metavar="KEPT")
    asked = parser.parse_args()
    if asked.incremental is not None:
        incremental(asked.incremental or [10_000, 200_000])
        return
    posts, copies = village(asked.posts)
    print(f"{asked.posts:,} posts, {len(copies):,} copies with up to 15 % of their words edited")
    some = posts.head(TRUE_POSTS)
    truths = {
        "planted copies": (set(posts["post_key"].to_list()), copies),
        "alike by all words": (set(some["post_key"].to_list()), truly_alike(some)),
    }
    own = ("ours", "rensa")
    pythons = {tool: sys.executable if tool in own else asked.peers for tool in asked.tools}
    for tool, runs in race(posts, pythons, asked.rounds).items():
        tell(tool, runs, posts.height, truths)


if __name__ == "__main__":
    main()
