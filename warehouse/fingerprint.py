"""The hash that tells whether two warehouses hold the same, whatever happened on the way."""

from hashlib import sha256

from warehouse.connection import Warehouse
from warehouse.models import models


def table_hash(warehouse: Warehouse) -> str:
    """Hash what is known, in sorted rows; not when or in which run it was learnt.

    Posts, versions, edges, interactions, links, duplicates, codings, removal counts, and coverage
    as the union of its intervals.
    """
    parts = {part.name: _hash(warehouse, part.sql) for part in models("fingerprint")}
    told = "\n".join(f"{name} {value}" for name, value in sorted(parts.items()))
    return sha256(told.encode()).hexdigest()


def _hash(warehouse: Warehouse, sql: str) -> str:
    rows = f"select sha256(cast(to_json(part) as varchar)) as line from ({_query(sql)}) as part"
    whole = "sha256(coalesce(string_agg(line, '' order by line), ''))"
    return str(warehouse.scalar(f"select {whole} from ({rows})"))


def _query(sql: str) -> str:
    return sql.strip().removesuffix(";")
