"""Rewriting the file, so that bytes of deleted rows go too.

DuckDB keeps a deleted row's bytes until its block is used again. Where little of a large file is
touched, that part alone is moved and overwritten. Else a new file is written from the rows that
stand, made safe on disk, and put in place of the old one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from warehouse.clock import naive
from warehouse.connection import ATTACHED, PRIVATE, UNFINISHED, connected, locked, quoted
from warehouse.erasing import erase, note_clean
from warehouse.models import migrate


def compact(path: Path, *, now: datetime, lock_timeout_seconds: float = 60) -> bool:
    """Rewrite the warehouse where rows were deleted since the last time; tell whether it was.

    A crash on the way leaves the same rows, and the rewriting due.

    Raises:
        WarehouseError: another flow or program holds the file.
    """
    if not path.exists():
        return False
    with locked(path, timeout_seconds=lock_timeout_seconds):
        with connected(path) as old:
            migrate(old, now=naive(now), compression="auto")
            [(due, compression)] = old.execute(
                "select rewrite_due_at is not null, compression from landed.store"
            ).fetchall()
            if not due:
                return False
            old.execute("checkpoint")
        if erase(path):
            return True
        with replacing(path, prefix=UNFINISHED[1], mode=PRIVATE) as fresh:
            _write(path, fresh, compression=compression)
            note_clean(fresh)
    return True


@contextmanager
def replacing(path: Path, *, prefix: str, mode: int) -> Iterator[Path]:
    """Give a place to write a new file to, of the same name; then put it in place of the old one.

    A crash on the way leaves the old file as it was.
    """
    with TemporaryDirectory(prefix=prefix, dir=path.parent) as folder:
        fresh = Path(folder) / path.name  # it stands in the file: equal names, equal bytes
        yield fresh
        fresh.chmod(mode)
        sync(fresh)
        os.replace(fresh, path)
        sync(path.parent)


def _write(path: Path, fresh: Path, *, compression: str) -> None:
    with connected(fresh) as new:
        new.execute("set max_vacuum_tasks = 0")  # nothing is written twice: `erase` says why
        if compression == "none":
            new.execute("set force_compression = 'uncompressed'")
        new.execute(f"attach {quoted(path)} as old (read_only)")
        new.execute(f"copy from database old to {ATTACHED} (schema)")  # views and macros, too
        new.execute("begin")
        for table in _tables(new):
            new.execute(f"insert into landed.{table} from old.landed.{table}")
        new.execute("commit")
        new.execute("detach old")


def _tables(connection: duckdb.DuckDBPyConnection) -> list[str]:
    rows = connection.execute(
        "select table_name from duckdb_tables() where database_name = current_database() "
        "and schema_name = 'landed' and table_name <> 'clean_blocks' order by table_name"
    ).fetchall()
    return [name for (name,) in rows]


def sync(path: Path) -> None:
    """Wait until a file or folder is safe on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
