"""Stored texts that an older version of the masking rules passed, masked anew in place.

Masks only grow: what is stored is masked already, and more of it goes. What coders marked in a
text that changed is void, and a drawn unit counts as reworded until no task shows the old text;
their codings stay, since the post says what it said.
"""

from typing import Final

import polars as pl

from warehouse.connection import Warehouse
from warehouse.taken_back import note_reworded
from warehouse.units import NO_WORDING

TEXTS: Final = ("title", "text", "alt_text", "quoted_text", "flair")
_IS_OTHER: Final = " or ".join(f"posts.{name} is distinct from batch.{name}" for name in TEXTS)
_OF_A_WORDING: Final = (("evidence_spans", "unit_key"), ("duplicate_sketches", "post_key"))
_SET: Final = ", ".join(
    f"{name} = batch.{name}" for name in (*TEXTS, "masks", "words_count", "scrubber_version")
)


def less_masked(warehouse: Warehouse, version: int, *, limit: int) -> pl.DataFrame:
    """Return the texts of posts below a version of the rules, `limit` at most, by `post_key`."""
    return warehouse.frame(
        f"select post_key, {', '.join(TEXTS)} from landed.post_versions "
        "where scrubber_version < ? order by post_key limit ?",
        [version, limit],
    )


def save_remasked(warehouse: Warehouse, posts: pl.DataFrame) -> int:
    """Put texts masked anew in place of the old; return how many posts changed.

    `posts` has `post_key`, the texts, `masks`, `words_count` and `scrubber_version`. A post
    below no version given is left as it is.
    """
    matched = "posts.post_key = batch.post_key and posts.scrubber_version < batch.scrubber_version"
    with warehouse.transaction(), warehouse.showing("batch", posts):
        changed = [
            key
            for (key,) in warehouse.execute(
                f"select posts.post_key from landed.post_versions as posts inner join batch "
                f"on {matched} where {_IS_OTHER}"
            )
        ]
        warehouse.execute(
            f"update landed.post_versions as posts set {_SET} from batch where {matched}"
        )
        if changed:
            for table, column in _OF_A_WORDING:
                warehouse.execute(
                    f"delete from landed.{table} where list_contains(?::ubigint[], {column})",
                    [changed],
                )
            warehouse.execute(
                f"update landed.units set version_key = {NO_WORDING} "
                "where unit_kind in ('root', 'reply', 'thread') "
                "and list_contains(?::ubigint[], unit_key)",
                [changed],
            )
            note_reworded(warehouse)
    return len(changed)
