"""Invented posts as many as asked for, shaped like a real study's.

Threads of ten, 60 words of text a post in the frequencies of a language, one snapshot of counts,
one row of what duplicates are found by.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import dataframely as dy
import numpy as np
import polars as pl

from schema.posts import EngagementSnapshot, Post
from warehouse import store

NOW = datetime(2026, 3, 1, tzinfo=UTC)
START = datetime(2025, 1, 1, tzinfo=UTC)
THREAD = 10
WORDS = 60
_SYLLABLES = ("ka", "le", "mi", "ro", "su", "ta", "ne", "vo", "pi", "da", "hu", "fe")
_VOCABULARY = np.array(
    [a + b + c for a in _SYLLABLES for b in ("", *_SYLLABLES) for c in _SYLLABLES]
)
_BANDS = ", ".join(
    f"cast(hash(post_key + {n}) >> 32 as uinteger) as band_{n:02}" for n in range(16)
)
_SKETCH = f"""
insert into landed.duplicate_sketches by name
select
    post_key, hash(post_key) as wording, hash(post_key + 1) as spelling, hash(post_key + 2) as bits,
    {_BANDS}
from batch
"""


def texts(first: int, count: int) -> pl.Series:
    """Write texts in which the nth word comes as often as 1 / n."""
    dice = np.random.default_rng(first)
    ranks = np.exp(dice.random(count * WORDS) * np.log(len(_VOCABULARY))).astype(np.int64) - 1
    words = pl.Series(_VOCABULARY[ranks], dtype=pl.String).reshape((count, WORDS))
    return words.arr.join(" ")


def invented(
    first: int, post_keys: Sequence[int], authors: Sequence[str]
) -> tuple[dy.DataFrame[Post], dy.DataFrame[EngagementSnapshot]]:
    """Return posts from the nth on, one every ten seconds, and their counts.

    Raises:
        ValueError: the posts make no whole threads.
    """
    count = len(post_keys)
    keys = np.array(post_keys, dtype=np.uint64)
    roots = keys.reshape(-1, THREAD)[:, 0].repeat(THREAD)
    rows = pl.DataFrame(
        {
            "post_key": keys,
            "version_key": keys,
            "thread_key": roots,
            "author_pseudonym": list(authors),
            "text": texts(first, count),
            "number": np.arange(first, first + count),
        }
    ).with_columns(
        is_root=pl.col("post_key") == pl.col("thread_key"),
        created_at=START + pl.duration(seconds=10 * pl.col("number")),
        **{name: pl.lit(None) for name in _ABSENT},
        **{name: pl.lit(value) for name, value in _ALIKE.items()},
        **{name: pl.lit([]) for name in ("link_categories", "declared_languages", "masks")},
    )
    linked = rows.with_columns(
        parent_key=pl.when(~pl.col("is_root")).then("thread_key"),
        kind=pl.when("is_root").then(pl.lit("submission")).otherwise(pl.lit("comment")),
    )
    posts = Post.validate(linked.select(Post.column_names()), cast=True)
    return posts, _counts(posts)


def save(
    warehouse: store.Warehouse,
    posts: dy.DataFrame[Post],
    counts: dy.DataFrame[EngagementSnapshot],
    stamp: store.SaveStamp,
) -> None:
    """Save posts and counts as a flow would, and rows as the marking of duplicates leaves them."""
    store.save_page(warehouse, posts, counts, stamp, position=None)
    with warehouse.showing("batch", posts.select("post_key")):
        warehouse.execute(_SKETCH)


def _counts(posts: dy.DataFrame[Post]) -> dy.DataFrame[EngagementSnapshot]:
    names = EngagementSnapshot.column_names()
    counted = posts.select(
        "post_key",
        observed_at=pl.lit(NOW),
        replies_count=pl.lit(3),
        reddit_score=(pl.col("post_key") % 97).cast(pl.Int64),
        reddit_crossposts_count=pl.lit(0),
    )
    absent = [pl.lit(None).alias(name) for name in names if name not in counted.columns]
    return EngagementSnapshot.validate(counted.with_columns(absent).select(names), cast=True)


_ABSENT = ("title", "alt_text", "quoted_text", "flair", "indexed_at", "edited_at")
_ALIKE = {
    "platform": "reddit",
    "community_key": "reddit/quietporch",
    "language": "en",
    "language_confidence": 0.9,
    "words_count": WORDS,
    "hashtags_count": 0,
    "scrubber_version": 1,
    "is_created_at_plausible": True,
    "observed_at": NOW,
    "is_edited": False,
    "is_nsfw": False,
    "is_visible_logged_out": True,
}
