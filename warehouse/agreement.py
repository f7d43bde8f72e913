"""Agreement: the codings it is measured on, and the measures kept."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from warehouse.clock import naive
from warehouse.codings import SAFETY_CODE
from warehouse.connection import Warehouse
from warehouse.repeats import SUFFIX

_UNIT = "codings.unit_kind || ' ' || codings.unit_key"
_CHOSEN = """
from intermediate.latest_codings as codings
where codings.wave = $1 and codings.round = $2 and codings.codebook_version = $3
    and codings.coder not in (select coder from landed.adjudicators)
"""
_CODINGS = f"""
select
    {_UNIT} as unit,
    codings.unit_kind,
    codings.coder,
    codings.code_id as code,
    codings.value,
    cast(date_trunc('week', codings.coded_at) as date) as week
{_CHOSEN}
order by unit, codings.coder, code
"""
_SPANS = f"""
with chosen as (select * {_CHOSEN})

select
    {_UNIT} as unit,
    codings.coder,
    codings.code_id as code,
    spans.span_start + shifts.shift as start,
    spans.span_end + shifts.shift as "end"
from chosen as codings
inner join staging.stg_evidence_spans as spans
    using (annotation_id, revised_at, code_id)
-- of a thread, each reply's text lies apart from the others': places in two never overlap
inner join lateral (
    select case
        when spans.unit_key = codings.unit_key then 0
        else cast(spans.unit_key % 1000003 + 1 as bigint) * 1000000
    end as shift
) as shifts on true
order by unit, codings.coder, code, start, "end"
"""
_REPEATS = f"""
with repeated as (
    select again.*
    from intermediate.latest_codings as again
    where again.wave = $1 and again.round = $2 || '{SUFFIX}' and again.codebook_version = $3
        and exists (
            select 1 from landed.assignments as planned
            where planned.wave = again.wave and planned.round = again.round
                and planned.unit_kind = again.unit_kind and planned.unit_key = again.unit_key
                and planned.coder = again.coder
        )
),

pairs as (
    select {_UNIT} as unit, codings.coder, codings.code_id as code,
        codings.value as first, repeated.value as last
    from (select * {_CHOSEN}) as codings
    inner join repeated using (wave, unit_kind, unit_key, version_key, coder, code_id)
)

select unit, coder, code, 'first' as take, first as value from pairs
union all
select unit, coder, code, 'last' as take, last as value from pairs
order by unit, coder, code, take
"""
_SENTINELS = f"""
select distinct {_UNIT} as unit
from landed.assignments as codings
where codings.wave = $1 and codings.round = $2 and codings.is_sentinel
order by unit
"""


@dataclass(frozen=True, slots=True)
class CodedRound:
    """What agreement is measured on, adjudicators left out: it is between those who code.

    `codings`: each coder's standing value: unit, unit_kind, coder, code, value, week.
    `spans`: the evidence of these: unit, coder, code, start, end.
    `repeats`: what a coder said of a unit that came back to them as a planned blind repeat, and
    before, first and last: unit, coder, code, take, value.
    `sentinels`: the units that were handed to everybody.
    """

    codings: pl.DataFrame
    spans: pl.DataFrame
    repeats: pl.DataFrame
    sentinels: frozenset[str]


def read_coded_round(
    warehouse: Warehouse, wave: str, round_: str, codebook_version: str
) -> CodedRound:
    """Return a round's codings under one codebook version, with evidence and repeats.

    A unit's name joins its kind and its key: a thread has the key of its root.
    """
    place = [wave, round_, codebook_version]
    return CodedRound(
        codings=warehouse.frame(_CODINGS, place),
        spans=warehouse.frame(_SPANS, place),
        repeats=warehouse.frame(_REPEATS, place),
        sentinels=frozenset(warehouse.frame(_SENTINELS, place[:2])["unit"]),
    )


def save_agreement(
    warehouse: Warehouse,
    measured: pl.DataFrame,
    *,
    parts: pl.DataFrame | None = None,
    wave: str,
    round_: str,
    now: datetime,
    codebook_version: str | None = None,
) -> int:
    """Put these measures in place of the round's earlier ones; one row per code.

    They count for the current round's codebook version where none is named. `measured` and
    `parts` have the columns of `agreement` and `agreement_parts` that say no place and time;
    those they lack are null.
    """
    version = codebook_version or warehouse.scalar(
        "select codebook_version from landed.current_round"
    )
    place = (wave, round_, str(version))
    with warehouse.transaction():
        _replace(warehouse, "agreement", measured, place, now)
        if parts is not None:
            _replace(warehouse, "agreement_parts", parts, place, now)
    return measured.filter(pl.col("code_id") != SAFETY_CODE).height


def _replace(
    warehouse: Warehouse,
    table: str,
    measured: pl.DataFrame,
    place: tuple[str, str, str],
    now: datetime,
) -> None:
    names = ("wave", "round", "codebook_version")
    held = warehouse.frame(f"select * from landed.{table} limit 0").columns
    rows = measured.filter(pl.col("code_id") != SAFETY_CODE).with_columns(
        **{name: pl.lit(value) for name, value in zip(names, place, strict=True)},
        measured_at=pl.lit(naive(now)),
    )
    rows = rows.select(name for name in held if name in rows.columns)
    warehouse.execute(
        f"delete from landed.{table} where wave = $1 and round = $2 and codebook_version = $3",
        list(place),
    )
    with warehouse.showing("batch", rows):
        warehouse.execute(f"insert into landed.{table} by name select * from batch")


def read_agreement(warehouse: Warehouse) -> pl.DataFrame:
    """Return the measures of the current round and codebook version, by code."""
    return warehouse.frame(
        "select agreement.* from agreement inner join current_round "
        "using (wave, round, codebook_version) order by code_id"
    )
