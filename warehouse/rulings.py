"""Adjudication: the codings that are disputed, rulings as they come back, and second opinions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

import polars as pl

from warehouse.clock import naive
from warehouse.codings import retract
from warehouse.connection import Warehouse

_CODED = """
select unit_kind, unit_key, coder, code_id as code, value
from intermediate.latest_codings
where wave = $1 and round = $2 and codebook_version = $3
    and coder not in (select coder from landed.adjudicators)
order by unit_kind, unit_key, coder, code
"""
_SAVE = """
insert into landed.rulings by name
select batch.*, units.version_key
from batch
inner join landed.units
    on batch.wave = units.wave
    and batch.round = units.round
    and batch.unit_kind = units.unit_kind
    and batch.unit_key = units.unit_key
where batch.unit_key not in (select unit_key from staging.stg_withheld_units)
    and (batch.annotation_id, batch.revised_at) not in (
        select (annotation_id, revised_at) from landed.rulings
    )
"""
_STANDING = """
select annotation_id, unit_key, code_id
from intermediate.latest_rulings
where wave = $1 and round = $2 and codebook_version = $3 and unit_kind = $4 and adjudicator = $5
"""
_DISPUTES = """
select
    rulings.unit_kind,
    rulings.unit_key,
    rulings.code_id,
    rulings.value,
    rulings.adjudicator,
    rulings.revised_at,
    list_sort(list(codings.value)) as readings
from intermediate.latest_rulings as rulings
inner join intermediate.latest_codings as codings
    using (wave, round, unit_kind, unit_key, codebook_version, code_id)
where rulings.wave = $1 and rulings.round = $2 and rulings.codebook_version = $3
    and rulings.rule is null
    and codings.coder not in (select coder from landed.adjudicators)
group by all
order by rulings.code_id, rulings.unit_kind, rulings.unit_key
"""
RULING: Final = pl.Schema(
    {
        "unit_key": pl.UInt64(),
        "code_id": pl.String(),
        "annotation_id": pl.Int64(),
        "revised_at": pl.Datetime("us", "UTC"),
        "value": pl.Int32(),
        "rule": pl.String(),
    }
)


def read_coded(warehouse: Warehouse, wave: str, round_: str, version: str) -> pl.DataFrame:
    """Return each coder's standing values: unit_kind, unit_key, coder, code, value."""
    return warehouse.frame(_CODED, [wave, round_, version])


def save_rulings(
    warehouse: Warehouse,
    rulings: pl.DataFrame,
    *,
    place: tuple[str, str, str, str],
    adjudicator: str,
    held_uids: Iterable[tuple[int, str]],
    now: datetime,
) -> int:
    """Append rulings not stored yet, of one `place`: wave, round, codebook version, unit kind.

    Returns how many were new. A stored one that is no more among `rulings`, while its unit and
    code are among `held_uids`, was taken back and counts no more. One whose unit was removed or
    withheld is not stored. Columns: `RULING`.
    """
    wave, round_, version, kind = place
    rows = rulings.with_columns(
        pl.col("revised_at").dt.replace_time_zone(None),
        wave=pl.lit(wave),
        round=pl.lit(round_),
        codebook_version=pl.lit(version),
        unit_kind=pl.lit(kind),
        adjudicator=pl.lit(adjudicator),
    )
    held, present = set(held_uids), set(rulings["annotation_id"])
    with warehouse.transaction():
        before = int(warehouse.scalar("select count(*) from landed.rulings"))
        with warehouse.showing("batch", rows):
            warehouse.execute(_SAVE)
        standing = warehouse.execute(_STANDING, [*place, adjudicator])
        gone = [one for one, unit, code in standing if (unit, code) in held and one not in present]
        retract(warehouse, gone, naive(now))
        return int(warehouse.scalar("select count(*) from landed.rulings")) - before


def ruled_units(warehouse: Warehouse, wave: str, round_: str, version: str) -> set[tuple[int, str]]:
    """Return the units and codes that have a ruling which counts."""
    rows = warehouse.execute(
        "select unit_key, code_id from intermediate.latest_rulings "
        "where wave = $1 and round = $2 and codebook_version = $3",
        [wave, round_, version],
    )
    return {(int(unit), code) for unit, code in rows}


def open_disputes(warehouse: Warehouse, wave: str, round_: str, version: str) -> pl.DataFrame:
    """Return the rulings that cite no rule, with what coders read: what the codebook lacks."""
    return warehouse.frame(_DISPUTES, [wave, round_, version])


def save_second_opinions(
    warehouse: Warehouse, opinions: pl.DataFrame, *, wave: str, round_: str, version: str
) -> None:
    """Put these in place of the round's: unit_kind, unit_key, code_id, value, probability."""
    rows = opinions.with_columns(
        wave=pl.lit(wave), round=pl.lit(round_), codebook_version=pl.lit(version)
    )
    with warehouse.transaction(), warehouse.showing("batch", rows):
        warehouse.execute(
            "delete from landed.second_opinions "
            "where wave = $1 and round = $2 and codebook_version = $3",
            [wave, round_, version],
        )
        warehouse.execute("insert into landed.second_opinions by name select * from batch")


def count_labels(warehouse: Warehouse) -> dict[str, int]:
    """Count the current round's labels by route, and those that a second opinion differs from."""
    routes = warehouse.execute(
        "select coalesce(label_route, 'not settled') as route, count(*) from label "
        "group by route order by route"
    )
    differ = warehouse.scalar(
        "select count(*) from label inner join second_opinion using (unit_type, unit_key, code_id) "
        "where label.value <> second_opinion.value"
    )
    return {**{str(route): int(count) for route, count in routes}, "doubted": int(differ)}


def set_adjudicators(warehouse: Warehouse, adjudicators: Sequence[str]) -> None:
    """Remember who adjudicates: their values are rulings, and no part of agreement."""
    with warehouse.transaction():
        for coder in adjudicators:
            warehouse.execute(
                "insert into landed.adjudicators select $1 "
                "where $1 not in (select coder from landed.adjudicators)",
                [coder],
            )
