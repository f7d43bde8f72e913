"""Tools that flag near duplicates, each in a process of its own: ours, and others beside it.

`python -m bench.deduplicators TOOL POSTS.parquet FLAGGED.parquet` writes the keys of the flagged
posts and prints CPU seconds (children's too) and peak memory. All get the same posts; rensa and
datasketch get our shingles, words and pairs of neighbouring words. `datasketch` and `datatrove`
need a Python that has them, handed to the bench as `--peers PYTHON` (not xxhash 4, which
datatrove breaks with):

    pip install polars datasketch datatrove orjson spacy tokenizers "xxhash<4"
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

VALUES, BANDS = 64, 16
THRESHOLD = 0.5


def ours(posts: pl.DataFrame) -> list[int]:
    """Mark with `deduplicate`: normalised, verified, clustered."""
    from transforms.deduplicate import deduplicate

    return deduplicate(posts)["post_key"].to_list()


def rensa(posts: pl.DataFrame) -> list[int]:
    """Flag with rensa's own deduplicator: unverified."""
    from rensa import RMinHashDeduplicator

    index = RMinHashDeduplicator(
        threshold=THRESHOLD, num_perm=VALUES, use_lsh=True, num_bands=BANDS
    )
    kept = index.add_pairs((str(key), shingles(text)) for key, text in told(posts))
    return [key for key, is_kept in zip(posts["post_key"], kept, strict=True) if not is_kept]


def datasketch(posts: pl.DataFrame) -> list[int]:
    """Flag with datasketch's index whatever meets an earlier post: unverified."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(num_perm=VALUES, params=(BANDS, VALUES // BANDS))
    flagged = []
    for key, text in told(posts):
        sketch = MinHash(num_perm=VALUES)
        sketch.update_batch([shingle.encode() for shingle in shingles(text)])
        if index.query(sketch):
            flagged.append(key)
        index.insert(str(key), sketch)
    return flagged


def datatrove(posts: pl.DataFrame) -> list[int]:
    """Remove with datatrove's four stages over files: unverified."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import MinhashDedupCluster, MinhashDedupFilter
    from datatrove.pipeline.dedup.minhash import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "in").mkdir()
        rows = posts.select("text", id=pl.col("post_key").cast(pl.String))
        rows.write_ndjson(folder / "in" / "posts.jsonl")
        config = MinhashConfig(n_grams=2, num_buckets=BANDS, hashes_per_bucket=VALUES // BANDS)
        at = {step: str(folder / step) for step in ("in", "signed", "met", "grouped", "kept")}
        stages = (
            [JsonlReader(at["in"]), MinhashDedupSignature(at["signed"], config=config)],
            [MinhashDedupBuckets(at["signed"], at["met"], config=config)],
            [MinhashDedupCluster(at["met"], at["grouped"], config=config)],
            [
                JsonlReader(at["in"]),
                MinhashDedupFilter(at["grouped"]),
                JsonlWriter(at["kept"], compression=None, output_filename="${rank}.jsonl"),
            ],
        )
        for number, stage in enumerate(stages):
            tasks = BANDS if number == 1 else 1
            LocalPipelineExecutor(
                stage, tasks=tasks, workers=1, logging_dir=str(folder / f"log{number}")
            ).run()
        kept = pl.read_ndjson(sorted((folder / "kept").glob("*.jsonl")))["id"].cast(pl.UInt64)
    return posts.filter(~pl.col("post_key").is_in(kept.implode()))["post_key"].to_list()


def told(posts: pl.DataFrame) -> Iterator[tuple[int, str]]:
    """Yield key and text of each post."""
    yield from posts.select("post_key", "text").iter_rows()


def shingles(text: str) -> list[str]:
    """List words and pairs of neighbouring words."""
    words = text.split()
    return [*words, *(f"{one} {other}" for one, other in pairwise(words))]


TOOLS: dict[str, Callable[[pl.DataFrame], list[int]]] = {
    found.__name__: found for found in (ours, rensa, datasketch, datatrove)
}


def spent() -> float:
    """Return the CPU seconds of this process and of its children that ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(it.ru_utime + it.ru_stime for it in both)


def peak_mib() -> float:
    """Return the most memory that this process held; `getrusage` would tell its parent's."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def main() -> None:
    """Flag once."""
    name, source, target = sys.argv[1:]
    posts = pl.read_parquet(source)
    TOOLS[name](posts.head(100))  # imports and pattern compilation are no part of the race
    began, began_wall = spent(), time.monotonic()
    flagged = TOOLS[name](posts)
    seconds, wall = spent() - began, time.monotonic() - began_wall
    pl.DataFrame({"post_key": flagged}, schema={"post_key": pl.UInt64}).write_parquet(target)
    print(json.dumps({"seconds": seconds, "wall": wall, "peak_mib": peak_mib()}))


if __name__ == "__main__":
    main()
