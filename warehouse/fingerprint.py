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


def held_rows(warehouse: Warehouse) -> dict[str, list[str]]:
    """List what `table_hash` sums up, by part, each row as JSON in order."""
    return {
        part.name: [line for (line,) in warehouse.execute(f"{_lines(part.sql)} order by line")]
        for part in models("fingerprint")
    }


def _hash(warehouse: Warehouse, sql: str) -> str:
    rows = f"select sha256(line) as line from ({_lines(sql)}) as told"
    whole = "sha256(coalesce(string_agg(line, '' order by line), ''))"
    return str(warehouse.scalar(f"select {whole} from ({rows})"))


def _lines(sql: str) -> str:
    query = sql.strip().removesuffix(";")
    return f"select cast(to_json(part) as varchar) as line from ({query}) as part"
