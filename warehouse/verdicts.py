"""Verdicts: each claim's SQL through its estimator, locked where coders do not agree enough.

How a claim is judged is in `judging.py`; here the current round's claims are read, and their
verdicts put in place of all earlier ones.
"""

from collections.abc import Sequence
from datetime import datetime

import duckdb
import polars as pl

from warehouse.clock import naive
from warehouse.connection import Warehouse
from warehouse.judging import Check, ClaimTest, Finding, judge, row_of, unrunnable, view_name

_AGREEMENT = """
with wanted as (
    select claims.claim_id, unnest(claims.codes) as code_id
    from staging.stg_claims as claims
    inner join staging.stg_current_round using (codebook_version)
),

measured as (
    select agreement.*
    from staging.stg_agreement as agreement
    inner join staging.stg_current_round as chosen using (codebook_version)
    qualify row_number() over (
        partition by agreement.code_id
        order by
            (agreement.wave = chosen.wave and agreement.round = chosen.round) desc,
            agreement.measured_at desc,
            agreement.wave desc,
            agreement.round desc
    ) = 1
)

select
    wanted.claim_id,
    min(measured.alpha) as alpha_min,
    string_agg(
        wanted.code_id || ' ' || coalesce(format('{:.2f}', measured.alpha), 'not measured'),
        '; ' order by wanted.code_id
    ) as agreement,
    string_agg(
        wanted.code_id || case
            when measured.code_id is null then ' was never measured'
            when measured.alpha is null then ' has no alpha'
            when measured.alpha < measured.floor
                then format(' reaches {:.2f}, its floor is {:.2f}', measured.alpha, measured.floor)
            else coalesce(
                format(
                    ' reaches {:.2f}, but its interval begins at {:.2f}: too few units to be sure',
                    measured.alpha, measured.alpha_low
                ),
                ' has no interval'
            )
        end,
        '; ' order by wanted.code_id
    ) filter (where not coalesce(measured.is_floor_met, false)) as reason
from wanted
left join measured using (code_id)
group by wanted.claim_id
"""
_VERDICTS = pl.Schema(
    {
        "claim_id": pl.String(),
        "verdict": pl.String(),
        "reason": pl.String(),
        "estimate": pl.Float64(),
        "se": pl.Float64(),
        "interval_low": pl.Float64(),
        "interval_high": pl.Float64(),
        "interval_kind": pl.String(),
        "p_value": pl.Float64(),
        "q_value": pl.Float64(),
        "family_count": pl.Int64(),
        "n": pl.Int64(),
        "n_eff": pl.Float64(),
        "cells": pl.Int64(),
        "clusters": pl.Int64(),
        "df": pl.Float64(),
        "alpha_min": pl.Float64(),
        "agreement": pl.String(),
    }
)
_CHECKS = pl.Schema(
    {
        "claim_id": pl.String(),
        "part": pl.String(),
        "verdict": pl.String(),
        "estimate": pl.Float64(),
        "interval_low": pl.Float64(),
        "interval_high": pl.Float64(),
        "n": pl.Int64(),
        "clusters": pl.Int64(),
    }
)


def compute_verdicts(warehouse: Warehouse, *, now: datetime) -> int:
    """Put fresh verdicts on the current round's claims in place of all earlier ones.

    Returns how many; none where no round was chosen. A locked claim gets no estimate.

    Raises:
        WarehouseError: a claim's SQL does not run.
    """
    chosen = warehouse.execute("select wave, round, codebook_version from landed.current_round")
    with warehouse.transaction():
        warehouse.execute("delete from landed.verdicts")
        warehouse.execute("delete from landed.verdict_checks")
        if not chosen:
            return 0
        claims = _claims(warehouse)
        measured = {row[0]: row[1:] for row in warehouse.execute(_AGREEMENT)}
        locks = {name: reason for name, (*_, reason) in measured.items() if reason is not None}
        findings, checks = judge(warehouse, claims, locks=locks)
        beside = {name: row[:2] for name, row in measured.items()}
        _save(warehouse, "verdicts", _rows(findings, beside), chosen[0], now=now)
        _save(warehouse, "verdict_checks", _check_rows(checks), chosen[0], now=None)
    return len(claims)


def _claims(warehouse: Warehouse) -> list[ClaimTest]:
    return [
        ClaimTest(*row)
        for row in warehouse.execute(
            "select claim_id, kind, sign, sesoi, testability, priority, sql "
            "from staging.stg_claims inner join staging.stg_current_round "
            "using (codebook_version) order by position"
        )
    ]


def _rows(
    findings: Sequence[Finding], beside: dict[str, tuple[float | None, str | None]]
) -> pl.DataFrame:
    rows = []
    for found in findings:
        alpha_min, agreement = beside.get(found.claim_id, (None, None))
        rows.append(row_of(found) | {"alpha_min": alpha_min, "agreement": agreement})
    return pl.DataFrame(rows, schema=_VERDICTS)


def _check_rows(checks: Sequence[Check]) -> pl.DataFrame:
    return pl.DataFrame([row_of(check) for check in checks], schema=_CHECKS)


def _save(
    warehouse: Warehouse,
    table: str,
    rows: pl.DataFrame,
    chosen: tuple[str, str, str],
    *,
    now: datetime | None,
) -> None:
    """Insert rows under the chosen round.

    They come as a frame, since nulls bound one by one would leave chance bytes in the file.
    """
    stamp = "" if now is None else ", cast($4 as timestamp) as computed_at"
    with warehouse.showing("batch", rows):
        warehouse.execute(
            f"insert into landed.{table} by name "
            f"select $1 as wave, $2 as round, $3 as codebook_version, batch.*{stamp} from batch",
            [*chosen, *([] if now is None else [naive(now)])],
        )


def make_claim_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Make one view a claim of the current codebook version: `claim_c01` and so on.

    Raises:
        WarehouseError: a claim's SQL does not run; names the claim.
    """
    rows = connection.execute(
        "select claims.claim_id, claims.sql from claims inner join current_round "
        "using (codebook_version) where claims.sql is not null order by claims.claim_id"
    ).fetchall()
    for claim_id, sql in rows:
        try:
            connection.execute(f"create or replace view {view_name(claim_id)} as {sql}")
        except duckdb.Error as error:
            raise unrunnable(claim_id, error) from None
