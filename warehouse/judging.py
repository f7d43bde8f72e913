"""From a claim's rows to its verdict: estimate, interval, correction, and what parts say.

Reads whatever `post`, `label` and the other tables of the contract are in `main`; writes nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import duckdb

from schema.errors import WarehouseError
from warehouse.bootstrap import bootstrap_interval
from warehouse.claim_tables import WHOLE, kept_rows, laid_out, parts_apart
from warehouse.connection import Warehouse
from warehouse.multiplicity import false_discovery_rates, t_point, t_tail

CLUSTERS_NEEDED: Final = 20
FALSE_DISCOVERY_RATE: Final = 0.05
_SEED: Final = 20_260_105
_COLUMNS: Final[Mapping[str, str]] = {
    "share": "cluster, cast(y as double) as y, cast(w as double) as w",
    "contrast": "cluster, cell, cast(grp as integer) as grp, y, w",
    "paired": "cluster, cell, cast(grp as integer) as grp, y, w",
    "slope": "cluster, cell, cast(x as double) as x, y, w",
}
_GIVEN: Final[Mapping[str, tuple[str, ...]]] = {
    "share": ("cluster", "y"),
    "contrast": ("cluster", "cell", "grp", "y"),
    "paired": ("cluster", "cell", "grp", "y"),
    "slope": ("cluster", "cell", "x", "y"),
}


@dataclass(frozen=True, slots=True)
class ClaimTest:
    """A claim as it is tested: `kind` names the estimator that reads its query's rows."""

    claim_id: str
    kind: str
    sign: int
    sesoi: float | None
    testability: str
    priority: str
    sql: str | None


@dataclass(frozen=True, slots=True)
class Finding:
    """What the data say of one claim; the columns of `verdicts`."""

    claim_id: str
    verdict: str
    reason: str | None = None
    estimate: float | None = None
    se: float | None = None
    interval_low: float | None = None
    interval_high: float | None = None
    interval_kind: str | None = None
    p_value: float | None = None
    q_value: float | None = None
    family_count: int | None = None
    n: int | None = None
    n_eff: float | None = None
    cells: int | None = None
    clusters: int | None = None
    df: float | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """What a part of the data says of one claim; the columns of `verdict_checks`."""

    claim_id: str
    part: str
    verdict: str
    estimate: float | None = None
    interval_low: float | None = None
    interval_high: float | None = None
    n: int | None = None
    clusters: int | None = None


def judge(
    warehouse: Warehouse,
    claims: Sequence[ClaimTest],
    *,
    locks: Mapping[str, str],
    has_checks: bool = True,
) -> tuple[list[Finding], list[Check]]:
    """Judge every claim on the whole and, with `has_checks`, on each part.

    `locks` tells, by claim, why it is locked. A locked claim gets no estimate, but its query is
    run: it must not rot unseen.

    Raises:
        WarehouseError: a claim's SQL does not run.
    """
    with kept_rows(warehouse):
        with laid_out(warehouse, WHOLE):
            findings = [_finding(warehouse, claim, locks) for claim in claims]
        estimated = {found.claim_id for found in findings if found.estimate is not None}
        checked = [claim for claim in claims if claim.claim_id in estimated]
        checks = []
        for part in parts_apart(warehouse) if checked and has_checks else ():
            with laid_out(warehouse, part):
                checks += [_check(warehouse, claim, part) for claim in checked]
    return _settled(findings, checks), checks


@dataclass(frozen=True, slots=True)
class _Estimate:
    """What an estimator says of a claim's rows, where there are enough of them."""

    estimate: float
    se: float
    interval_low: float
    interval_high: float
    n: int
    n_eff: float
    cells: int | None
    clusters: int
    df: float
    interval_kind: str = "closed form"


def _finding(warehouse: Warehouse, claim: ClaimTest, locks: Mapping[str, str]) -> Finding:
    if claim.testability == "not_testable" or claim.sql is None:
        return Finding(claim.claim_id, "not testable")
    found = _estimated(warehouse, claim)
    if claim.claim_id in locks:
        return Finding(claim.claim_id, "locked", locks[claim.claim_id])
    if isinstance(found, Finding):
        return found
    p_value = None
    if claim.priority == "primary":
        found = _widened(warehouse, claim, found)
        p_value = _p_value(claim, found)
    return Finding(claim.claim_id, _verdict(claim, found), p_value=p_value, **row_of(found))


def _estimated(warehouse: Warehouse, claim: ClaimTest) -> _Estimate | Finding:
    """Run a claim's query and its estimator, and leave its rows as a table of the claim's name.

    From too little there is no estimate: it would be read all the same.
    """
    name = view_name(claim.claim_id)
    try:
        warehouse.execute(f"create or replace temp table {name} as {claim.sql}")
        [figures] = warehouse.execute(
            "select est, se, est - t_quantile(df) * se, est + t_quantile(df) * se, "
            f"n, n_eff, cells, clusters, df from est_{claim.kind}('{name}')"
        )
    except duckdb.Error as error:
        raise unrunnable(claim.claim_id, error) from None
    se, (n, n_eff, cells, clusters, _) = figures[1], figures[4:]
    if clusters >= CLUSTERS_NEEDED and se is not None and not math.isnan(se):
        return _Estimate(*figures)
    if clusters >= CLUSTERS_NEEDED:
        reason = "what it measures never varies"
    elif claim.kind == "slope" and _is_drowned(warehouse, name):
        reason = "what came before is nearly all the sample's noise: code more posts a week"
    else:
        reason = f"{clusters} clusters, {CLUSTERS_NEEDED} are needed"
    return Finding(
        claim.claim_id, "no data", reason, n=n, n_eff=n_eff, cells=cells, clusters=clusters
    )


def _is_drowned(warehouse: Warehouse, name: str) -> bool:
    """Tell whether a slope has outcomes and weights, and nothing to set them against."""
    return bool(
        warehouse.scalar(
            f"select count(*) >= {CLUSTERS_NEEDED} and count(x) = 0 "
            f"from {name} where y is not null and w > 0"
        )
    )


def _widened(warehouse: Warehouse, claim: ClaimTest, found: _Estimate) -> _Estimate:
    """Take the bootstrap's interval where it is the wider one."""
    given = " and ".join(f"{column} is not null" for column in _GIVEN[claim.kind])
    rows = warehouse.frame(
        f"select {_COLUMNS[claim.kind]} from {view_name(claim.claim_id)} "
        f"where {given} and w > 0 order by all"
    )
    drawn = bootstrap_interval(claim.kind, rows, seed=_SEED)
    if drawn is None or drawn[1] - drawn[0] <= found.interval_high - found.interval_low:
        return found
    return replace(found, interval_low=drawn[0], interval_high=drawn[1], interval_kind="bootstrap")


def _p_value(claim: ClaimTest, found: _Estimate) -> float:
    """Test one-sided against the smallest effect, with the error that the interval implies."""
    error = (found.interval_high - found.interval_low) / (2 * t_point(found.df))
    return t_tail(claim.sign * (found.estimate - _smallest(claim)) / error, found.df)


def _verdict(claim: ClaimTest, found: _Estimate) -> str:
    """Say where the interval lies; the twin of the macro `verdict`, for any interval."""
    ends = [
        claim.sign * (end - _smallest(claim)) for end in (found.interval_low, found.interval_high)
    ]
    return "supported" if min(ends) > 0 else "not supported" if max(ends) < 0 else "inconclusive"


def _smallest(claim: ClaimTest) -> float:
    if claim.sesoi is None:
        raise WarehouseError(f"claim {claim.claim_id} has no smallest effect: give it a sesoi")
    return claim.sesoi


def _check(warehouse: Warehouse, claim: ClaimTest, part: str) -> Check:
    found = _estimated(warehouse, claim)
    if isinstance(found, Finding):
        return Check(claim.claim_id, part, found.verdict, n=found.n, clusters=found.clusters)
    return Check(
        claim.claim_id,
        part,
        _verdict(claim, found),
        found.estimate,
        found.interval_low,
        found.interval_high,
        found.n,
        found.clusters,
    )


def _settled(findings: Sequence[Finding], checks: Sequence[Check]) -> list[Finding]:
    """Correct over the primary claims, then let no verdict stand that a part turns round."""
    rates = false_discovery_rates(
        {found.claim_id: found.p_value for found in findings if found.p_value is not None}
    )
    return [
        _unless_turned(
            _corrected(found, rates), [c for c in checks if c.claim_id == found.claim_id]
        )
        for found in findings
    ]


def _corrected(found: Finding, rates: Mapping[str, float]) -> Finding:
    rate = rates.get(found.claim_id)
    if rate is None:
        return found
    found = replace(found, q_value=rate, family_count=len(rates))
    if found.verdict != "supported" or rate <= FALSE_DISCOVERY_RATE:
        return found
    reason = (
        "its interval is clear of the smallest effect, but among "
        f"{len(rates)} primary claims that may be chance (q = {rate:.2f})"
    )
    return replace(found, verdict="inconclusive", reason=reason)


def _unless_turned(found: Finding, checks: Sequence[Check]) -> Finding:
    opposite = {"supported": "not supported", "not supported": "supported"}.get(found.verdict)
    turned = [check.part for check in checks if check.verdict == opposite]
    if not turned:
        return found
    reason = f"{found.verdict} on the whole, but {opposite} on a part: {', '.join(turned)}"
    return replace(found, verdict="inconclusive", reason=reason)


def view_name(claim_id: str) -> str:
    """Name a claim's view.

    Raises:
        WarehouseError: the id could not stand in SQL.
    """
    if not (claim_id.isascii() and claim_id.isalnum()):
        raise WarehouseError("a claim's id is not letters and digits: rename it in the codebook")
    return f"claim_{claim_id.lower()}"


def unrunnable(claim_id: str, error: duckdb.Error) -> WarehouseError:
    """Say that a claim's SQL does not run, without its text."""
    return WarehouseError(
        f"claim {claim_id} of the codebook does not run ({type(error).__name__}): mend its sql"
    )


def row_of(found: Finding | Check | _Estimate) -> dict[str, Any]:
    """Return the fields as columns of a row."""
    return {name: getattr(found, name) for name in type(found).__dataclass_fields__}
