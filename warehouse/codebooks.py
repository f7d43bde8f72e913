"""Codebooks: their codes and claims as rows, fixed once coding under a version began."""

import polars as pl

from schema.codebook import Codebook
from schema.errors import WarehouseError
from warehouse.codings import SAFETY_CODE
from warehouse.connection import Warehouse

_CODES = pl.Schema(
    {
        "codebook_version": pl.String(),
        "code_id": pl.String(),
        "name": pl.String(),
        "layer": pl.String(),
        "unit": pl.String(),
        "tier": pl.String(),
        "floor": pl.Float64(),
        "is_sensitive": pl.Boolean(),
        "definition": pl.String(),
    }
)
_CLAIMS = pl.Schema(
    {
        "codebook_version": pl.String(),
        "position": pl.Int32(),
        "claim_id": pl.String(),
        "passage": pl.String(),
        "statement": pl.String(),
        "unit": pl.String(),
        "measure": pl.String(),
        "codes": pl.List(pl.String),
        "kind": pl.String(),
        "sign": pl.Int32(),
        "sesoi": pl.Float64(),
        "testability": pl.String(),
        "priority": pl.String(),
        "sql": pl.String(),
        "limits": pl.String(),
    }
)


def save_codebook(warehouse: Warehouse, codebook: Codebook) -> None:
    """Save a codebook's codes and claims under its version; saving it again changes nothing.

    The safety code is left out: it is no variable.

    Raises:
        WarehouseError: the version was coded under with other codes or claims.
    """
    tables = {"codebook_codes": _codes(codebook), "claims": _claims(codebook)}
    with warehouse.transaction():
        _keep_whole(warehouse, codebook)
        changed = [name for name, rows in tables.items() if _differs(warehouse, name, rows)]
        if not changed:
            return
        coded = warehouse.scalar(
            "select count(*) from landed.codings where codebook_version = ?", [codebook.version]
        )
        if coded:
            raise WarehouseError(
                f"codebook {codebook.version} changed after coding under it began: give the "
                "changed codebook a new version"
            )
        for name in changed:
            warehouse.execute(
                f"delete from landed.{name} where codebook_version = ?", [codebook.version]
            )
            with warehouse.showing("batch", tables[name]):
                warehouse.execute(f"insert into landed.{name} by name select * from batch")


def _keep_whole(warehouse: Warehouse, codebook: Codebook) -> None:
    """Keep the codebook as it is until coding under its version begins, and from then on."""
    warehouse.execute(
        "delete from landed.codebooks where codebook_version = $1 "
        "and codebook_version not in (select codebook_version from landed.codings)",
        [codebook.version],
    )
    warehouse.execute(
        "insert into landed.codebooks select $1, $2 "
        "where $1 not in (select codebook_version from landed.codebooks)",
        [codebook.version, codebook.model_dump_json(by_alias=True)],
    )


def _differs(warehouse: Warehouse, table: str, rows: pl.DataFrame) -> bool:
    version = rows["codebook_version"].first()
    stored = warehouse.frame(
        f"select * from landed.{table} where codebook_version = ?", [version]
    ).select(rows.columns)
    key = rows.columns[1]
    return not stored.cast(rows.schema).sort(key).equals(rows.sort(key))


def _codes(codebook: Codebook) -> pl.DataFrame:
    rows = [
        (
            codebook.version,
            code.id,
            code.name,
            code.layer,
            code.unit,
            code.agreement_target.tier or "none",
            codebook.floor(code.id),
            code.sensitive.flag,
            code.definition,
        )
        for code in codebook.codes
        if code.id != SAFETY_CODE
    ]
    return pl.DataFrame(rows, schema=_CODES, orient="row")


def _claims(codebook: Codebook) -> pl.DataFrame:
    rows = [
        (
            codebook.version,
            position,
            claim.id,
            claim.passage,
            claim.statement,
            claim.unit,
            claim.measure,
            list(claim.needs.codes),
            claim.kind,
            claim.sign,
            claim.sesoi,
            claim.testability,
            claim.priority,
            claim.sql,
            claim.limits,
        )
        for position, claim in enumerate(codebook.claims)
    ]
    return pl.DataFrame(rows, schema=_CLAIMS, orient="row")
