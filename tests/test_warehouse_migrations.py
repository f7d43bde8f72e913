"""A store that an earlier program left is brought to today's tables, whatever number it stood at.

What each number of migrations left is made anew: the first n are applied, a row is put into every
table there is then, and today's program opens it.
"""

from contextlib import closing
from pathlib import Path
from typing import Final

import duckdb
import pytest

from tests.support.warehouse_rows import NOW, opened, post, save
from warehouse import store
from warehouse.clock import naive
from warehouse.models import migrate, models

NUMBERS: Final = [int(found.name[:4]) for found in models("landed")]
OWN: Final = ("store", "models", "migrations")
FOUND_ANEW: Final = ("duplicate_marks",)  # which 0013 empties: the next pass marks all again
VALUES: Final = {
    "VARCHAR": "'lantern'",
    "BIGINT": "7",
    "UBIGINT": "7",
    "INTEGER": "7",
    "DOUBLE": "0.5",
    "BOOLEAN": "true",
    "DATE": "date '2026-01-05'",
    "TIMESTAMP": "timestamp '2026-01-06 10:00:00'",
}


def apply_until(
    connection: duckdb.DuckDBPyConnection, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Make a store as the program that knew this many migrations did."""
    known = tuple(found for found in models("landed") if int(found.name[:4]) <= number)
    with monkeypatch.context() as patch:
        patch.setattr("warehouse.models.models", lambda _folder: known)
        migrate(connection, now=naive(NOW), compression="auto")


def columns(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """List every landed table's columns with their types."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select table_name, column_name, data_type from duckdb_columns() "
        "where schema_name = 'landed' order by table_name, column_index"
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def fill(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, list[tuple[object, ...]]]]:
    """Put a row into every table; give the query that reads it and what it reads."""
    written = {}
    for table, kinds in columns(connection).items():
        if table in OWN:
            continue
        values = ", ".join(
            VALUES.get(kind, "[]" if kind.endswith("[]") else "null") for kind in kinds.values()
        )
        connection.execute(f"insert into landed.{table} ({', '.join(kinds)}) values ({values})")
        query = f"select {', '.join(kinds)} from landed.{table}"
        written[table] = (query, connection.execute(query).fetchall())
    return written


@pytest.fixture(scope="module")
def today() -> dict[str, dict[str, str]]:
    with closing(duckdb.connect()) as connection:
        migrate(connection, now=naive(NOW), compression="auto")
        return columns(connection)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_store_of_any_number_becomes_today_s_and_loses_no_row(
    number: int, today: dict[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(duckdb.connect()) as connection:
        apply_until(connection, number, monkeypatch)
        written = fill(connection)
        migrate(connection, now=naive(NOW), compression="auto")
        assert columns(connection) == today
        for query, rows in (told for table, told in written.items() if table not in FOUND_ANEW):
            assert connection.execute(query).fetchall() == rows


def test_an_old_file_is_opened_written_and_summed_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "warehouse.duckdb"
    with closing(duckdb.connect(str(path))) as connection:
        apply_until(connection, NUMBERS[2], monkeypatch)
    with opened(path) as warehouse:
        save(warehouse, post(1))
        assert set(dict(store.run_checks(warehouse)).values()) == {0}
        migrated = store.table_hash(warehouse)
    with opened(tmp_path / "fresh.duckdb") as warehouse:
        save(warehouse, post(1))
        assert store.table_hash(warehouse) == migrated
