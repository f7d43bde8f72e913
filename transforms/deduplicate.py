"""Posts that say what an earlier post said, as marks; nothing is ever dropped.

Two wordings are exactly alike when they are equal once normalised: letters and digits alone, in
lower case, links and placeholders out. They are nearly alike when MinHash proposes the pair and
the true similarity of their words confirms it; short wordings count only where they are equal.
A cluster's canonical post is its earliest, and all others carry a mark. The marks depend on the
posts alone, not on their order, and among the unmarked posts no duplicate is left.

Texts are asked for by the batch, so memory is some 300 bytes a post, not its text. Wordings are
told apart by 64-bit hashes: among ten million some two are confused with a chance of 3 in 10^6.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl
from polars_hash import NonCryptographicHashingNameSpace
from rapidfuzz.distance import Indel

from schema.posts import DuplicateMark
from transforms.minhash import Sketches, candidate_pairs, joined, sketched
from transforms.wordings import words_of

VERSION: Final = 1  # of these rules: another number has every corpus marked anew
BATCH: Final = 10_000  # posts whose texts are held at once
PAIRS: Final = 10_000  # pairs whose texts are held at once
COMPARED: Final = 1_000  # pairs whose words are held as Python strings at once
SHORTEST_NEAR: Final = 30  # normalised characters
LONG_WORDS: Final = 12
LEAST_SIMILARITY: Final = 0.7
LEAST_SIMILARITY_SHORT: Final = 0.8  # under LONG_WORDS words, where one word weighs more

Keys = npt.NDArray[np.uint64]
Indices = npt.NDArray[np.int64]
TextsOf = Callable[[pl.Series], pl.DataFrame]
"""From post keys to the columns `post_key` and `text`, in any order; a post may be gone."""
WordsIn = Callable[[Keys], Iterator[tuple[int, list[str], list[str]]]]


def deduplicate(
    posts: pl.DataFrame, *, across_platforms: bool = False
) -> dy.DataFrame[DuplicateMark]:
    """Mark every post whose wording an earlier one has; one row a marked post, sorted by key.

    `posts` has `post_key` (unique), `author_pseudonym`, `community_key`, `platform`,
    `created_at` and `text` (masked). With `across_platforms` a copy is followed from one platform
    to another; never does a mark link accounts.
    """
    once = posts.sort("created_at", "post_key", "text").unique("post_key", keep="first")
    return find_duplicates(
        once.drop("text"),
        partial(_texts_in, once.select("post_key", "text")),
        across_platforms=across_platforms,
    )


def find_duplicates(
    posts: pl.DataFrame,
    texts_of: TextsOf,
    *,
    across_platforms: bool = False,
    batch_posts: int = BATCH,
) -> dy.DataFrame[DuplicateMark]:
    """Mark as `deduplicate` does, where the texts are not at hand: `texts_of` brings a batch's."""
    ordered = _ordered(posts, across_platforms=across_platforms)
    worded, sketches = _worded(ordered, texts_of, batch_posts)
    wordings = worded.unique("wording", keep="first", maintain_order=True)
    words_in = partial(_word_pairs, texts_of)
    merged = wordings.select(
        "wording", cluster=pl.Series(_clusters(wordings, sketches, words_in), dtype=pl.UInt32)
    )
    clustered = worded.join(merged, on="wording", maintain_order="left")
    canonical = clustered.group_by("cluster", maintain_order=True).agg(
        pl.col("post_key").min().alias("cluster_key"),
        pl.first("post_key", "author", "community", "wording"),
    )
    marked = clustered.join(canonical, on="cluster", suffix="_canonical").filter(
        pl.col("post_key") != pl.col("post_key_canonical")
    )
    return DuplicateMark.validate(_marks(marked, words_in), cast=True)


def _texts_in(texts: pl.DataFrame, post_keys: pl.Series) -> pl.DataFrame:
    return post_keys.unique().to_frame("post_key").join(texts, on="post_key")


def _ordered(posts: pl.DataFrame, *, across_platforms: bool) -> pl.DataFrame:
    """Keep of posts what a mark needs, earliest first."""
    scope = pl.lit(0) if across_platforms else pl.col("platform").cast(pl.String).rank("dense")
    return posts.sort("created_at", "post_key").select(
        "post_key",
        author=_hash(pl.col("author_pseudonym")),
        community=_hash(pl.col("community_key").cast(pl.String)),
        scope=scope.cast(pl.UInt8),
    )


def _worded(
    ordered: pl.DataFrame, texts_of: TextsOf, batch_posts: int
) -> tuple[pl.DataFrame, Sketches]:
    """Sum up each post's wording; posts without a word are left out.

    The sketches are of the wordings long enough, each under its hash.
    """
    batches, sketches = [ordered.clear().with_columns(wording=pl.lit(0, pl.UInt64))], [joined([])]
    for start in range(0, ordered.height, batch_posts):
        some = ordered.slice(start, batch_posts)
        read = texts_of(some["post_key"]).select("post_key", words=words_of(pl.col("text")))
        worded = some.join(read, on="post_key", maintain_order="left").filter(
            pl.col("words").list.len() > 0
        )
        text = pl.col("words").list.join("")
        worded = worded.with_columns(
            wording=_hash(pl.concat_str("scope", text, separator=" ")), length=text.str.len_chars()
        )
        batches.append(worded.drop("words", "length"))
        sketches.append(sketched(worded.filter(pl.col("length") >= SHORTEST_NEAR)))
    return pl.concat(batches), joined(sketches)


def _hash(text: pl.Expr) -> pl.Expr:
    hashed: pl.Expr = NonCryptographicHashingNameSpace(text).xxhash64()
    return hashed


def _clusters(wordings: pl.DataFrame, sketches: Sketches, words_in: WordsIn) -> list[int]:
    """Give each wording the number of its cluster's earliest wording.

    Clusters are merged until their earliest wordings propose no pair that holds, so that a
    second run on what is unmarked finds nothing.
    """
    cluster = list(range(wordings.height))
    number_of = wordings.select("wording").with_row_index("number")
    found = pl.DataFrame({"wording": sketches.wordings}).join(
        number_of, on="wording", maintain_order="left"
    )
    heads = found["number"].to_numpy().astype(np.int64)
    rows: Indices = np.arange(len(heads))
    keys = wordings["post_key"].to_numpy()
    refuted: Indices = np.empty((0, 2), dtype=np.int64)
    while len(rows) > 1:
        pairs = _untried(heads[rows[candidate_pairs(sketches, rows)]], refuted)
        is_alike = np.zeros(len(pairs), dtype=np.bool_)
        for place, one, other in words_in(keys[pairs]):
            is_alike[place] = _are_alike(one, other)
        if not is_alike.any():
            break
        for pair in pairs[is_alike].tolist():
            first, last = sorted(_head(cluster, number) for number in pair)
            cluster[last] = first
        refuted = np.concatenate([refuted, pairs[~is_alike]])
        rows = rows[np.fromiter((cluster[head] == head for head in heads[rows]), dtype=np.bool_)]
    return [_head(cluster, number) for number in cluster]


def _untried(pairs: Indices, tried: Indices) -> Indices:
    """Leave out pairs that were compared before."""
    codes, old = (some[:, 0] << 32 | some[:, 1] for some in (pairs, tried))
    return pairs[~np.isin(codes, old)]


def _word_pairs(texts_of: TextsOf, pairs: Keys) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield of pairs of posts the place and both sides' words; none of a post that is gone."""
    for start in range(0, len(pairs), PAIRS):
        some = pl.DataFrame(pairs[start : start + PAIRS], schema=["one", "other"], orient="row")
        wanted = pl.concat([some["one"], some["other"]]).unique()
        words = texts_of(wanted).select("post_key", words=words_of(pl.col("text")))
        both = some.with_row_index("place", offset=start)
        for side in ("one", "other"):
            named = words.rename({"post_key": side, "words": f"{side}_words"})
            both = both.join(named, on=side, how="left", maintain_order="left")
        for compared in both.iter_slices(COMPARED):
            for place, one, other in compared.select(
                "place", "one_words", "other_words"
            ).iter_rows():
                yield place, one or [], other or []


def _are_alike(one: list[str], other: list[str]) -> bool:
    is_long = min(len(one), len(other)) >= LONG_WORDS
    least = LEAST_SIMILARITY if is_long else LEAST_SIMILARITY_SHORT
    return bool(one) and Indel.normalized_similarity(one, other, score_cutoff=least) >= least


def _head(cluster: list[int], number: int) -> int:
    """Follow a wording to the earliest of its cluster; the way there is shortened."""
    while cluster[number] != number:
        cluster[number] = cluster[cluster[number]]
        number = cluster[number]
    return number


def _marks(marked: pl.DataFrame, words_in: WordsIn) -> pl.DataFrame:
    """Say of each copy how it is one: of whom, where, how alike."""
    same_author = pl.col("author") == pl.col("author_canonical")
    same_venue = pl.col("community") == pl.col("community_canonical")
    exact = pl.col("wording") == pl.col("wording_canonical")
    similarity = np.ones(marked.height)
    near = marked.with_row_index("row").filter(~exact)
    pairs = near.select("post_key", "post_key_canonical").to_numpy()
    for place, one, other in words_in(pairs):
        similarity[near["row"][place]] = Indel.normalized_similarity(one, other)
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
        similarity=pl.Series(similarity),
    ).sort("post_key")
