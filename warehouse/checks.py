"""Data checks: queries for offending rows; none means pass."""

from warehouse.connection import Warehouse
from warehouse.models import models


def run_checks(warehouse: Warehouse) -> list[tuple[str, int]]:
    """Run every check; return its name and how many rows offend."""
    return [
        (check.name, int(warehouse.scalar(f"select count(*) from ({_query(check.sql)})")))
        for check in models("checks")
    ]


def _query(sql: str) -> str:
    return sql.strip().removesuffix(";")
