"""What compliance rules ask of the warehouse, beyond the data checks: counts, never rows."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import polars as pl

from warehouse.connection import Warehouse
from warehouse.models import models
from warehouse.tally import SMALLEST_CELL

_TEXT_COLUMNS = """
select table_name, list(column_name order by column_name)
from information_schema.columns
where table_schema = 'landed' and data_type in ('VARCHAR', 'VARCHAR[]')
group by table_name
order by table_name
"""
_OF_EXCLUDED = "list_contains(?, lower(split_part(community_key, '/', 2)))"
_YOUNG = """
select count(*)
from landed.units as units
inner join staging.stg_posts as posts on units.unit_key = posts.post_key
where
    greatest(posts.known_at, coalesce(posts.indexed_at, posts.known_at))
    > cast(? as timestamp) - to_days(?)
"""
_DETAILS = """
select
    count(distinct (codings.unit_kind, codings.unit_key)) filter (where codings.value > 0),
    count(distinct (codings.unit_kind, codings.unit_key))
from intermediate.latest_codings as codings
where codings.code_id = 'identifying_detail'
"""


def count_offending(warehouse: Warehouse, check: str) -> int:
    """Count the rows that offend one query of `sql/checks` or `sql/rules`."""
    [found] = [one for one in (*models("checks"), *models("rules")) if one.name == check]
    sql = found.sql.strip().removesuffix(";")
    return int(warehouse.scalar(f"select count(*) from ({sql})"))


def naming_columns(warehouse: Warehouse) -> dict[str, int]:
    """Map each text column that names somebody, `table.column`, to how many rows of it do.

    Each table is read once.
    """
    found: dict[str, int] = {}
    for table, columns in warehouse.execute(_TEXT_COLUMNS):
        counted = ", ".join(f"count_if(names_somebody(cast({c} as varchar)))" for c in columns)
        [counts] = warehouse.execute(f"select {counted} from landed.{table}")
        found |= {f"{table}.{c}": int(n) for c, n in zip(columns, counts, strict=True) if n}
    return found


def count_naming(warehouse: Warehouse, texts: Sequence[str]) -> int:
    """Count the texts, of whichever store, that name somebody."""
    batch = pl.DataFrame({"text": list(texts)}, schema={"text": pl.String})
    with warehouse.showing("batch", batch):
        return int(warehouse.scalar("select count(*) from batch where names_somebody(text)"))


def count_less_masked(warehouse: Warehouse, version: int) -> int:
    """Count the posts whose texts an older version of the masking rules passed."""
    return _count(warehouse, "scrubber_version < ?", [version])


def count_missed_details(warehouse: Warehouse) -> tuple[int, int]:
    """Count the coded units in which a coder found an identifying detail, and all coded for it."""
    [(missed, audited)] = warehouse.execute(_DETAILS)
    return int(missed), int(audited)


def count_excluded(warehouse: Warehouse, communities: Sequence[str]) -> int:
    """Count the posts of communities that policy leaves out, by name in any case."""
    return _count(warehouse, _OF_EXCLUDED, [[name.lower() for name in communities]])


def count_adult(warehouse: Warehouse) -> int:
    """Count the posts marked adult."""
    return _count(warehouse, "is_nsfw", [])


def count_young_units(warehouse: Warehouse, days: int) -> int:
    """Count the drawn units whose post is younger than so many days now."""
    return int(warehouse.scalar(_YOUNG, [warehouse.now, days]))


def count_small_cells(warehouse: Warehouse) -> int:
    """Count the cells of the tally of removed posts with fewer posts than it may count."""
    sql = "select count(*) from landed.persistence_tally where at_risk_count < ?"
    return int(warehouse.scalar(sql, [SMALLEST_CELL]))


def held_authors(warehouse: Warehouse, platform: str) -> list[str]:
    """List the pseudonyms of a platform's authors of whom posts are stored."""
    rows = warehouse.execute(
        "select distinct author_pseudonym from landed.post_versions "
        "where platform = ? and author_pseudonym is not null",
        [platform],
    )
    return [pseudonym for (pseudonym,) in rows]


def has_held_posts(warehouse: Warehouse) -> bool:
    """Tell whether posts lie here, or did before they were removed."""
    sql = (
        "select exists (select * from landed.post_versions) "
        "or exists (select * from landed.removals_audit where platform <> 'study')"
    )
    return bool(warehouse.scalar(sql))


def count_acts(warehouse: Warehouse, act: str) -> int:
    """Count the lines of the audit log that tell of an act on the study as a whole."""
    sql = "select count(*) from landed.removals_audit where platform = 'study' and reason = ?"
    return int(warehouse.scalar(sql, [act]))


def last_act(warehouse: Warehouse, act: str) -> tuple[datetime, dict[str, Any]] | None:
    """Return when an act was done last, and its counts; None where it never was."""
    rows = warehouse.execute(
        "select removed_at, rows_by_store from landed.removals_audit "
        "where platform = 'study' and reason = ? order by seq desc limit 1",
        [act],
    )
    return (rows[0][0].replace(tzinfo=UTC), json.loads(rows[0][1])) if rows else None


def _count(warehouse: Warehouse, where: str, values: list[Any]) -> int:
    return int(warehouse.scalar(f"select count(*) from landed.post_versions where {where}", values))
