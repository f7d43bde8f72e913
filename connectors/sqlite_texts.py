"""Texts out of another program's SQLite file, which is only read."""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

from schema.errors import StoreBusy, WarehouseError

LOCK_TIMEOUT_SECONDS = 60.0


def read_texts(path: Path, places: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the texts of columns, by `table.column`; a table that is not there has none.

    Raises:
        StoreBusy: its own program has kept it busy for a minute.
        WarehouseError: it is damaged, or laid out otherwise.
    """
    address = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(address, uri=True, timeout=LOCK_TIMEOUT_SECONDS)) as opened:
            there = {name for (name,) in opened.execute("select name from sqlite_master")}
            return {
                f"{table}.{column}": _texts(opened, table, column)
                for table, columns in places.items()
                if table in there
                for column in columns
            }
    except sqlite3.Error as error:
        code = str(getattr(error, "sqlite_errorname", type(error).__name__))
        kind = StoreBusy if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")) else WarehouseError
        raise kind(
            f"{path.name} cannot be read: {code}; let its program finish, then again"
        ) from None


def _texts(opened: sqlite3.Connection, table: str, column: str) -> list[str]:
    rows = opened.execute(f'select "{column}" from "{table}" where "{column}" is not null')
    return [str(text) for (text,) in rows]
