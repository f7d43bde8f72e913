"""Duplicate marks: which posts are due for comparison, what they are compared with, the result.

A post is due while it has no sketch. Whatever changes a post deletes its sketch, so a pass that
died, and a file that lost its sketches, are made good by the next pass. No lock is held while
texts are compared; what changed meanwhile is left out when the result is saved, and stays due.
"""

from collections.abc import Iterator
from typing import Final

import dataframely as dy
import polars as pl

from schema.posts import DuplicateMark
from warehouse.clock import add_zones
from warehouse.connection import Warehouse
from warehouse.frames import admitted

BLOCK_ROWS: Final = 500_000  # sketches held at once, 90 bytes each

_IS_COMPARED: Final = "post_key in (select post_key from landed.duplicate_sketches)"
_LOOSE: Final = (
    f"select post_key, rowid as place from landed.post_versions where not {_IS_COMPARED}"
)
_WORDLESS: Final = (
    "select post_key from staging.hidden_posts "
    "union all select post_key from staging.stg_expired_texts"
)
_CLUSTER: Final = """
coalesce(
    marks.cluster_key, canonicals.cluster_key, sketches.post_key
) as cluster_key
"""
_CLUSTERS: Final = """
left join landed.duplicate_marks as marks on sketches.post_key = marks.post_key
left join (
    select distinct canonical_key, cluster_key from landed.duplicate_marks
) as canonicals on sketches.post_key = canonicals.canonical_key
"""


def duplicate_inputs(warehouse: Warehouse, rules: str) -> pl.DataFrame:
    """Return the posts due for comparison, and what a mark says beside the wording.

    Posts of a cluster that lost one are due again. Other `rules` than those that the marks were
    made by have every post compared anew. They come in the order in which they stand in the file;
    `place` says where.
    """
    with warehouse.transaction():
        if warehouse.scalar("select any_value(duplicates_of) from landed.store") != rules:
            warehouse.execute("delete from landed.duplicate_marks")
            warehouse.execute("delete from landed.duplicate_sketches")
            warehouse.execute(
                "update landed.store set duplicates_of = ?, duplicates_until = null", [rules]
            )
        hidden = warehouse.frame(
            f"select post_key from landed.duplicate_sketches where post_key in ({_WORDLESS})"
        )
        with warehouse.showing("hidden", hidden):
            warehouse.execute(
                "delete from landed.duplicate_sketches where post_key in (from hidden)"
            )
        loose = _loose(warehouse)
        if forget_clusters(warehouse, _clusters_of(warehouse, loose["post_key"])):
            loose = warehouse.frame(_LOOSE)
    first = min(loose["place"], default=0)
    with warehouse.showing("loose", loose):
        return add_zones(
            warehouse.frame(
                "select post_key, version_key, scrubber_version, author_pseudonym, community_key, "
                "platform, created_at, place from landed.post_versions "
                "inner join loose using (post_key) "
                f"where post_key not in ({_WORDLESS}) and rowid >= {first} "
                "order by place"
            )
        )


def _loose(warehouse: Warehouse) -> pl.DataFrame:
    """Return `post_key` and `place` of the posts without a sketch.

    Where there are as many sketches as posts up to the place that the last pass came to, only
    what stands behind it is looked at. Places change when the file is rewritten; should the
    numbers be equal by chance all the same, they are not once this pass is saved.
    """
    until = warehouse.scalar("select any_value(duplicates_until) from landed.store")
    if until is None or warehouse.scalar(
        "select count(*) from landed.post_versions "
        f"where rowid <= {until} and post_key not in ({_WORDLESS})"
    ) != warehouse.scalar("select count(*) from landed.duplicate_sketches"):
        return warehouse.frame(_LOOSE)
    behind = warehouse.frame(
        f"select post_key, rowid as place from landed.post_versions where rowid > {until}"
    )
    with warehouse.showing("behind", behind):
        compared = warehouse.frame(
            "select post_key from landed.duplicate_sketches semi join behind using (post_key)"
        )
    return behind.join(compared, on="post_key", how="anti")


def _clusters_of(warehouse: Warehouse, post_keys: pl.Series) -> pl.Series:
    """Return the keys of the clusters that any of these posts is in."""
    with warehouse.showing("meant", post_keys.to_frame("post_key")):
        return warehouse.frame(
            "select distinct cluster_key from landed.duplicate_marks "
            "where post_key in (from meant) or canonical_key in (from meant)"
        )["cluster_key"]


def forget_clusters(warehouse: Warehouse, cluster_keys: pl.Series) -> int:
    """Delete these clusters' marks and their posts' sketches: they are due; return how many marks.

    To be called inside a transaction.
    """
    if cluster_keys.is_empty():
        return 0
    with warehouse.showing("broken", cluster_keys.to_frame("cluster_key")):
        for column in ("post_key", "canonical_key"):
            warehouse.execute(
                "delete from landed.duplicate_sketches where post_key in ("
                f"select {column} from landed.duplicate_marks semi join broken using (cluster_key))"
            )
        [(count,)] = warehouse.execute(
            "delete from landed.duplicate_marks where cluster_key in (from broken)"
        )
    return int(count)


def duplicate_texts(warehouse: Warehouse, post_keys: pl.Series) -> pl.DataFrame:
    """Return the masked title and text of those posts that are held: post_key, text.

    What stands together in the file is read for little: only its stretch is unpacked.
    """
    with warehouse.showing("wanted", post_keys.to_frame("post_key")):
        [(first, last)] = warehouse.execute(
            "select coalesce(min(posts.rowid), 0), coalesce(max(posts.rowid), -1) "
            "from landed.post_versions as posts semi join wanted using (post_key)"
        )
        return warehouse.frame(  # given as parameters, the numbers would cost a slow copy
            "select post_key, concat_ws(' ', title, text) as text from landed.post_versions "
            f"semi join wanted using (post_key) where rowid between {first} and {last}"
        )


def kept_alike(warehouse: Warehouse, wordings: pl.Series) -> pl.DataFrame:
    """Return `wording` and `cluster_key` of the compared posts with one of these wordings."""
    with warehouse.showing("wanted", wordings.to_frame("wording")):
        return warehouse.frame(
            f"select distinct sketches.wording, {_CLUSTER} "
            "from (from landed.duplicate_sketches semi join wanted using (wording)) as sketches "
            f"{_CLUSTERS}"
        )


def kept_sketches(warehouse: Warehouse) -> Iterator[pl.DataFrame]:
    """Yield the sketches of all compared posts that have one, with `post_key`, by the block."""
    last = warehouse.scalar("select max(rowid) from landed.duplicate_sketches")
    for start in range(0, 0 if last is None else last + 1, BLOCK_ROWS):
        yield warehouse.frame(  # given as parameters, the numbers would cost a slow copy
            "select * exclude (wording) from landed.duplicate_sketches "
            f"where rowid >= {start} and rowid < {start + BLOCK_ROWS} and bits is not null"
        )


def kept_clusters(warehouse: Warehouse, post_keys: pl.Series) -> pl.DataFrame:
    """Return `post_key` and `cluster_key` of these posts, as far as they are compared."""
    with warehouse.showing("wanted", post_keys.to_frame("post_key")):
        return warehouse.frame(
            f"select sketches.post_key, {_CLUSTER} "
            "from (from landed.duplicate_sketches semi join wanted using (post_key)) as sketches "
            f"{_CLUSTERS}"
        )


def kept_members(warehouse: Warehouse, cluster_keys: pl.Series) -> pl.DataFrame:
    """Return all compared posts of these clusters, with the marks that they carry."""
    with warehouse.showing("wanted", cluster_keys.to_frame("cluster_key")):
        return add_zones(
            warehouse.frame(
                """
                with named as (
                    select post_key, cluster_key
                    from landed.duplicate_marks semi join wanted using (cluster_key)
                    union
                    select canonical_key as post_key, cluster_key
                    from landed.duplicate_marks semi join wanted using (cluster_key)
                    union
                    select cluster_key as post_key, cluster_key from wanted
                )

                select
                    named.post_key, named.cluster_key, posts.author_pseudonym,
                    posts.community_key, posts.created_at, sketches.wording,
                    marks.canonical_key, marks.match, marks.similarity, marks.skeleton_key
                from named
                inner join landed.post_versions as posts on named.post_key = posts.post_key
                inner join landed.duplicate_sketches as sketches
                    on named.post_key = sketches.post_key
                left join landed.duplicate_marks as marks on named.post_key = marks.post_key
                """
            )
        )


def count_duplicates(warehouse: Warehouse) -> int:
    """Count the marks that stand."""
    return int(warehouse.scalar("select count(*) from landed.duplicate_marks"))


def save_duplicates(
    warehouse: Warehouse,
    marks: dy.DataFrame[DuplicateMark],
    *,
    sketches: pl.DataFrame,
    post_keys: pl.Series,
    until: int | None = None,
) -> int:
    """Put these marks in place of what `post_keys` carried; return how many stand.

    `sketches` has of every post that was due its post_key, version_key, scrubber_version, wording
    and sketch. Where another pass compared one of them meanwhile, nothing is saved. Clusters that
    lost a post meanwhile are left out: the next pass finds what remains of them. `until` is the
    last `place` of the posts that were due.
    """
    batch = admitted(DuplicateMark, marks)
    with (
        warehouse.transaction(),
        warehouse.showing("batch", batch),
        warehouse.showing("compared", sketches),
        warehouse.showing("touched", post_keys.to_frame("post_key")),
    ):
        if not warehouse.scalar(f"select count(*) from compared where {_IS_COMPARED}"):
            _insert_sketches(warehouse)
            warehouse.execute("update landed.store set duplicates_until = ?", [until])
            _replace_marks(warehouse)
        return count_duplicates(warehouse)


def _insert_sketches(warehouse: Warehouse) -> None:
    """Insert the sketches of posts that are as they were when they were read."""
    warehouse.execute(
        "insert into landed.duplicate_sketches by name "
        "select compared.* exclude (version_key, scrubber_version) from compared "
        "semi join landed.post_versions using (post_key, version_key, scrubber_version) "
        "order by post_key"
    )


def _replace_marks(warehouse: Warehouse) -> None:
    warehouse.execute(
        "delete from landed.duplicate_marks where post_key in (select post_key from touched)"
    )
    warehouse.execute(
        "insert into landed.duplicate_marks by name select * from batch order by post_key"
    )
    named = warehouse.frame("select post_key from batch union select canonical_key from batch")
    with warehouse.showing("named", named):
        compared = warehouse.frame(
            "select post_key from landed.duplicate_sketches semi join named using (post_key)"
        )
    lost = named.join(compared, on="post_key", how="anti")
    forget_clusters(warehouse, _clusters_of(warehouse, lost["post_key"]))
