"""From clusters to marks: each copy's canonical post, and how it is a copy.

A cluster's canonical post is its earliest. Who repeats it where says the kind; a template is what
three authors or more filled in differently: their wordings leave the same gaps in the canonical
one's words. A mark depends on its cluster's posts alone, however they came.
"""

from typing import Final

import dataframely as dy
import numpy as np
import polars as pl
from polars_hash import NonCryptographicHashingNameSpace
from rapidfuzz.distance import Indel

from schema.posts import DuplicateMark
from transforms.verifying import WordsIn

TEMPLATE_AUTHORS: Final = 3  # the canonical post's among them


def hashed(text: pl.Expr) -> pl.Expr:
    """Map strings to 64-bit numbers (XXH3); null stays null."""
    found: pl.Expr = NonCryptographicHashingNameSpace(text).xxh3_64()
    return found


def marks(
    members: pl.DataFrame, alike: pl.DataFrame, words_in: WordsIn
) -> dy.DataFrame[DuplicateMark]:
    """Mark all but the earliest of each cluster; what stood on the same canonical post stays.

    `members` are whole clusters: `cluster`, `post_key`, `author`, `community`, `created_at`,
    `wording`, and what marks carried. `alike` has similarities known already.
    """
    ordered = members.sort("created_at", "post_key")
    canonical = ordered.group_by("cluster", maintain_order=True).agg(
        pl.col("post_key").min().alias("cluster_key"),
        pl.col("post_key").first().alias("canonical"),
        pl.first("author", "community", "wording").name.suffix("_canonical"),
        pl.col("author").n_unique().alias("authors_count"),
    )
    marked = ordered.join(canonical, on="cluster").filter(pl.col("post_key") != pl.col("canonical"))
    stands = pl.col("canonical_key").eq_missing(pl.col("canonical"))
    told = pl.concat([marked.filter(stands), _told(marked.filter(~stands), alike, words_in)])
    kinds = _with_skeletons(told, words_in).with_columns(kind=_kind())
    found = kinds.with_columns(canonical_key="canonical").select(DuplicateMark.column_names())
    return DuplicateMark.validate(found.sort("post_key"), cast=True)


def _kind() -> pl.Expr:
    is_other_author = pl.col("author") != pl.col("author_canonical")
    is_same_venue = pl.col("community") == pl.col("community_canonical")
    group = ("canonical", "skeleton_key")
    others_count = pl.col("author").filter(is_other_author).n_unique().over(group)
    wordings_count = pl.col("wording").n_unique().over(group)
    is_template = (
        pl.col("skeleton_key").is_not_null()
        & (others_count >= TEMPLATE_AUTHORS - 1)
        & (wordings_count >= TEMPLATE_AUTHORS - 1)
    )
    return (
        pl.when(is_template)
        .then(pl.lit("template"))
        .when(is_other_author)
        .then(pl.lit("copypasta"))
        .when(is_same_venue)
        .then(pl.lit("repost"))
        .otherwise(pl.lit("crosspost"))
    )


def _told(marked: pl.DataFrame, alike: pl.DataFrame, words_in: WordsIn) -> pl.DataFrame:
    """Say of each copy how alike it is to its canonical post."""
    is_exact = pl.col("wording") == pl.col("wording_canonical")
    pairs = marked.select("post_key", "canonical", exact=is_exact)
    return marked.with_columns(
        match=pl.when(is_exact).then(pl.lit("exact")).otherwise(pl.lit("near")),
        similarity=_similarities(pairs, alike, words_in),
        skeleton_key=pl.lit(None, pl.UInt64),
    )


def _similarities(pairs: pl.DataFrame, alike: pl.DataFrame, words_in: WordsIn) -> pl.Series:
    """Return how similar the n pairs are; most were compared before."""
    swapped = alike.select(one="other", other="one", similarity="similarity")
    known = pl.concat([alike, swapped]).rename({"one": "post_key", "other": "canonical"})
    ends = ["post_key", "canonical"]
    told = pairs.join(known.unique(ends), on=ends, how="left", maintain_order="left")
    similarity = told.select(pl.when("exact").then(1.0).otherwise("similarity")).to_series()
    rows = similarity.is_null().arg_true()
    similarities = similarity.fill_null(1.0).to_numpy().copy()
    for place, one, other in words_in(pairs[rows].select(ends).to_numpy()):
        similarities[rows[place]] = Indel.normalized_similarity(one, other)
    return pl.Series(similarities)


def _with_skeletons(told: pl.DataFrame, words_in: WordsIn) -> pl.DataFrame:
    """Hash of each near copy which of the canonical post's words it keeps, in large clusters."""
    is_wanted = (
        (pl.col("authors_count") >= TEMPLATE_AUTHORS)
        & (pl.col("match") == "near")
        & pl.col("skeleton_key").is_null()
    )
    rows = told.select(is_wanted).to_series().arg_true()
    if rows.is_empty():
        return told
    skeletons = np.full(told.height, "", dtype=object)
    for place, one, other in words_in(told[rows].select("canonical", "post_key").to_numpy()):
        skeletons[rows[place]] = _skeleton(one, other)
    written = pl.Series("skeleton", skeletons, dtype=pl.String)
    return told.with_columns(
        skeleton_key=pl.when(is_wanted).then(hashed(pl.lit(written))).otherwise("skeleton_key")
    )


def _skeleton(canonical: list[str], other: list[str]) -> str:
    """Spell out which stretches of the canonical words stand in the other wording."""
    blocks = Indel.opcodes(canonical, other)
    return " ".join(f"{it.src_start}-{it.src_end}" for it in blocks if it.tag == "equal")
