"""The posts that were compared before, as a comparison asks for them."""

from collections.abc import Iterator
from typing import Final, Protocol

import polars as pl

CARRIED: Final[dict[str, type[pl.DataType]]] = {
    "canonical_key": pl.UInt64,
    "match": pl.String,
    "similarity": pl.Float64,
    "skeleton_key": pl.UInt64,
}  # what a mark says that its posts' rows do not


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


class Nothing:
    """No post was compared before."""

    def alike(self, wordings: pl.Series) -> pl.DataFrame:
        """Return no row."""
        return pl.DataFrame(schema={"wording": pl.UInt64, "cluster_key": pl.UInt64})

    def sketches(self) -> Iterator[pl.DataFrame]:
        """Yield no block."""
        yield from ()

    def clusters(self, post_keys: pl.Series) -> pl.DataFrame:
        """Return no row."""
        return pl.DataFrame(schema=dict.fromkeys(("post_key", "cluster_key"), pl.UInt64))

    def members(self, cluster_keys: pl.Series) -> pl.DataFrame:
        """Return no row."""
        names = ("author_pseudonym", "community_key")
        keys = dict.fromkeys(("post_key", "wording", "cluster_key"), pl.UInt64)
        instants = {"created_at": pl.Datetime("us", "UTC")}
        return pl.DataFrame(
            schema={**dict.fromkeys(names, pl.String), **keys, **instants, **CARRIED}
        )
