"""Opening the warehouse: one writer at a time, for one short piece of work.

DuckDB shuts out every other process while a file is open for writing, readers too. So the
work between open and close is a transaction or two, never a network call; analysts read the
published file instead.
"""

import os
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
from filelock import FileLock, Timeout

from schema.errors import StoreBusy, WarehouseError
from warehouse.clock import naive
from warehouse.models import migrate, refresh_models

PRIVATE = 0o600
ATTACHED = "stored"  # the name of the file's database in a connection
UNFINISHED = (".new-", ".rewrite-", ".publish-")  # folders that live while the lock is held
SETTINGS = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
# Closing merges what transactions appended: up to three groups, 2.6 kB of memory a row, written
# anew each time. Groups of the default size take 500 MiB for a moment, these under 100.
ROW_GROUP_ROWS = 20_480


@dataclass(frozen=True, slots=True)
class Warehouse:
    """An open store. `now` is the clock's instant, as naive UTC."""

    connection: duckdb.DuckDBPyConnection
    path: Path
    now: datetime

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement; return its rows."""
        return self.connection.execute(sql, list(parameters)).fetchall()

    def frame(self, sql: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
        """Run one query; return its rows as a frame, instants as naive UTC."""
        return self.connection.sql(sql, params=list(parameters)).pl()

    def scalar(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        """Run one query of one value."""
        [(value,)] = self.execute(sql, parameters)
        return value

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end, or leave nothing behind."""
        self.connection.execute("begin")
        try:
            yield
        except BaseException:
            self.connection.execute("rollback")
            raise
        self.connection.execute("commit")

    @contextmanager
    def showing(self, name: str, frame: pl.DataFrame) -> Iterator[None]:
        """Let SQL see a frame under a name."""
        self.connection.register(name, frame)
        try:
            yield
        finally:
            self.connection.unregister(name)


@contextmanager
def open_warehouse(
    path: Path,
    *,
    now: datetime,
    lock_timeout_seconds: float = 60,
    is_compressed: bool = True,
) -> Iterator[Warehouse]:
    """Open the store for writing, made and migrated where need be; close it at the end.

    `is_compressed` counts when the file is made; an uncompressed one stays so.

    Raises:
        StoreBusy: another flow or program holds the file.
        WarehouseError: a newer version wrote it, or it is no warehouse.
    """
    with locked(path, timeout_seconds=lock_timeout_seconds), connected(path) as connection:
        instant = naive(now)
        # a list of a few joined keys, handed to a frame's scan, overflows there from 2^63 on
        connection.execute("set dynamic_or_filter_threshold = 0")
        migrate(connection, now=instant, compression="auto" if is_compressed else "none")
        [(compression,)] = connection.execute("select compression from landed.store").fetchall()
        if compression == "none":
            connection.execute("set force_compression = 'uncompressed'")
        refresh_models(connection)
        yield Warehouse(connection, path, instant)


@contextmanager
def locked(path: Path, *, timeout_seconds: float) -> Iterator[None]:
    """Hold the lock beside the store.

    Raises:
        StoreBusy: somebody else held it all that time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{path}.lock", mode=PRIVATE)
    try:
        lock.acquire(timeout=timeout_seconds)
    except Timeout:
        raise StoreBusy(
            f"{path.name} is busy: another flow has held it for {timeout_seconds:g} s; "
            "let it finish, then run this again"
        ) from None
    try:
        sweep(path.parent)
        yield
    finally:
        lock.release()


def sweep(folder: Path) -> None:
    """Remove half-written files of a process that died: they hold rows, removed ones too."""
    for prefix in UNFINISHED:
        for left in folder.glob(f"{prefix}*"):
            shutil.rmtree(left)


@contextmanager
def connected(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Connect to a private DuckDB file and its log, both readable by their owner alone.

    Raises:
        StoreBusy: another program holds the file.
        WarehouseError: it is no DuckDB file, or a newer version wrote it.
    """
    if not path.exists():
        _make_empty(path)
    _make_private(path)
    try:
        connection = _attached(path)
    except duckdb.IOException as error:
        if (known := _why_not(path, str(error))) is None:
            raise
        raise known from None
    except duckdb.Error as error:
        kind = type(error).__name__
        raise WarehouseError(f"{path.name} cannot be opened: {kind}; restore a backup") from None
    log = path.with_name(f"{path.name}.wal")
    _make_private(log)  # else the database would make it readable for all
    try:
        yield connection
    finally:
        connection.close()
        if log.exists() and log.stat().st_size == 0:
            log.unlink()


def _attached(path: Path) -> duckdb.DuckDBPyConnection:
    """Connect to a file by attaching it: a size of row groups cannot be asked for otherwise."""
    connection = duckdb.connect(":memory:", config={**SETTINGS, "temp_directory": f"{path}.tmp"})
    try:
        connection.execute(f"attach {quoted(path)} as {ATTACHED} (row_group_size {ROW_GROUP_ROWS})")
        connection.execute(f"use {ATTACHED}")
    except BaseException:
        connection.close()
        raise
    return connection


def quoted(path: Path) -> str:
    """Write a path as an SQL string."""
    return "'" + str(path).replace("'", "''") + "'"


def _make_empty(path: Path) -> None:
    """Make a database nobody else could read for a moment: DuckDB would follow the umask."""
    with TemporaryDirectory(prefix=UNFINISHED[0], dir=path.parent) as folder:
        fresh = Path(folder) / path.name
        duckdb.connect(str(fresh), config=dict(SETTINGS)).close()
        fresh.chmod(PRIVATE)
        fresh.rename(path)


def _make_private(path: Path) -> None:
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, PRIVATE))
    except OSError as error:
        raise WarehouseError(f"{path.name} cannot be written: {error.strerror}") from None
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        path.chmod(PRIVATE)


def _why_not(path: Path, told: str) -> WarehouseError | None:
    """Say why a file does not open; None where it is not the file's fault but the disk's."""
    if "lock" in told:
        return StoreBusy(
            f"{path.name} is open in another program: close it there, then run this again"
        )
    if "version" in told:
        return WarehouseError(f"{path.name} was written by a newer DuckDB: update confide")
    if "not a valid" not in told:
        return None
    return WarehouseError(f"{path.name} is not a warehouse: restore a backup or name another study")
