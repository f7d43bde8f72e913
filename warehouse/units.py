"""Units of analysis: what may be drawn, what was drawn, and what a coder gets to see."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import dataframely as dy
import polars as pl

from schema.coding import CodingTask, FrameUnit, Turn, Unit
from schema.errors import WarehouseError
from schema.vocabulary import UnitKind
from warehouse.clock import add_zones, naive
from warehouse.connection import Warehouse
from warehouse.frames import admitted

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NO_WORDING = 0  # `version_key` of a drawn unit whose text was masked anew since
CONTEXT_TURNS = 6  # the root, then the nearest posts above a reply
CONTENT_NOTE = "Posts may tell of illness, loss, abuse, money or despair. Skip any you wish to."
_ASKER, _OTHER, _NOBODY = "Author of the thread", "Reader", "—"
_BLOCKED = "is not shown: one of the two authors blocks the other"
_UNSHOWN = {
    ("parent", "not_found"): "The post that this one answers was deleted.",
    ("parent", "blocked"): f"The post that this one answers {_BLOCKED}.",
    ("root", "not_found"): "The post that opened this thread was deleted.",
    ("root", "blocked"): f"The post that opened this thread {_BLOCKED}.",
}
_FRAME = """
select
    posts.post_key as unit_key,
    posts.version_key,
    posts.thread_key,
    posts.platform,
    cast(date_trunc('week', posts.known_at) as date) as week,
    posts.author_pseudonym,
    -- "thank you" said twice is no copy: short posts stand for themselves
    case
        when length(posts.text_masked) >= 40
            then coalesce(marks.cluster_key, canonicals.cluster_key, posts.post_key)
        else posts.post_key
    end as cluster_key
from staging.stg_posts as posts
left join staging.stg_duplicate_marks as marks on posts.post_key = marks.post_key
left join (
    select distinct canonical_key, cluster_key from staging.stg_duplicate_marks
) as canonicals on posts.post_key = canonicals.canonical_key
where posts.is_root = ?
    and greatest(posts.known_at, coalesce(posts.indexed_at, posts.known_at)) <= ?
    and posts.route <> 'fixture'
    and not posts.is_nsfw
    and posts.is_visible_logged_out
    and trim(posts.text_masked) <> ''
    and posts.post_key not in (select unit_key from staging.stg_withheld_units)
    and not list_contains(?, lower(split_part(posts.community_key, '/', 2)))
order by unit_key
"""


def sampling_frame(
    warehouse: Warehouse,
    unit_kind: UnitKind,
    *,
    now: datetime,
    minimum_age_days: int,
    excluded_communities: Sequence[str] = (),
) -> dy.DataFrame[FrameUnit]:
    """List the posts that may be drawn, ordered by key.

    Left out: what is younger than `minimum_age_days`, marked adult, meant for signed-in
    readers, without words, withheld, recorded test data, or from an excluded community.

    Raises:
        WarehouseError: units of this kind cannot be drawn yet.
    """
    if unit_kind not in ("root", "reply"):
        raise WarehouseError(
            f"units of kind {unit_kind} cannot be drawn by this version: draw root or reply"
        )
    oldest = naive(now) - timedelta(days=minimum_age_days)
    excluded = [name.lower() for name in excluded_communities]
    rows = warehouse.frame(_FRAME, [unit_kind == "root", oldest, excluded])
    return FrameUnit.validate(rows, cast=True)


def save_units(
    warehouse: Warehouse,
    units: dy.DataFrame[Unit],
    *,
    plan: "DataclassInstance",
    frame: dy.DataFrame[FrameUnit],
) -> int:
    """Save a draw with its plan and the hash of what it drew from; return how many units.

    Units that were removed since the frame was read are left out. Saving the same plan again
    changes nothing.

    Raises:
        WarehouseError: the round was drawn by another plan already.
    """
    batch = admitted(Unit, units)
    drawn = asdict(plan)
    stated = json.dumps(drawn, sort_keys=True, default=str)
    place = [drawn["wave"], drawn["round"], drawn["unit_kind"]]
    with warehouse.transaction():
        before = warehouse.execute(
            "select plan from landed.draws where wave = ? and round = ? and unit_kind = ?", place
        )
        if before and before[0][0] != stated:
            raise WarehouseError(
                f"{place[2]} units of round {place[1]} were drawn by another plan: a round that "
                "was drawn stays as it is; draw a new round"
            )
        if before:
            return 0
        with warehouse.showing("batch", batch):
            warehouse.execute(
                "insert into landed.units by name select * from batch where "
                "unit_kind in ('timeline', 'community') "
                "or unit_key in (select post_key from staging.stg_posts) order by unit_key"
            )
        warehouse.execute(
            "insert into landed.draws values (?, ?, ?, ?, ?, ?, ?, ?)",
            [*place, drawn["seed"], stated, hash_rows(frame), frame.height, batch.height],
        )
    return count_units(warehouse, *place)


def hash_rows(frame: pl.DataFrame) -> str:
    """Hash a frame's rows as text, columns in their order, rows sorted."""
    ordered = frame.sort(frame.columns)
    return sha256(ordered.write_csv(datetime_format="%+").encode()).hexdigest()


def read_units(
    warehouse: Warehouse, wave: str, round_: str, unit_kind: UnitKind
) -> dy.DataFrame[Unit]:
    """Read a round's units as they were drawn, ordered by key."""
    rows = warehouse.frame(
        "select * from landed.units where wave = ? and round = ? and unit_kind = ? "
        "order by unit_key",
        [wave, round_, unit_kind],
    )
    return Unit.validate(add_zones(rows).select(Unit.column_names()), cast=True)


def drawn_rounds(warehouse: Warehouse) -> list[tuple[str, str, str]]:
    """List every wave, round and unit kind that was drawn."""
    return [
        (str(wave), str(round_), str(kind))
        for wave, round_, kind in warehouse.execute(
            "select wave, round, unit_kind from landed.draws order by all"
        )
    ]


def last_drawn_round(warehouse: Warehouse) -> tuple[str, str] | None:
    """Return wave and round of the last draw that gave a unit; None before the first."""
    rows = warehouse.execute(
        "select wave, round from landed.draws where units_count > 0 order by rowid desc limit 1"
    )
    return (str(rows[0][0]), str(rows[0][1])) if rows else None


def unit_keys(warehouse: Warehouse, wave: str, round_: str, unit_kind: str) -> set[int]:
    """Return the keys of a round's units that may be coded: drawn, held with text, not withheld."""
    rows = warehouse.execute(
        "select unit_key from landed.units where wave = ? and round = ? and unit_kind = ? "
        "and unit_key not in (select unit_key from staging.stg_withheld_units) "
        "and unit_key not in (select post_key from staging.stg_expired_texts)",
        [wave, round_, unit_kind],
    )
    return {int(key) for (key,) in rows}


def count_units(warehouse: Warehouse, wave: str, round_: str, unit_kind: UnitKind) -> int:
    """Count a round's units of one kind."""
    return int(
        warehouse.scalar(
            "select count(*) from landed.units where wave = ? and round = ? and unit_kind = ?",
            [wave, round_, unit_kind],
        )
    )


def reworded_units(warehouse: Warehouse) -> set[int]:
    """Return the keys of drawn units whose post was edited or masked anew since.

    What coders see of them is void.
    """
    rows = warehouse.execute(
        "select distinct units.unit_key from landed.units "
        "inner join landed.post_versions as posts on units.unit_key = posts.post_key "
        "where units.unit_kind in ('root', 'reply') and units.version_key <> posts.version_key"
    )
    return {int(key) for (key,) in rows}


def requeue_units(warehouse: Warehouse, unit_keys: Iterable[int]) -> None:
    """Let units be coded again in the wording that stands; codings of another count no more.

    One whose text was only masked anew says what it said: its codings count again.

    Call it once no task shows the old wording: a coding is stamped with the unit's.
    """
    rows = pl.DataFrame({"unit_key": sorted(set(unit_keys))}, schema={"unit_key": pl.UInt64})
    with warehouse.transaction(), warehouse.showing("batch", rows):
        warehouse.execute(
            "update landed.units set version_key = posts.version_key "
            "from landed.post_versions as posts where units.unit_key = posts.post_key "
            "and units.unit_kind in ('root', 'reply') "
            "and units.unit_key in (select unit_key from batch)"
        )
        # what was saved meanwhile is of the same words
        for table in ("codings", "rulings"):
            warehouse.execute(
                f"update landed.{table} set version_key = posts.version_key "
                f"from landed.post_versions as posts where {table}.unit_key = posts.post_key "
                f"and {table}.version_key = ? and {table}.unit_key in (select unit_key from batch)",
                [NO_WORDING],
            )


def withhold_units(warehouse: Warehouse, unit_keys: Iterable[int], *, at: datetime) -> int:
    """Take units out of the sample for good; return how many were new to this."""
    rows = pl.DataFrame({"unit_key": sorted(set(unit_keys))}, schema={"unit_key": pl.UInt64})
    before = warehouse.scalar("select count(*) from landed.withheld_units")
    with warehouse.transaction(), warehouse.showing("batch", rows):
        warehouse.execute(
            "insert into landed.withheld_units select unit_key, cast(? as timestamp) from batch "
            "where unit_key not in (select unit_key from landed.withheld_units) "
            "and unit_key in (select unit_key from landed.units)",
            [naive(at)],
        )
    return int(warehouse.scalar("select count(*) from landed.withheld_units") - before)


def coding_tasks(
    warehouse: Warehouse, wave: str, round_: str, unit_kind: UnitKind
) -> list[CodingTask]:
    """Build what coders see of a round's units, ordered by key: masked text only.

    A reply stands under its thread's root and the nearest posts above it, as far as the corpus
    holds them; people in it are told apart by number, and what was deleted or is blocked there
    is said so.
    """
    rows = warehouse.frame(
        "select units.unit_key, posts.title, posts.unit_text as text "
        "from landed.units inner join staging.stg_posts as posts "
        "on units.unit_key = posts.post_key "
        "where units.wave = ? and units.round = ? and units.unit_kind = ? "
        "and units.unit_key not in (select unit_key from staging.stg_withheld_units) "
        "and units.unit_key not in (select post_key from staging.stg_expired_texts) "
        "order by units.unit_key",
        [wave, round_, unit_kind],
    )
    threads = _threads(warehouse, rows) if unit_kind == "reply" else {}
    return [
        CodingTask(
            unit_key=row["unit_key"],
            unit_kind=unit_kind,
            title=row["title"] or "",
            text=row["text"],
            thread=threads.get(row["unit_key"], ()),
            content_note=CONTENT_NOTE,
        )
        for row in rows.to_dicts()
    ]


_ABOVE = """
with recursive above as (
    select post_key as unit_key, parent_key, thread_key, author_pseudonym as asker, 0 as step
    from staging.stg_posts
    where post_key in (select unit_key from batch)
    union all
    select above.unit_key, parents.parent_key, above.thread_key, above.asker, above.step + 1
    from above
    inner join staging.stg_posts as parents on above.parent_key = parents.post_key
    where above.step < 1000
),

shown as (
    select
        above.unit_key,
        above.step + 1 as step,
        posts.post_key = above.thread_key as is_root,
        posts.author_pseudonym,
        posts.text_masked
    from above
    inner join staging.stg_posts as posts on above.parent_key = posts.post_key
    anti join staging.stg_expired_texts as expired on posts.post_key = expired.post_key
    union
    select
        above.unit_key,
        1001 as step,
        true as is_root,
        posts.author_pseudonym,
        posts.text_masked
    from above
    inner join staging.stg_posts as posts on above.thread_key = posts.post_key
    anti join staging.stg_expired_texts as expired on posts.post_key = expired.post_key
    where above.step = 0
)

select unit_key, author_pseudonym, is_root, text_masked
from shown
qualify row_number() over (partition by unit_key, is_root order by step) < ?
    and (not is_root or row_number() over (partition by unit_key, is_root order by step) = 1)
order by unit_key, is_root desc, step desc
"""


_HIDDEN = """
select context.post_key as unit_key, context.relation, context.state
from thread_context as context
inner join staging.stg_posts as posts using (post_key)
semi join batch on context.post_key = batch.unit_key
where
    context.relation = 'parent'
    and coalesce(posts.parent_key not in (select post_key from staging.stg_posts), true)
    or context.relation = 'root' and posts.parent_key is distinct from posts.thread_key
    and coalesce(posts.thread_key not in (select post_key from staging.stg_posts), true)
"""


def _threads(warehouse: Warehouse, units: pl.DataFrame) -> dict[int, tuple[Turn, ...]]:
    """Map each reply to what stands above it: the root, then from far to near."""
    with warehouse.showing("batch", units.select("unit_key")):
        rows = warehouse.frame(_ABOVE, [CONTEXT_TURNS])
        hidden = warehouse.frame(_HIDDEN)
    threads = {
        part["unit_key"][0]: tuple(_turns(part.to_dicts()))
        for part in rows.partition_by("unit_key", maintain_order=True)
    }
    for unit_key, relation, state in hidden.sort("relation").iter_rows():
        turns, note = threads.get(unit_key, ()), (Turn(_NOBODY, _UNSHOWN[relation, state]),)
        threads[unit_key] = (*turns, *note) if relation == "parent" else (*note, *turns)
    return threads


def _turns(posts: Sequence[dict[str, Any]]) -> Iterable[Turn]:
    """Number the people of a thread in the order they speak."""
    root = posts[0]["author_pseudonym"] if posts[0]["is_root"] else None
    readers: dict[str, str] = {}
    for post in posts:
        author = post["author_pseudonym"]
        number = readers.setdefault(author, f"{_OTHER} {len(readers) + (root is None)}")
        yield Turn(author=_ASKER if author == root else number, text=post["text_masked"])
