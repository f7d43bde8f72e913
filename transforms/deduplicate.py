"""Posts that say what an earlier post said, as marks; nothing is ever dropped.

Two wordings are exactly alike when they are equal once normalised: letters and digits alone, in
lower case, links and placeholders out. They are nearly alike when MinHash proposes the pair and
the true similarity of their words confirms it; short wordings count only where they are equal.
Whether two are alike depends on these two alone. A cluster is what such pairs join; its canonical
post is its earliest, and all others carry a mark. So the marks depend on the posts alone, not on
their order or on which came in which batch, and among the unmarked posts no duplicate is left.

New posts are compared with each other and, through `Kept`, with those that are kept. Texts are
asked for by the batch, so memory is some 300 bytes a new post, not its text. Wordings are told
apart by 64-bit hashes: among ten million some two are confused with a chance of 3 in 10^6.
"""

from dataclasses import dataclass
from functools import partial
from typing import Final

import dataframely as dy
import numpy as np
import polars as pl

from schema.posts import DuplicateMark
from schema.vocabulary import PLATFORMS
from transforms.forest import Forest
from transforms.kept import CARRIED, Kept, Nothing
from transforms.marks import hashed, marks
from transforms.minhash import SKETCH, Banded, sketched
from transforms.probing import Probe
from transforms.verifying import TextsOf, WordsIn, WordsOf, verify, worded_texts

VERSION: Final = 4  # of these rules: another number has every corpus marked anew
BATCH: Final = 10_000  # posts whose texts are held at once
SHORTEST_NEAR: Final = 40  # characters of the words with one blank between


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of comparing new posts with each other and with those kept.

    `marks` are those of every cluster that a new post is in; they replace what the posts of
    `post_keys` carried. `sketches` has of each new post `post_key`, `wording` and its sketch,
    null where it has no word or is short.
    """

    marks: dy.DataFrame[DuplicateMark]
    post_keys: pl.Series
    sketches: pl.DataFrame


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
        partial(_texts_in, once.select("post_key", "text").sort("post_key")),
        across_platforms=across_platforms,
    ).marks


def find_duplicates(
    posts: pl.DataFrame,
    texts_of: TextsOf,
    kept: Kept | None = None,
    *,
    across_platforms: bool = False,
    batch_posts: int = BATCH,
) -> Comparison:
    """Compare new posts where the texts are not at hand: `texts_of` brings a batch's."""
    kept = kept or Nothing()
    worded = _worded(posts, texts_of, batch_posts, across_platforms=across_platforms)
    nodes = worded.drop_nulls("wording").unique("spelling", keep="first", maintain_order=True)
    nodes = nodes.with_row_index("node")
    words_in = WordsOf(texts_of).pairs
    forest = Forest(nodes.height)
    _join_exact(forest, nodes)
    old, alike = _join_kept(forest, nodes, kept, words_in)
    alike = pl.concat([alike, *_join_near(forest, nodes, words_in)])
    members = _members(forest, worded, nodes, kept, old)
    sketches = worded.select("post_key", "wording", "spelling", *SKETCH)
    return Comparison(marks(members, alike, words_in), members["post_key"], sketches)


def _texts_in(texts: pl.DataFrame, post_keys: pl.Series) -> pl.DataFrame:
    """Look up texts in a table sorted by key: a join would read all of its keys each time."""
    found: pl.DataFrame = texts[texts["post_key"].search_sorted(post_keys)]
    return found


def _worded(
    posts: pl.DataFrame, texts_of: TextsOf, batch_posts: int, *, across_platforms: bool
) -> pl.DataFrame:
    """Keep of posts what a mark needs, and sum up each one's wording; n rows to n rows."""
    scope = (
        pl.col("platform")
        .cast(pl.String)
        .replace_strict(PLATFORMS, range(1, len(PLATFORMS) + 1), return_dtype=pl.UInt8)
    )
    ordered = posts.select(
        "post_key",
        *_who_and_where(),
        "created_at",
        scope=pl.lit(0, pl.UInt8) if across_platforms else scope,
    )
    parts = [
        _summed_up(ordered.slice(start, batch_posts), texts_of)
        for start in range(0, max(1, ordered.height), batch_posts)
    ]
    return pl.concat(parts).drop("scope")


def _who_and_where() -> tuple[pl.Expr, pl.Expr]:
    return (
        hashed(pl.col("author_pseudonym")).alias("author"),
        hashed(pl.col("community_key").cast(pl.String)).alias("community"),
    )


def _summed_up(some: pl.DataFrame, texts_of: TextsOf) -> pl.DataFrame:
    read = worded_texts(texts_of, some["post_key"])
    words = read["words"].str.split(" ")
    is_long = (read["words"].str.len_chars() >= SHORTEST_NEAR).fill_null(value=False)
    scopes = some.select("post_key", "scope")
    summed = (
        read.lazy()
        .join(scopes.lazy(), on="post_key", how="left", maintain_order="left")
        .with_columns(letters=words.list.join(""))
        .select(
            "post_key",
            "scope",
            wording=hashed(pl.concat_str("scope", "letters", separator=" ")),
            spelling=hashed(pl.concat_str("scope", "words", separator=" ")),
        )
        .collect()
    )
    long = summed.filter(is_long)
    sketches = sketched(words.filter(is_long), long["scope"])
    whole = pl.concat([long.hstack(sketches), summed.filter(~is_long)], how="diagonal")
    return some.join(whole.drop("scope"), on="post_key", how="left", maintain_order="left")


def _join_exact(forest: Forest, nodes: pl.DataFrame) -> None:
    firsts = nodes.select("node", first=pl.col("node").first().over("wording"))
    for node, first in firsts.filter(pl.col("node") != pl.col("first")).iter_rows():
        forest.join(node, first)


def _join_kept(
    forest: Forest, nodes: pl.DataFrame, kept: Kept, words_in: WordsIn
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Join new wordings with kept clusters.

    Return `cluster_key` and `old`, the node of each, and what was found alike.
    """
    exact = nodes.select("node", "wording").join(
        kept.alike(nodes["wording"].unique()), on="wording"
    )
    near = _met(nodes.drop_nulls("bits"), kept)
    near = near.join(kept.clusters(near["other"].unique()), left_on="other", right_on="post_key")
    old = (
        pl.concat([exact["cluster_key"], near["cluster_key"]])
        .unique(maintain_order=True)
        .to_frame()
        .with_row_index("old", offset=nodes.height)
    )
    forest.grow(old.height)
    for node, cluster in exact.join(old, on="cluster_key").select("node", "old").iter_rows():
        forest.join(node, cluster)
    pairs = near.join(old, on="cluster_key").sort("equal", "other", descending=[True, False])
    is_best = pl.struct("node", "old").is_first_distinct()
    alike = []
    for some in (pairs.filter(is_best), pairs.filter(~is_best)):  # of most, the best is enough
        ends, keys = some.select("node", "old"), some.select("one", "other")
        alike.append(verify(forest, ends.to_numpy(), keys.to_numpy(), words_in))
    return old, pl.concat(alike)


def _met(long: pl.DataFrame, kept: Kept) -> pl.DataFrame:
    """List what may be near: `node`, its post `one`, and `other`, one kept post a spelling.

    `equal` says how many of their sketches' values are.
    """
    probe: Probe | None = None
    own = long.select("node", one="post_key")
    named = {"other": pl.UInt64, "spelling": pl.UInt64, "equal": pl.Int64}
    parts = [own.clear().hstack(pl.DataFrame(schema=named))]
    for block in kept.sketches() if long.height else ():
        probe = probe or Probe(long)
        new, old, equal = probe.meetings(block).T
        met = block.select("spelling", other="post_key")[old]
        told = met.select("other", "spelling", equal=pl.Series(equal))
        parts.append(pl.concat([own[new], told], how="horizontal"))
    return pl.concat(parts).sort("other").unique(["node", "spelling"], keep="first")


def _join_near(
    forest: Forest, nodes: pl.DataFrame, words_in: WordsIn
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Join new wordings: neighbours first, then whatever of a bucket is not yet one cluster."""
    long = nodes.drop_nulls("bits")
    places, keys = long["node"].to_numpy().astype(np.int64), long["post_key"].to_numpy()
    banded = Banded(long)
    pairs = banded.neighbour_pairs()
    first = verify(forest, places[pairs], keys[pairs], words_in)
    pairs = banded.other_pairs(forest.heads()[places])
    return first, verify(forest, places[pairs], keys[pairs], words_in)


def _members(
    forest: Forest, worded: pl.DataFrame, nodes: pl.DataFrame, kept: Kept, old: pl.DataFrame
) -> pl.DataFrame:
    """List the posts of every cluster that a new post is in, with the marks they carried."""
    heads = pl.Series("cluster", forest.heads())
    new_heads = nodes.select("spelling", cluster=heads.head(nodes.height))
    new = worded.select("post_key", "author", "community", "created_at", "wording", "spelling")
    new = new.join(new_heads, on="spelling").drop("spelling")
    old_heads = old.select("cluster_key", cluster=heads.slice(nodes.height))
    old_heads = old_heads.join(new_heads, on="cluster", how="semi")
    members = kept.members(old_heads["cluster_key"]).join(old_heads, on="cluster_key")
    # another pass may have compared them meanwhile: then this one's result is not saved
    members = members.join(new, on="post_key", how="anti").unique("post_key")
    carried = members.select(
        "post_key",
        *_who_and_where(),
        pl.col("created_at").cast(new["created_at"].dtype),
        "wording",
        "cluster",
        *(pl.col(name).cast(kind) for name, kind in CARRIED.items()),
    )
    return pl.concat([new, carried], how="diagonal")
