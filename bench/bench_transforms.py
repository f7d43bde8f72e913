"""The whole transform chain: posts a second, and where the time goes.

`python -m bench.bench_transforms [POSTS] [--page 2000]` takes collected posts through the gate a
page at a time, as a flow does (masking, pseudonyms, language, the frame's contract), then through
`deduplicate` at once, and prints CPU and wall seconds of each stage. In every tenth post stands a
line with somebody or something to mask; a tenth of the posts are copies; all are invented.
"""

import argparse
import os
import random
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

import dataframely as dy
import polars as pl

from bench.bench_deduplicate import START, village
from bench.bench_scrub import generated
from schema.posts import CollectedPost, Post
from transforms import pseudonymize as gate
from transforms.deduplicate import deduplicate

KEY = bytes(range(32))
ABSENT = ("title", "alt_text", "quoted_text", "flair", "parent_native_id", "indexed_at")
EMPTY = ("mentions", "links", "declared_languages")
STAGES = (
    (gate, "scrub", "masking"),
    (gate, "detect_languages", "language"),
    (Post, "validate", "contract"),
)


def collected(posts_count: int) -> dy.DataFrame[CollectedPost]:
    """Make posts as a connector hands them over."""
    lines = [line.text for line in generated(2_000)]
    chance = random.Random(5)
    posts = village(posts_count)[0]
    texts = [
        f"{text}. {chance.choice(lines)}" if chance.random() < 0.1 else text
        for text in posts["text"].to_list()
    ]
    number = pl.col("post_key").cast(pl.String)
    account = pl.lit("lantern_") + (pl.col("post_key") % max(1, posts_count // 20)).cast(pl.String)
    schema = CollectedPost.create_empty().schema
    rows = posts.with_columns(text=pl.Series(texts)).select(
        "platform",
        "text",
        "created_at",
        native_id=pl.lit("t3_") + number,
        root_native_id=pl.lit("t3_") + number,
        kind=pl.lit("submission"),
        author=account,
        author_names=pl.concat_list(account),
        venue=pl.lit("quietporch"),
        hashtags_count=0,
        observed_at=pl.lit(START),
        is_created_at_plausible=True,
        is_edited=False,
        is_nsfw=False,
        is_visible_logged_out=True,
        **{name: pl.lit([], schema[name]) for name in EMPTY},
        **{name: pl.lit(None) for name in ABSENT},
    )
    left = [pl.lit(None).alias(name) for name in schema if name not in rows.columns]
    return CollectedPost.validate(rows.with_columns(left).select(list(schema)), cast=True)


class Watch:
    """CPU and wall seconds by stage; what lies inside another stage is taken off it."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.spent: dict[str, tuple[float, float]] = {}
        self._inner: list[tuple[float, float]] = []

    def on(self, stage: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """Watch a function."""

        @wraps(work)
        def watched(*args: Any, **kwargs: Any) -> Any:
            cpu, wall = time.process_time(), time.perf_counter()
            self._inner.append((0.0, 0.0))
            result = work(*args, **kwargs)
            took = (time.process_time() - cpu, time.perf_counter() - wall)
            self._add(stage, took)
            return result

        return watched

    def _add(self, stage: str, took: tuple[float, float]) -> None:
        inner = self._inner.pop()
        before = self.spent.get(stage, (0.0, 0.0))
        self.spent[stage] = (before[0] + took[0] - inner[0], before[1] + took[1] - inner[1])
        if self._inner:
            outer = self._inner[-1]
            self._inner[-1] = (outer[0] + took[0], outer[1] + took[1])


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("posts", nargs="?", type=int, default=50_000)
    parser.add_argument("--page", type=int, default=2_000)
    asked = parser.parse_args()
    posts = collected(asked.posts)
    deduplicate(gate.pseudonymize(posts.head(100), key=KEY))  # compiled and loaded once
    watch = Watch()
    for holder, name, stage in STAGES:
        setattr(holder, name, watch.on(stage, getattr(holder, name)))
    through = watch.on("pseudonyms, links, counts", gate.pseudonymize)
    pages = [through(page, key=KEY) for page in posts.iter_slices(asked.page)]
    marks = watch.on("duplicates", deduplicate)(pl.concat(pages))
    cpu, wall = (sum(column) for column in zip(*watch.spent.values(), strict=True))
    print(
        f"{asked.posts:,} posts in pages of {asked.page:,}, {marks.height:,} marked; "
        f"{asked.posts / cpu:,.0f} posts a CPU second, {asked.posts / wall:,.0f} a second of wall "
        f"on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    for stage, (seconds, waited) in sorted(watch.spent.items(), key=lambda item: -item[1][0]):
        print(f"  {seconds:7.2f} s CPU {seconds / cpu:5.0%}  {waited:7.2f} s wall  {stage}")


if __name__ == "__main__":
    main()
