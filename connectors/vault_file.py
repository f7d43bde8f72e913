"""The vault's file: SQLite, 0600, in a format that this program reads.

Deleted rows are overwritten (`secure_delete`), and no write-ahead log outlives a transaction.
"""

import os
import sqlite3
import stat
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag

from connectors.keys import VaultKeys
from connectors.vault_sealing import Seals
from schema.errors import BadInput, StoreBusy, VaultLocked, WarehouseError

FORMAT_VERSION = 3
LOCK_TIMEOUT_SECONDS = 60.0
CACHE_KIB = 65_536  # tokens lie anywhere in the file: a page of thousands touches most of it
VARIABLES_PER_QUERY = 900  # SQLite's own floor is 999
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_CANARY = b"this vault opens with this key"
_SCHEMA = (
    "create table canary (sealed blob not null)",
    "create table posts (token blob primary key, platform_token blob not null, "
    "next_due_at integer not null, sealed blob not null) without rowid",
    "create index posts_due on posts (platform_token, next_due_at)",
    "create table suppressed (token blob primary key) without rowid",
)
_SECOND_FORMAT = (
    "create table kept_out (id integer primary key, token blob not null, cause blob not null, "
    "ends_at integer not null)",
    "create unique index kept_out_tokens on kept_out (token, cause)",
    "create index kept_out_ends on kept_out (ends_at)",
)
_THIRD_FORMAT = (
    "create table pending (token blob primary key, sealed blob not null) without rowid",
)


class VaultFile:
    """An open vault's connection and keys: transactions, look-ups by token, its layout."""

    def __init__(self, connection: sqlite3.Connection, keys: VaultKeys) -> None:
        """Take over an open connection; whoever opened it closes it."""
        self._connection = connection
        self._seals = Seals(keys)

    def prepare(self, name: str) -> None:
        """Lay out a new file, or prove that this key opens an old one."""
        if self._version() < FORMAT_VERSION:
            with self._transaction():
                if self._version() == 0:  # nobody else was quicker
                    self._lay_out()
                if self._version() == 1:
                    self._bring_forward(_SECOND_FORMAT, to=2)
                if self._version() == 2:
                    self._bring_forward(_THIRD_FORMAT, to=3)
        if (version := self._version()) != FORMAT_VERSION:
            raise BadInput(
                f"{name} has format {version} and this program reads {FORMAT_VERSION}: "
                "use the newer program"
            )
        [(canary,)] = self._connection.execute("select sealed from canary")
        self._seals.unseal(canary, b"canary")

    def _lay_out(self) -> None:
        for statement in _SCHEMA:
            self._connection.execute(statement)
        sealed = self._seals.seal(_CANARY, b"canary")
        self._connection.execute("insert into canary (sealed) values (?)", (sealed,))
        self._connection.execute("pragma user_version = 1")

    def _bring_forward(self, statements: Sequence[str], *, to: int) -> None:
        """Turn a vault of one format into one of the next."""
        for statement in statements:
            self._connection.execute(statement)
        self._connection.execute(f"pragma user_version = {to}")

    def _version(self) -> int:
        return int(self._connection.execute("pragma user_version").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def _select(self, columns_from_table: str, tokens: Sequence[bytes]) -> Iterator[Any]:
        """Yield the rows of `tokens`, in queries no larger than SQLite takes."""
        for start in range(0, len(tokens), VARIABLES_PER_QUERY):
            some = tokens[start : start + VARIABLES_PER_QUERY]
            marks = ", ".join("?" * len(some))
            yield from self._connection.execute(
                f"select {columns_from_table} where token in ({marks})", some
            )


@contextmanager
def sentences(name: str) -> Iterator[None]:
    """Turn what SQLite and the cipher say into sentences without a value."""
    try:
        yield
    except InvalidTag:
        raise VaultLocked(
            f"{name} was sealed with another key or changed by another program: "
            "set the key this study began with, or restore the vault from its backup"
        ) from None
    except sqlite3.OperationalError as error:
        reason = _reason(error)
        kind = StoreBusy if reason.startswith(_BUSY) else WarehouseError
        raise kind(
            f"{name}: {reason}: end what else uses it or make room, then run again"
        ) from None
    except sqlite3.DatabaseError as error:
        raise VaultLocked(
            f"{name} is damaged or no vault ({type(error).__name__}): restore it from its backup"
        ) from None


def make_private(path: Path) -> None:
    """Create an empty file that is private from its first moment; refuse one that is not."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except FileExistsError:
        pass
    except OSError as error:
        raise BadInput(
            f"{path.name} cannot be made ({type(error).__name__}): "
            "make the study's folder and give this account the right to write to it"
        ) from None
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise BadInput(
            f"{path.name} has mode {mode:04o}, so others can read who wrote what: chmod 600 it"
        )


def connect(path: Path) -> sqlite3.Connection:
    """Open the file; transactions are begun by hand."""
    return sqlite3.connect(path, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None)


def database_image(path: Path) -> bytes:
    """Return the bytes of any SQLite file as of one instant, whoever writes to it meanwhile.

    Raises:
        VaultLocked: it is damaged, or no database.
        StoreBusy: another process has kept it busy for a minute.
    """
    with sentences(path.name), closing(connect(path)) as connection:
        return connection.serialize()


def configure(connection: sqlite3.Connection) -> None:
    """Let deleted rows be overwritten, and nothing be left behind."""
    connection.execute("pragma secure_delete = on")
    connection.execute("pragma journal_mode = delete")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma temp_store = memory")
    connection.execute(f"pragma cache_size = -{CACHE_KIB}")


def _reason(error: sqlite3.Error) -> str:
    """Name SQLite's error by its code; its message may quote a value."""
    return str(getattr(error, "sqlite_errorname", type(error).__name__))


def microseconds(instant: datetime) -> int:
    """Count since 1970, in UTC.

    Raises:
        ValueError: the instant has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError("a vault needs instants with a time zone")
    return (instant - EPOCH) // MICROSECOND
