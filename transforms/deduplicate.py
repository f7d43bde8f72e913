"""Posts that say what an earlier post said, as marks; nothing is ever dropped.

Two wordings are exactly alike when they are equal once normalised: letters and digits alone, in
lower case, links and placeholders out. They are nearly alike when MinHash proposes the pair and
the true similarity of their words confirms it; short wordings count only where they are equal.
A cluster's canonical post is its earliest, and all others carry a mark. The marks depend on the
posts alone, not on their order, and among the unmarked posts no duplicate is left.
"""

from collections.abc import Iterator
from typing import Final

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz.distance import Indel

from schema.posts import DuplicateMark
from transforms.minhash import candidate_pairs, signatures

VERSION: Final = 1  # of these rules: another number has every corpus marked anew
BLOCK: Final = 50_000  # pairs whose words are held as Python strings at once
SHORTEST_NEAR: Final = 30  # normalised characters
LONG_WORDS: Final = 12
LEAST_SIMILARITY: Final = 0.7
LEAST_SIMILARITY_SHORT: Final = 0.8  # under LONG_WORDS words, where one word weighs more

_IGNORED: Final = r"(?i)\[[A-Z]+(?::[a-z_]+)?\]|[a-z][a-z0-9+.\-]{1,20}://\S+|\bwww\.\S+"
# Scripts written without blanks: each character is a word.
_SINGLE: Final = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORDS: Final = rf"[{_SINGLE}]|[[\p{{L}}\p{{M}}\p{{N}}]--[{_SINGLE}]]+"


def deduplicate(
    posts: pl.DataFrame, *, across_platforms: bool = False
) -> dy.DataFrame[DuplicateMark]:
    """Mark every post whose wording an earlier one has; one row a marked post, sorted by key.

    `posts` has `post_key` (unique), `author_pseudonym`, `community_key`, `platform`,
    `created_at` and `text` (masked). With `across_platforms` a copy is followed from one platform
    to another; never does a mark link accounts.
    """
    worded = _worded(posts, across_platforms=across_platforms)
    wordings = worded.unique("wording", keep="first", maintain_order=True)
    merged = wordings.select("wording", "words").with_columns(
        cluster=pl.Series(_clusters(wordings), dtype=pl.UInt32)
    )
    clustered = worded.drop("words").join(merged, on="wording", maintain_order="left")
    canonical = clustered.group_by("cluster", maintain_order=True).agg(
        pl.col("post_key").min().alias("cluster_key"),
        pl.first("post_key", "author_pseudonym", "community_key", "wording", "words"),
    )
    marked = clustered.join(canonical, on="cluster", suffix="_canonical").filter(
        pl.col("post_key") != pl.col("post_key_canonical")
    )
    return DuplicateMark.validate(_marks(marked), cast=True)


def _worded(posts: pl.DataFrame, *, across_platforms: bool) -> pl.DataFrame:
    """Normalise the texts, earliest first; posts without a word are left out."""
    words = (
        pl.col("text")
        .str.replace_all(_IGNORED, " ")
        .str.normalize("NFKC")
        .str.to_lowercase()
        .str.extract_all(_WORDS)
    )
    scope = pl.lit(0) if across_platforms else pl.col("platform").cast(pl.String).rank("dense")
    return (
        posts.sort("created_at", "post_key", "text")
        .unique("post_key", keep="first", maintain_order=True)
        .with_columns(words=words, scope=scope.cast(pl.Int64))
        .filter(pl.col("words").list.len() > 0)
        .with_columns(wording=pl.struct("scope", pl.col("words").list.join("")))
        .select(
            "post_key", "author_pseudonym", "community_key", "scope", "words", "wording",
            length=pl.col("wording").struct.field("words").str.len_chars(),
        )
    )  # fmt: skip


def _clusters(wordings: pl.DataFrame) -> list[int]:
    """Give each wording the number of its cluster's earliest wording.

    Clusters are merged until their earliest wordings propose no pair that holds, so that a
    second run on what is unmarked finds nothing.
    """
    cluster = list(range(wordings.height))
    long_enough = wordings["length"].to_numpy() >= SHORTEST_NEAR
    heads = np.flatnonzero(long_enough)
    sketches = signatures(wordings["words"].gather(heads))
    sketch_of = np.zeros(wordings.height, dtype=np.int64)
    sketch_of[heads] = np.arange(len(heads))
    scopes = wordings["scope"].to_numpy()
    while len(heads) > 1:
        pairs = heads[candidate_pairs(sketches[sketch_of[heads]], scopes[heads])]
        alike = list(_similar(wordings["words"], pairs))
        if not alike:
            break
        for one, other in alike:
            first, last = sorted((_head(cluster, one), _head(cluster, other)))
            cluster[last] = first
        heads = np.array([head for head in heads.tolist() if cluster[head] == head])
    return [_head(cluster, number) for number in cluster]


def _similar(words: pl.Series, pairs: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Yield those of the proposed pairs whose words are truly alike."""
    for start in range(0, len(pairs), BLOCK):
        some = pairs[start : start + BLOCK]
        ones, others = (words.gather(some[:, side]).to_list() for side in (0, 1))
        for pair, one, other in zip(some.tolist(), ones, others, strict=True):
            is_long = min(len(one), len(other)) >= LONG_WORDS
            least = LEAST_SIMILARITY if is_long else LEAST_SIMILARITY_SHORT
            if Indel.normalized_similarity(one, other, score_cutoff=least) >= least:
                yield pair[0], pair[1]


def _head(cluster: list[int], number: int) -> int:
    """Follow a wording to the earliest of its cluster; the way there is shortened."""
    while cluster[number] != number:
        cluster[number] = cluster[cluster[number]]
        number = cluster[number]
    return number


def _marks(marked: pl.DataFrame) -> pl.DataFrame:
    """Say of each copy how it is one: of whom, where, how alike."""
    same_author = pl.col("author_pseudonym") == pl.col("author_pseudonym_canonical")
    same_venue = pl.col("community_key") == pl.col("community_key_canonical")
    exact = pl.col("wording") == pl.col("wording_canonical")
    similarity = [
        Indel.normalized_similarity(one, other)
        for one, other in marked.select("words", "words_canonical").iter_rows()
    ]
    return marked.select(
        "post_key",
        "cluster_key",
        canonical_key="post_key_canonical",
        kind=pl.when(~same_author)
        .then(pl.lit("copypasta"))
        .when(same_venue)
        .then(pl.lit("repost"))
        .otherwise(pl.lit("crosspost")),
        match=pl.when(exact).then(pl.lit("exact")).otherwise(pl.lit("near")),
        similarity=pl.when(exact).then(1.0).otherwise(pl.Series(similarity, dtype=pl.Float64)),
    ).sort("post_key")
