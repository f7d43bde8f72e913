"""Units that a later version of the codebook leaves as they were coded."""

from dataclasses import asdict, dataclass
from datetime import datetime

import polars as pl

from schema.codebook import Codebook
from schema.vocabulary import UnitKind
from warehouse.clock import naive
from warehouse.connection import Warehouse

_VERSIONS = """
select codebook_version from landed.codings where wave = $1 and round = $2
union
select codebook_version from landed.not_codable where wave = $1 and round = $2
union
select codebook_version from landed.assignments where wave = $1 and round = $2
order by all
"""
# what stands of each unit, under the version that its coders used; where a coder said that it
# cannot be coded, there is a row without a code
_STANDING = """
select unit_kind, unit_key, coder, code_id, value
from intermediate.latest_codings
where wave = $1 and round = $2 and codebook_version = $3 and coded_version = $3
union
select unit_kind, unit_key, coder, null, null
from landed.not_codable
where wave = $1 and round = $2 and codebook_version = $3
order by all
"""
_CARRIED = pl.Schema(
    {
        "unit_kind": pl.String(),
        "unit_key": pl.UInt64(),
        "codes": pl.List(pl.String),
        "reason": pl.String(),
    }
)


@dataclass(frozen=True, slots=True)
class Carried:
    """A unit whose codings count under a later version: which codes of it, and why."""

    unit_kind: UnitKind
    unit_key: int
    codes: list[str]
    reason: str


def read_codebook(warehouse: Warehouse, version: str) -> Codebook | None:
    """Return the codebook of a version as it was saved; None where it was not."""
    rows = warehouse.execute(
        "select stated from landed.codebooks where codebook_version = $1", [version]
    )
    return Codebook.model_validate_json(rows[0][0]) if rows else None


def used_versions(warehouse: Warehouse, wave: str, round_: str) -> list[str]:
    """List the codebook versions under which a round was handed out or coded."""
    return [str(version) for (version,) in warehouse.execute(_VERSIONS, [wave, round_])]


def standing_values(warehouse: Warehouse, wave: str, round_: str, version: str) -> pl.DataFrame:
    """Return what stands of a round's units, as coded under a version.

    Columns: unit_kind, unit_key, coder, code_id, value; the last two are null where the coder said
    that the unit cannot be coded.
    """
    return warehouse.frame(_STANDING, [wave, round_, version])


def save_carried(
    warehouse: Warehouse,
    carried: list[Carried],
    *,
    place: tuple[str, str],
    coded_version: str,
    codebook_version: str,
    now: datetime,
) -> None:
    """Put these in place of what a wave and round carried from one version to the other."""
    given = [*place, coded_version, codebook_version]
    rows = pl.DataFrame([asdict(one) for one in carried], schema=_CARRIED)
    where = "wave = $1 and round = $2 and coded_version = $3 and codebook_version = $4"
    with warehouse.transaction(), warehouse.showing("batch", rows):
        warehouse.execute(
            f"delete from landed.carried_units where {where} "
            "and (unit_kind, unit_key) not in (select (unit_kind, unit_key) from batch)",
            given,
        )
        warehouse.execute(
            "insert into landed.carried_units by name "
            "select $1 as wave, $2 as round, batch.unit_kind, batch.unit_key, "
            "$3 as coded_version, $4 as codebook_version, batch.codes, batch.reason, "
            "cast($5 as timestamp) as carried_at from batch "
            "semi join landed.units as units on units.wave = $1 and units.round = $2 "
            "and batch.unit_kind = units.unit_kind and batch.unit_key = units.unit_key "
            f"where (unit_kind, unit_key) not in "
            f"(select (unit_kind, unit_key) from landed.carried_units where {where})",
            [*given, naive(now)],
        )
