"""What was put before which coder, and what of it is answered."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from schema.vocabulary import UNIT_KINDS, UnitKind
from warehouse.clock import naive
from warehouse.connection import Warehouse

_KINDS = {kind: kind for kind in UNIT_KINDS}


@dataclass(frozen=True, slots=True)
class Assignment:
    """A unit that was released to a coder."""

    unit_kind: UnitKind
    unit_key: int
    coder: str
    batch: int
    is_intense: bool
    released_at: datetime
    is_sentinel: bool = False


def save_assignments(
    warehouse: Warehouse,
    wave: str,
    round_: str,
    codebook_version: str,
    released: Iterable[Assignment],
    *,
    at: datetime,
) -> None:
    """Note what is released at an instant; a unit goes to a coder once under a version."""
    place = (wave, round_, codebook_version)
    rows = pl.DataFrame(
        [
            (
                *(*place, one.unit_kind, one.unit_key, one.coder, one.batch),
                *(one.is_intense, one.is_sentinel),
            )
            for one in released
        ],
        schema={
            "wave": pl.String,
            "round": pl.String,
            "codebook_version": pl.String,
            "unit_kind": pl.String,
            "unit_key": pl.UInt64,
            "coder": pl.String,
            "batch": pl.Int32,
            "is_intense": pl.Boolean,
            "is_sentinel": pl.Boolean,
        },
        orient="row",
    ).with_columns(released_at=pl.lit(naive(at)))
    with warehouse.transaction(), warehouse.showing("batch", rows):
        warehouse.execute(
            "insert into landed.assignments by name select * from batch "
            "semi join landed.units using (wave, round, unit_kind, unit_key) "
            "anti join landed.assignments as noted "
            "using (wave, round, unit_kind, unit_key, coder, codebook_version)"
        )


def read_assignments(
    warehouse: Warehouse, wave: str, round_: str, codebook_version: str
) -> list[Assignment]:
    """List what a round released under a codebook version, by batch, coder and unit."""
    rows = warehouse.execute(
        "select unit_kind, unit_key, coder, batch, is_intense, released_at, is_sentinel "
        "from landed.assignments where wave = $1 and round = $2 and codebook_version = $3 "
        "order by batch, coder, unit_kind, unit_key",
        [wave, round_, codebook_version],
    )
    return [
        Assignment(_KINDS[kind], int(key), coder, batch, is_hot, at.replace(tzinfo=UTC), is_for_all)
        for kind, key, coder, batch, is_hot, at, is_for_all in rows
    ]


def release_times(warehouse: Warehouse, coder: str) -> list[tuple[str, int, datetime, bool]]:
    """List all a coder was given: round and codebook version, batch, when, and if intense."""
    rows = warehouse.execute(
        "select concat_ws(' ', wave, round, codebook_version), batch, released_at, is_intense "
        "from landed.assignments "
        "where coder = $1 order by all",
        [coder],
    )
    return [(place, int(batch), at.replace(tzinfo=UTC), hot) for place, batch, at, hot in rows]


def answer_times(warehouse: Warehouse, coder: str) -> list[datetime]:
    """List when a coder answered, of any round, oldest first."""
    rows = warehouse.execute(
        "select distinct revised_at from landed.codings where coder = $1 "
        "union select distinct revised_at from landed.not_codable where coder = $1 order by all",
        [coder],
    )
    return [at.replace(tzinfo=UTC) for (at,) in rows]


def unit_seconds(warehouse: Warehouse, coder: str) -> float | None:
    """Return how long a coder takes for a unit, in seconds, not under 1: median of the last 100.

    None before they coded any.
    """
    found = warehouse.scalar(
        "select median(seconds) from ("
        "select max(lead_seconds) as seconds from landed.codings where coder = $1 "
        "and lead_seconds is not null group by annotation_id "
        "order by max(revised_at) desc limit 100)",
        [coder],
    )
    return None if found is None else max(float(found), 1.0)
