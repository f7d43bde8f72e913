"""Verdicts: each claim's SQL through its estimator, locked where coders do not agree enough.

The closed-form interval stands here. The cluster bootstrap and the correction over primary
claims come later; both only make a verdict more careful.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from schema.errors import WarehouseError
from warehouse.clock import naive
from warehouse.connection import Warehouse
from warehouse.models import VIEWS

_LOCKS = """
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
    ) as reason
from wanted
left join measured using (code_id)
where not coalesce(measured.is_floor_met, false)
group by wanted.claim_id
"""
_JUDGED = pl.Schema(
    {
        "claim_id": pl.String(),
        "verdict": pl.String(),
        "reason": pl.String(),
        "estimate": pl.Float64(),
        "se": pl.Float64(),
        "interval_low": pl.Float64(),
        "interval_high": pl.Float64(),
        "n": pl.Int64(),
        "n_eff": pl.Float64(),
        "cells": pl.Int64(),
        "clusters": pl.Int64(),
    }
)


@dataclass(frozen=True, slots=True)
class _Claim:
    claim_id: str
    kind: str
    sign: int
    sesoi: float | None
    testability: str
    sql: str | None


def compute_verdicts(warehouse: Warehouse, *, now: datetime) -> int:
    """Put fresh verdicts on the current round's claims in place of all earlier ones.

    Returns how many; none where no round was chosen. A locked claim gets no estimate.

    Raises:
        WarehouseError: a claim's SQL does not run.
    """
    chosen = warehouse.execute("select wave, round, codebook_version from landed.current_round")
    with warehouse.transaction():
        warehouse.execute("delete from landed.verdicts")
        if not chosen:
            return 0
        claims = [
            _Claim(*row)
            for row in warehouse.execute(
                "select claim_id, kind, sign, sesoi, testability, sql from staging.stg_claims "
                "inner join staging.stg_current_round using (codebook_version) order by position"
            )
        ]
        locks = dict(warehouse.execute(_LOCKS))
        with _views_computed_once(warehouse):
            judged = [(claim.claim_id, *_judge(warehouse, claim, locks)) for claim in claims]
        # a frame, since nulls bound one by one would leave chance bytes in the file
        rows = pl.DataFrame(judged, schema=_JUDGED, orient="row")
        with warehouse.showing("batch", rows):
            warehouse.execute(
                "insert into landed.verdicts by name "
                "select ? as wave, ? as round, ? as codebook_version, batch.*, "
                "cast(? as timestamp) as computed_at from batch",
                [*chosen[0], naive(now)],
            )
    return len(claims)


@contextmanager
def _views_computed_once(warehouse: Warehouse) -> Iterator[None]:
    """Let temporary tables stand before the views of the same name: every claim reads them.

    On one thread, since sums over several come out in another order, and differ in their last
    digits, each time.
    """
    warehouse.execute("set threads = 1")
    for name in VIEWS:
        warehouse.execute(f"create temp table {name} as select * from main.{name}")
    yield
    for name in VIEWS:
        warehouse.execute(f"drop table temp.{name}")
    warehouse.execute("reset threads")


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
            raise _unrunnable(claim_id, error) from None


def view_name(claim_id: str) -> str:
    """Name a claim's view.

    Raises:
        WarehouseError: the id could not stand in SQL.
    """
    if not (claim_id.isascii() and claim_id.isalnum()):
        raise WarehouseError("a claim's id is not letters and digits: rename it in the codebook")
    return f"claim_{claim_id.lower()}"


def _judge(warehouse: Warehouse, claim: _Claim, locks: dict[str, str]) -> list[Any]:
    """Return verdict, reason, estimate, se, low, high, n, n_eff, cells, clusters."""
    nothing: list[Any] = [None] * 8
    if claim.testability == "not_testable" or claim.sql is None:
        return ["not testable", None, *nothing]
    name = view_name(claim.claim_id)
    try:  # a locked claim is read as well: its sql must not rot unseen
        warehouse.execute(f"create temp view {name} as {claim.sql}")
        figures = _estimate(warehouse, claim, name)
        warehouse.execute(f"drop view temp.{name}")
    except duckdb.Error as error:
        raise _unrunnable(claim.claim_id, error) from None
    if claim.claim_id in locks:
        return ["locked", locks[claim.claim_id], *nothing]
    verdict, clusters = figures[0], figures[-1]
    if verdict == "no data":  # an estimate from so little would be read all the same
        return [verdict, f"{clusters} clusters, 20 are needed", *nothing[:4], *figures[5:]]
    return [verdict, None, *figures[1:]]


def _estimate(warehouse: Warehouse, claim: _Claim, view: str) -> tuple[Any, ...]:
    [row] = warehouse.execute(
        "select verdict(est, se, ?, ?, clusters), est, se, est - 1.96 * se, "
        f"est + 1.96 * se, n, n_eff, cells, clusters from est_{claim.kind}('{view}')",
        [claim.sesoi, claim.sign],
    )
    return row


def _unrunnable(claim_id: str, error: duckdb.Error) -> WarehouseError:
    return WarehouseError(
        f"claim {claim_id} of the codebook does not run ({type(error).__name__}): mend its sql"
    )
