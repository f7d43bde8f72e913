"""The vault: the only file that leads from a pseudonymous post back to its platform.

SQLite, mode 0600. A row's value (native id, post key, source) is sealed with AES-256-GCM; rows
are found by HMAC-SHA-256 of the post key, under another key. In the clear stand only the
instant a post is next due and how many rows there are. Beside the posts lies the list of who
must stay out: keyed hashes under a key of their own, one for each removed post or account. Who
stays out for a while, or for as long as somebody says so, has the hash of the cause beside it.
What is being removed is written down, sealed, before the first row goes and struck out after the
last: a process that died in between is made good by the next one.

Deleted rows are overwritten (`secure_delete`), and no write-ahead log outlives a transaction.
Sources: RFC 2104, NIST SP 800-38D (random 96-bit nonces, far below its limit of 2^32).
"""

import hmac
import os
import sqlite3
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, field
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from connectors.keys import VaultKeys
from schema.errors import BadInput, StoreBusy, VaultLocked, WarehouseError
from schema.vocabulary import PLATFORMS, Platform, RemovalReason

FORMAT_VERSION = 3
KEPT_OUT_MAX = 1_000_000  # of those kept out for a while: about 80 MB; the oldest go first
LOCK_TIMEOUT_SECONDS = 60.0
TOKEN_BYTES = 16  # 128 bits: no two of any real number of rows will meet
NONCE_BYTES = 12
CACHE_KIB = 65_536  # tokens lie anywhere in the file: a page of thousands touches most of it
VARIABLES_PER_QUERY = 900  # SQLite's own floor is 999

_BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
_CANARY = b"this vault opens with this key"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NEVER = 2**62  # microseconds: no date comes near it
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
_REMEMBER = (
    "insert into posts (token, platform_token, next_due_at, sealed) values (?, ?, ?, ?) "
    "on conflict (token) do update set platform_token = excluded.platform_token, "
    "next_due_at = excluded.next_due_at, sealed = excluded.sealed"
)


@dataclass(frozen=True, slots=True)
class VaultEntry:
    """A post the study holds: how its platform calls it, and when to look at it again."""

    platform: Platform
    native_id: str = field(repr=False)
    post_key: int
    source: str
    next_due_at: datetime


@dataclass(frozen=True, slots=True)
class PendingRemoval:
    """A post or an account, keyed, that was to go when a process began to remove it."""

    platform: Platform
    post_key: int | None
    author_pseudonym: str | None
    reason: RemovalReason


class Vault:
    """An open vault. Every method is one transaction; made by `open_vault`."""

    def __init__(self, connection: sqlite3.Connection, keys: VaultKeys) -> None:
        """Take over an open connection; `open_vault` closes it."""
        self._connection = connection
        self._keys = keys
        self._cipher = AESGCM(keys.sealing)
        self._platform_tokens = {
            platform: _token(keys.lookup, b"platform", platform.encode()) for platform in PLATFORMS
        }

    def remember(self, entries: Iterable[VaultEntry]) -> None:
        """Store entries, or replace those of the same post key.

        Raises:
            ValueError: an instant has no time zone, or a post key is no 64-bit number.
        """
        sealed = (self._sealed_row(entry) for entry in entries)
        rows = sorted(sealed, key=itemgetter(0))  # neighbours share a page of the file
        with self._transaction():
            self._connection.executemany(_REMEMBER, rows)

    def due(self, now: datetime, platform: Platform, limit: int) -> list[VaultEntry]:
        """List what must be looked at by `now`, longest overdue first, `limit` at most."""
        found = self._connection.execute(
            "select token, next_due_at, sealed from posts where platform_token = ? "
            "and next_due_at <= ? order by next_due_at, token limit ?",
            (self._platform_token(platform), _microseconds(now), limit),
        )
        return [self._entry(*row) for row in found]

    def count_due(self, now: datetime, platform: Platform) -> int:
        """Count what must be looked at by `now`."""
        found = self._connection.execute(
            "select count(*) from posts where platform_token = ? and next_due_at <= ?",
            (self._platform_token(platform), _microseconds(now)),
        )
        return int(found.fetchone()[0])

    def every_native_id(self, platform: Platform) -> set[str]:
        """Return the native ids of all that is held of a platform."""
        found = self._connection.execute(
            "select token, next_due_at, sealed from posts where platform_token = ?",
            (self._platform_token(platform),),
        )
        return {self._entry(*row).native_id for row in found}

    def native_ids(self, post_keys: Iterable[int]) -> dict[int, str]:
        """Map those of `post_keys` that the vault holds to their native ids."""
        tokens = [self._post_token(post_key) for post_key in post_keys]
        entries = [
            self._entry(*row)
            for row in self._select("token, next_due_at, sealed from posts", tokens)
        ]
        return {entry.post_key: entry.native_id for entry in entries}

    def reschedule(self, next_due_at: Mapping[int, datetime]) -> None:
        """Set when posts are due next; a key the vault does not hold is passed over."""
        rows = [(_microseconds(at), self._post_token(key)) for key, at in next_due_at.items()]
        with self._transaction():
            self._connection.executemany("update posts set next_due_at = ? where token = ?", rows)

    def forget(self, post_keys: Iterable[int], *, done: Iterable[PendingRemoval] = ()) -> None:
        """Delete what leads back to these posts, and strike out removals that are done.

        The bytes of both are overwritten.
        """
        rows = [(self._post_token(post_key),) for post_key in post_keys]
        struck = [(self._pending_row(removal)[0],) for removal in done]
        with self._transaction():
            self._connection.executemany("delete from posts where token = ?", rows)
            self._connection.executemany("delete from pending where token = ?", struck)

    def suppress(
        self,
        platform: Platform,
        *,
        native_ids: Iterable[str] = (),
        authors: Iterable[str] = (),
        pending: Iterable[PendingRemoval] = (),
    ) -> None:
        """Keep posts and accounts out for good, on every route; note what is to be removed."""
        tokens = self._tokens(platform, native_ids, authors)
        rows = [self._pending_row(removal) for removal in pending]
        with self._transaction():
            self._connection.executemany(
                "insert or ignore into suppressed (token) values (?)",
                [(token,) for token in tokens],
            )
            self._connection.executemany(
                "insert or ignore into pending (token, sealed) values (?, ?)", rows
            )

    def pending(self) -> list[PendingRemoval]:
        """List the removals that were begun and not struck out."""
        found = self._connection.execute("select token, sealed from pending order by token")
        return [PendingRemoval(*orjson.loads(self._unseal(value, at))) for at, value in found]

    def some_native_ids(self, limit: int) -> dict[int, VaultEntry]:
        """Return a few entries by their post keys, to try whether they still lead anywhere."""
        found = self._connection.execute(
            "select token, next_due_at, sealed from posts order by token limit ?", (limit,)
        )
        return {entry.post_key: entry for entry in (self._entry(*row) for row in found)}

    def count_suppressed(self) -> int:
        """Count the posts and accounts that stay out for good."""
        return int(self._connection.execute("select count(*) from suppressed").fetchone()[0])

    def count_held_suppressed(self, platform: Platform) -> int:
        """Count the posts that are held and were to stay out for good."""
        tokens = self._suppression_tokens(platform, "post", self.every_native_id(platform))
        return sum(1 for _ in self._select("token from suppressed", list(tokens.values())))

    def keep_out(
        self,
        platform: Platform,
        *,
        cause: str,
        now: datetime,
        until: datetime | None = None,
        native_ids: Iterable[str] = (),
        authors: Iterable[str] = (),
    ) -> None:
        """Keep posts and accounts out until an instant, or until the cause is lifted.

        What has ended by `now` goes; of what ends some day the oldest go beyond `KEPT_OUT_MAX`.
        """
        tokens = sorted(self._tokens(platform, native_ids, authors))
        why, end = self._cause(cause), _NEVER if until is None else _microseconds(until)
        with self._transaction():
            self._connection.executemany(
                "insert into kept_out (token, cause, ends_at) values (?, ?, ?) "
                "on conflict (token, cause) do update set ends_at = excluded.ends_at",
                [(token, why, end) for token in tokens],
            )
            self._drop_ended(now)
            self._connection.execute(  # ids only grow, so this need not count
                "delete from kept_out where id <= (select max(id) from kept_out) - ? "
                "and ends_at < ?",
                (KEPT_OUT_MAX, _NEVER),
            )

    def let_ended_in(self, now: datetime) -> None:
        """Let in again what was to be kept out until `now` at the latest."""
        with self._transaction():
            self._drop_ended(now)

    def let_in(
        self,
        platform: Platform,
        *,
        cause: str,
        native_ids: Iterable[str] = (),
        authors: Iterable[str] = (),
    ) -> None:
        """Lift one cause for which posts and accounts are kept out; other causes stand."""
        why = self._cause(cause)
        rows = [(token, why) for token in self._tokens(platform, native_ids, authors)]
        with self._transaction():
            self._connection.executemany("delete from kept_out where token = ? and cause = ?", rows)

    def suppressed(
        self, platform: Platform, native_ids: Iterable[str], authors: Iterable[str]
    ) -> tuple[set[str], set[str]]:
        """Tell which of these posts and which of these accounts must stay out, for whatever cause.

        One kept out for a while counts until its row goes: `keep_out` and `let_ended_in` see to it.
        """
        posts = self._suppression_tokens(platform, "post", native_ids)
        accounts = self._suppression_tokens(platform, "author", authors)
        tokens = list({*posts.values(), *accounts.values()})
        barred = {bytes(token) for (token,) in self._select("token from suppressed", tokens)}
        barred |= {bytes(token) for (token,) in self._select("token from kept_out", tokens)}
        return (
            {name for name, token in posts.items() if token in barred},
            {name for name, token in accounts.items() if token in barred},
        )

    def _drop_ended(self, now: datetime) -> None:
        self._connection.execute("delete from kept_out where ends_at <= ?", (_microseconds(now),))

    def count(self) -> int:
        """Count the posts the vault leads back to."""
        return int(self._connection.execute("select count(*) from posts").fetchone()[0])

    def _prepare(self, name: str) -> None:
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
        self._unseal(canary, b"canary")

    def _lay_out(self) -> None:
        for statement in _SCHEMA:
            self._connection.execute(statement)
        sealed = self._seal(_CANARY, b"canary")
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

    def _sealed_row(self, entry: VaultEntry) -> tuple[bytes, bytes, int, bytes]:
        token = self._post_token(entry.post_key)
        value = orjson.dumps([entry.platform, entry.native_id, entry.post_key, entry.source])
        due = _microseconds(entry.next_due_at)
        return token, self._platform_token(entry.platform), due, self._seal(value, token)

    def _entry(self, token: bytes, next_due_at: int, sealed: bytes) -> VaultEntry:
        platform, native_id, post_key, source = orjson.loads(self._unseal(sealed, token))
        return VaultEntry(
            platform=cast(Platform, platform),
            native_id=native_id,
            post_key=post_key,
            source=source,
            next_due_at=_EPOCH + next_due_at * _MICROSECOND,
        )

    def _pending_row(self, removal: PendingRemoval) -> tuple[bytes, bytes]:
        """Write a removal down under a token of its own; the same one twice is one row."""
        value = orjson.dumps(list(astuple(removal)))
        token = _token(self._keys.lookup, b"pending", value)
        return token, self._seal(value, token)

    def _seal(self, value: bytes, place: bytes) -> bytes:
        """Encrypt a value so that it opens in its own row only."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, value, place)

    def _unseal(self, sealed: bytes, place: bytes) -> bytes:
        return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], place)

    def _post_token(self, post_key: int) -> bytes:
        if not 0 <= post_key < 1 << 64:
            raise ValueError("a post key is an unsigned 64-bit number")
        return _token(self._keys.lookup, b"post", post_key.to_bytes(8, "big"))

    def _platform_token(self, platform: Platform) -> bytes:
        return self._platform_tokens[platform]

    def _suppression_tokens(
        self, platform: Platform, kind: str, names: Iterable[str]
    ) -> dict[str, bytes]:
        return {
            name: self._suppression_token(platform, kind, name) for name in dict.fromkeys(names)
        }

    def _tokens(
        self, platform: Platform, native_ids: Iterable[str], authors: Iterable[str]
    ) -> list[bytes]:
        tokens = [self._suppression_token(platform, "post", name) for name in native_ids]
        return tokens + [self._suppression_token(platform, "author", name) for name in authors]

    def _cause(self, cause: str) -> bytes:
        """Hash a cause: it may be the DID of a labeler."""
        return _token(self._keys.suppression, b"cause", cause.encode("utf-8"))

    def _suppression_token(self, platform: Platform, kind: str, name: str) -> bytes:
        # Reddit takes names and ids in any case; a DID or an at-uri is what it is
        spelt = name.lower() if platform == "reddit" else name
        return _token(self._keys.suppression, f"{platform}/{kind}".encode(), spelt.encode("utf-8"))


@contextmanager
def open_vault(path: Path, keys: VaultKeys) -> Iterator[Vault]:
    """Open the vault, making it first where there is none; close it afterwards.

    Raises:
        VaultLocked: sealed with another key, tampered with, or no vault at all.
        BadInput: readable by others, or written by a newer program.
        StoreBusy: another process has kept it busy for a minute.
        WarehouseError: it cannot be read or written.
    """
    _make_private(path)
    with _sentences(path.name), closing(_connect(path)) as connection:
        _configure(connection)
        vault = Vault(connection, keys)
        vault._prepare(path.name)
        yield vault


def count_pending(path: Path) -> int:
    """Count the removals that were begun and not finished; this needs no key.

    Raises:
        VaultLocked: it is damaged, or no vault.
        StoreBusy: another process has kept it busy for a minute.
    """
    if not path.exists():
        return 0
    with _sentences(path.name), closing(_connect(path)) as connection:
        [(has_table,)] = connection.execute(
            "select count(*) from sqlite_master where name = 'pending'"
        )
        if not has_table:
            return 0
        return int(connection.execute("select count(*) from pending").fetchone()[0])


@contextmanager
def _sentences(name: str) -> Iterator[None]:
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


def _make_private(path: Path) -> None:
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


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=LOCK_TIMEOUT_SECONDS, isolation_level=None)


def _configure(connection: sqlite3.Connection) -> None:
    connection.execute("pragma secure_delete = on")
    connection.execute("pragma journal_mode = delete")
    connection.execute("pragma synchronous = full")
    connection.execute("pragma temp_store = memory")
    connection.execute(f"pragma cache_size = -{CACHE_KIB}")


def _reason(error: sqlite3.Error) -> str:
    """Name SQLite's error by its code; its message may quote a value."""
    return str(getattr(error, "sqlite_errorname", type(error).__name__))


def _token(key: bytes, use: bytes, value: bytes) -> bytes:
    """Hash a value under a key and a use; uses hold no zero byte, so none can be mistaken."""
    return hmac.digest(key, use + b"\0" + value, "sha256")[:TOKEN_BYTES]


def _microseconds(instant: datetime) -> int:
    if instant.tzinfo is None:
        raise ValueError("a vault needs instants with a time zone")
    return (instant - _EPOCH) // _MICROSECOND
