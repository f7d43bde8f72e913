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

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import dataframely as dy
import numpy as np
import numpy.typing as npt
import polars as pl
from polars_hash import NonCryptographicHashingNameSpace
from rapidfuzz.distance import Indel

from schema.posts import DuplicateMark
from schema.vocabulary import PLATFORMS
from transforms.forest import Forest
from transforms.minhash import SKETCH, Banded, Indices, sketched
from transforms.probing import Probe
from transforms.wordings import wordings

VERSION: Final = 4  # of these rules: another number has every corpus marked anew
BATCH: Final = 10_000  # posts whose texts are held at once
PAIRS: Final = 10_000  # pairs whose texts are held at once
COMPARED: Final = 1_000  # pairs whose texts are held as Python strings at once
SHORTEST_NEAR: Final = 40  # characters of the words with one blank between
LONG_WORDS: Final = 12
LEAST_SIMILARITY: Final = 0.7
LEAST_SIMILARITY_SHORT: Final = 0.8  # under LONG_WORDS words, where one word weighs more

Keys = npt.NDArray[np.uint64]
TextsOf = Callable[[pl.Series], pl.DataFrame]
"""From post keys to the columns `post_key` and `text`, in any order; a post may be gone."""
WordsIn = Callable[[Keys], Iterator[tuple[int, list[str], list[str]]]]

_ENDS: Final = {"one": pl.UInt64, "other": pl.UInt64}
_CARRIED: Final[dict[str, type[pl.DataType]]] = {
    "canonical_key": pl.UInt64,
    "kind": pl.String,
    "match": pl.String,
    "similarity": pl.Float64,
}


class Kept(Protocol):
    """The posts compared before. A post that has no double is a cluster of its own key."""

    def alike(self, wordings: pl.Series) -> pl.DataFrame:
        """Return `wording` and `cluster_key` of the kept posts with one of these wordings."""

    def sketches(self) -> Iterator[pl.DataFrame]:
        """Yield the sketches of all kept posts that have one, with `post_key`, by the block."""

    def clusters(self, post_keys: pl.Series) -> pl.DataFrame:
        """Return `post_key` and `cluster_key` of these posts, as far as they are kept."""

    def members(self, cluster_keys: pl.Series) -> pl.DataFrame:
        """Return all posts of these clusters, with the marks that they carry."""


class _Nothing:
    """No post was compared before."""

    def alike(self, wordings: pl.Series) -> pl.DataFrame:
        return pl.DataFrame(schema={"wording": pl.UInt64, "cluster_key": pl.UInt64})

    def sketches(self) -> Iterator[pl.DataFrame]:
        yield from ()

    def clusters(self, post_keys: pl.Series) -> pl.DataFrame:
        return pl.DataFrame(schema=dict.fromkeys(("post_key", "cluster_key"), pl.UInt64))

    def members(self, cluster_keys: pl.Series) -> pl.DataFrame:
        names = ("author_pseudonym", "community_key")
        keys = dict.fromkeys(("post_key", "wording", "cluster_key"), pl.UInt64)
        instants = {"created_at": pl.Datetime("us", "UTC")}
        return pl.DataFrame(
            schema={**dict.fromkeys(names, pl.String), **keys, **instants, **_CARRIED}
        )


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
    kept = kept or _Nothing()
    worded = _worded(posts, texts_of, batch_posts, across_platforms=across_platforms)
    nodes = worded.drop_nulls("wording").unique("spelling", keep="first", maintain_order=True)
    nodes = nodes.with_row_index("node")
    words_in = partial(_word_pairs, texts_of)
    forest = Forest(nodes.height)
    _join_exact(forest, nodes)
    old, alike = _join_kept(forest, nodes, kept, words_in)
    alike = pl.concat([alike, *_join_near(forest, nodes, words_in)])
    members = _members(forest, worded, nodes, kept, old)
    sketches = worded.select("post_key", "wording", "spelling", *SKETCH)
    return Comparison(_marks(members, alike, words_in), members["post_key"], sketches)


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
        _hash(pl.col("author_pseudonym")).alias("author"),
        _hash(pl.col("community_key").cast(pl.String)).alias("community"),
    )


def _summed_up(some: pl.DataFrame, texts_of: TextsOf) -> pl.DataFrame:
    read = _worded_texts(texts_of, some["post_key"])
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
            wording=_hash(pl.concat_str("scope", "letters", separator=" ")),
            spelling=_hash(pl.concat_str("scope", "words", separator=" ")),
        )
        .collect()
    )
    long = summed.filter(is_long)
    sketches = sketched(words.filter(is_long), long["scope"])
    whole = pl.concat([long.hstack(sketches), summed.filter(~is_long)], how="diagonal")
    return some.join(whole.drop("scope"), on="post_key", how="left", maintain_order="left")


def _worded_texts(texts_of: TextsOf, post_keys: pl.Series) -> pl.DataFrame:
    texts = texts_of(post_keys)
    return texts.select("post_key", words=wordings(texts["text"]))


def _hash(text: pl.Expr) -> pl.Expr:
    hashed: pl.Expr = NonCryptographicHashingNameSpace(text).xxh3_64()
    return hashed


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
    pairs = near.join(old, on="cluster_key").sort("node", "other")
    ends, keys = pairs.select("node", "old"), pairs.select("one", "other")
    return old, _verify(forest, ends.to_numpy(), keys.to_numpy(), words_in)


def _met(long: pl.DataFrame, kept: Kept) -> pl.DataFrame:
    """List what may be near: `node`, its post `one`, and `other`, one kept post a spelling."""
    probe: Probe | None = None
    own = long.select("node", one="post_key")
    parts = [own.clear().with_columns(other=pl.lit(0, pl.UInt64), spelling=pl.lit(0, pl.UInt64))]
    for block in kept.sketches() if long.height else ():
        probe = probe or Probe(long)
        new, old = probe.meetings(block).T
        met = block.select("spelling", other="post_key")[old]
        parts.append(pl.concat([own[new], met.select("other", "spelling")], how="horizontal"))
    return pl.concat(parts).sort("other").unique(["node", "spelling"], keep="first")


def _join_near(
    forest: Forest, nodes: pl.DataFrame, words_in: WordsIn
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Join new wordings: neighbours first, then whatever of a bucket is not yet one cluster."""
    long = nodes.drop_nulls("bits")
    places, keys = long["node"].to_numpy().astype(np.int64), long["post_key"].to_numpy()
    banded = Banded(long)
    pairs = banded.neighbour_pairs()
    first = _verify(forest, places[pairs], keys[pairs], words_in)
    pairs = banded.other_pairs(forest.heads()[places])
    return first, _verify(forest, places[pairs], keys[pairs], words_in)


def _verify(forest: Forest, pairs: Indices, keys: Keys, words_in: WordsIn) -> pl.DataFrame:
    """Join what is truly alike, and return it; what is one cluster already is not looked at."""
    alike: list[int] = []
    similarities: list[float] = []
    for start in range(0, len(pairs), PAIRS):
        block = pairs[start : start + PAIRS].tolist()
        apart = [place for place, pair in enumerate(block) if not forest.is_joined(*pair)]
        for place, one, other in words_in(keys[start : start + PAIRS][apart]):
            pair = block[apart[place]]
            if not forest.is_joined(*pair) and (similarity := _similarity(one, other)):
                forest.join(*pair)
                alike.append(start + apart[place])
                similarities.append(similarity)
    ends = pl.DataFrame(keys[alike], schema=_ENDS, orient="row")
    return ends.with_columns(similarity=pl.Series(similarities, dtype=pl.Float64))


def _word_pairs(texts_of: TextsOf, pairs: Keys) -> Iterator[tuple[int, list[str], list[str]]]:
    """Yield of pairs of posts the place and both sides' words; none of a post that is gone."""
    for start in range(0, len(pairs), PAIRS):
        some = pl.DataFrame(pairs[start : start + PAIRS], schema=["one", "other"], orient="row")
        wanted = pl.concat([some["one"], some["other"]]).unique()
        words = _worded_texts(texts_of, wanted)
        both = some.with_row_index("place", offset=start)
        for side in ("one", "other"):
            named = words.rename({"post_key": side, "words": f"{side}_words"})
            both = both.join(named, on=side, how="left", maintain_order="left")
        both = both.select("place", pl.col("one_words", "other_words").fill_null(""))
        for place, one, other in both.iter_rows(buffer_size=COMPARED):
            yield place, one.split(), other.split()


def _similarity(one: list[str], other: list[str]) -> float:
    """Return how similar two wordings are, 0 where that is not enough."""
    is_long = min(len(one), len(other)) >= LONG_WORDS
    least = LEAST_SIMILARITY if is_long else LEAST_SIMILARITY_SHORT
    return Indel.normalized_similarity(one, other, score_cutoff=least) if one else 0.0


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
    members = members.join(new, on="post_key", how="anti")
    carried = members.select(
        "post_key",
        *_who_and_where(),
        pl.col("created_at").cast(new["created_at"].dtype),
        "wording",
        "cluster",
        *(pl.col(name).cast(kind) for name, kind in _CARRIED.items()),
    )
    return pl.concat([new, carried], how="diagonal")


def _marks(
    members: pl.DataFrame, alike: pl.DataFrame, words_in: WordsIn
) -> dy.DataFrame[DuplicateMark]:
    """Mark all but the earliest of each cluster; a mark whose canonical post stands is kept."""
    ordered = members.sort("created_at", "post_key")
    canonical = ordered.group_by("cluster", maintain_order=True).agg(
        pl.col("post_key").min().alias("cluster_key"),
        pl.col("post_key").first().alias("canonical"),
        pl.first("author", "community", "wording").name.suffix("_canonical"),
    )
    marked = ordered.join(canonical, on="cluster").filter(pl.col("post_key") != pl.col("canonical"))
    stands = pl.col("canonical_key").eq_missing(pl.col("canonical"))
    told = pl.concat([marked.filter(stands), _told(marked.filter(~stands), alike, words_in)])
    marks = told.with_columns(canonical_key="canonical").select(DuplicateMark.column_names())
    return DuplicateMark.validate(marks.sort("post_key"), cast=True)


def _told(marked: pl.DataFrame, alike: pl.DataFrame, words_in: WordsIn) -> pl.DataFrame:
    """Say of each copy how it is one: of whom, where, how alike."""
    same_author = pl.col("author") == pl.col("author_canonical")
    same_venue = pl.col("community") == pl.col("community_canonical")
    exact = pl.col("wording") == pl.col("wording_canonical")
    return marked.with_columns(
        kind=pl.when(~same_author)
        .then(pl.lit("copypasta"))
        .when(same_venue)
        .then(pl.lit("repost"))
        .otherwise(pl.lit("crosspost")),
        match=pl.when(exact).then(pl.lit("exact")).otherwise(pl.lit("near")),
        similarity=_similarities(
            marked.select("post_key", "canonical", exact=exact), alike, words_in
        ),
    )


def _similarities(pairs: pl.DataFrame, alike: pl.DataFrame, words_in: WordsIn) -> pl.Series:
    """Return how similar the n pairs are; most were compared before."""
    swapped = alike.select(pl.col("other").alias("one"), pl.col("one").alias("other"), "similarity")
    known = pl.concat([alike, swapped])
    told = pairs.join(
        known,
        left_on=["post_key", "canonical"],
        right_on=["one", "other"],
        how="left",
        maintain_order="left",
    ).select(similarity=pl.when("exact").then(1.0).otherwise("similarity"))
    rows = told["similarity"].is_null().arg_true()
    similarities = told["similarity"].fill_null(1.0).to_numpy().copy()
    left = pairs[rows].select("post_key", "canonical").to_numpy()
    for place, one, other in words_in(left):
        similarities[rows[place]] = Indel.normalized_similarity(one, other)
    return pl.Series(similarities)
