"""Near duplicates beside rensa's own deduplicator, on planted copies.

`python -m bench.bench_deduplicate [POSTS]` prints posts per CPU second, recall of copies with up
to 15 % of their words edited, and precision, for both, in one run. Texts are made of ordinary
words in the proportions of a natural vocabulary; a tenth of the posts are copies.
"""

import random
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
from rensa import RMinHashDeduplicator

from transforms.deduplicate import deduplicate
from transforms.ordinary import ordinary_words

START = datetime(2026, 1, 1, tzinfo=UTC)
Marker = Callable[[pl.DataFrame], set[int]]


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


def ours(posts: pl.DataFrame) -> set[int]:
    """Mark with `deduplicate`: normalised, verified, clustered."""
    return set(deduplicate(posts)["post_key"].to_list())


def rensa_own(posts: pl.DataFrame) -> set[int]:
    """Flag with rensa's deduplicator over the same shingles, unverified."""
    index = RMinHashDeduplicator(threshold=0.5, num_perm=64, use_lsh=True, num_bands=16)
    kept = index.add_pairs(
        (str(key), _shingles(text)) for key, text in posts.select("post_key", "text").iter_rows()
    )
    return {
        key for key, is_kept in zip(posts["post_key"].to_list(), kept, strict=True) if not is_kept
    }


def _shingles(text: str) -> list[str]:
    words = text.split()
    return [*words, *(f"{one} {other}" for one, other in pairwise(words))]


def race(name: str, mark: Marker, posts: pl.DataFrame, copies: set[int]) -> None:
    """Time one marker and score it."""
    started = time.process_time()
    marked = mark(posts)
    seconds = time.process_time() - started
    right = len(marked & copies)
    print(
        f"{name:6}  {posts.height / seconds:10,.0f} posts per CPU second"
        f"  recall {right / len(copies):.3f}  precision {right / max(1, len(marked)):.3f}"
    )


def main() -> None:
    """Race both on the same posts."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    posts, copies = village(size)
    print(f"{size:,} posts, {len(copies):,} copies with up to 15 % of their words edited")
    ours(posts.head(100))  # imports and pattern compilation are no part of the race
    race("ours", ours, posts, copies)
    race("rensa", rensa_own, posts, copies)


if __name__ == "__main__":
    main()
