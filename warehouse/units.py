"""Units of analysis: what was drawn from what, and which of it still stands."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from typing import TYPE_CHECKING

import dataframely as dy
import polars as pl

from schema.coding import FrameUnit, Unit
from schema.errors import WarehouseError
from schema.vocabulary import UNIT_KINDS, UnitKind
from warehouse.clock import add_zones, naive
from warehouse.connection import Warehouse
from warehouse.frames import admitted

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

NO_WORDING = 0  # `version_key` of a drawn unit whose text was masked anew since
OF_POSTS = ("root", "reply", "thread")  # kinds whose unit is a post, in one wording
_OF_POSTS = "unit_kind in ('root', 'reply', 'thread')"
_STANDING = (
    f"select * from batch where not {_OF_POSTS} "
    "or unit_key in (select post_key from staging.stg_posts) order by unit_key"
)


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
            warehouse.execute(f"insert into landed.units by name {_STANDING}")
        with warehouse.showing("batch", _placed(frame, place)):
            warehouse.execute(f"insert into landed.frames by name {_STANDING}")
        warehouse.execute(
            "insert into landed.draws values (?, ?, ?, ?, ?, ?, ?, ?)",
            [*place, drawn["seed"], stated, hash_rows(frame), frame.height, batch.height],
        )
    return count_units(warehouse, *place)


def _placed(frame: pl.DataFrame, place: Sequence[str]) -> pl.DataFrame:
    names = ("wave", "round", "unit_kind")
    where = {name: pl.lit(value) for name, value in zip(names, place, strict=True)}
    return frame.with_columns(**where).with_columns(pl.col("platform").cast(pl.String))


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


def drawn_rounds(warehouse: Warehouse) -> list[tuple[str, str, UnitKind]]:
    """List every wave, round and unit kind that was drawn."""
    kinds = {kind: kind for kind in UNIT_KINDS}
    return [
        (str(wave), str(round_), kinds[kind])
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
        f"where units.{_OF_POSTS} and units.version_key <> posts.version_key"
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
            f"and units.{_OF_POSTS} "
            "and units.unit_key in (select unit_key from batch)"
        )
        # what was saved meanwhile is of the same words
        warehouse.execute(
            "update landed.codings set version_key = posts.version_key "
            "from landed.post_versions as posts where codings.unit_key = posts.post_key "
            "and codings.version_key = ? and codings.unit_key in (select unit_key from batch)",
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
