"""The vault: the only file that leads from a pseudonymous post back to its platform.

SQLite, mode 0600. A row's value (native id, post key, source) is sealed with AES-256-GCM; rows
are found by HMAC-SHA-256 of the post key, under another key. In the clear stand only the
instant a post is next due and how many rows there are. Beside the posts lies the list of who
must stay out (`vault_suppression`). What is being removed is written down, sealed, before the
first row goes and struck out after the last: a process that died in between is made good by the
next one.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import astuple, dataclass, field
from datetime import datetime
from operator import itemgetter
from pathlib import Path
from typing import cast

import orjson

from connectors.keys import VaultKeys
from connectors.vault_file import (
    EPOCH,
    MICROSECOND,
    configure,
    connect,
    make_private,
    microseconds,
    sentences,
)
from connectors.vault_suppression import StayingOut
from schema.vocabulary import Platform, RemovalReason

_REMEMBER = (
    "insert into posts (token, platform_token, next_due_at, sealed) values (?, ?, ?, ?) "
    "on conflict (token) do update set platform_token = excluded.platform_token, "
    "next_due_at = excluded.next_due_at, sealed = excluded.sealed"
)
_OF_REMOVALS = {
    "suppressed": "token",
    "kept_out": "token, cause, ends_at",
    "pending": "token, sealed",
}


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


class Vault(StayingOut):
    """An open vault. Every method is one transaction; made by `open_vault`."""

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
            (self._seals.platform(platform), microseconds(now), limit),
        )
        return [self._entry(*row) for row in found]

    def count_due(self, now: datetime, platform: Platform) -> int:
        """Count what must be looked at by `now`."""
        found = self._connection.execute(
            "select count(*) from posts where platform_token = ? and next_due_at <= ?",
            (self._seals.platform(platform), microseconds(now)),
        )
        return int(found.fetchone()[0])

    def every_native_id(self, platform: Platform) -> set[str]:
        """Return the native ids of all that is held of a platform."""
        found = self._connection.execute(
            "select token, next_due_at, sealed from posts where platform_token = ?",
            (self._seals.platform(platform),),
        )
        return {self._entry(*row).native_id for row in found}

    def native_ids(self, post_keys: Iterable[int]) -> dict[int, str]:
        """Map those of `post_keys` that the vault holds to their native ids."""
        tokens = [self._seals.post(post_key) for post_key in post_keys]
        entries = [
            self._entry(*row)
            for row in self._select("token, next_due_at, sealed from posts", tokens)
        ]
        return {entry.post_key: entry.native_id for entry in entries}

    def some_native_ids(self, limit: int) -> dict[int, VaultEntry]:
        """Return a few entries by their post keys, to try whether they still lead anywhere."""
        found = self._connection.execute(
            "select token, next_due_at, sealed from posts order by token limit ?", (limit,)
        )
        return {entry.post_key: entry for entry in (self._entry(*row) for row in found)}

    def reschedule(self, next_due_at: Mapping[int, datetime]) -> None:
        """Set when posts are due next; a key the vault does not hold is passed over."""
        rows = [(microseconds(at), self._seals.post(key)) for key, at in next_due_at.items()]
        with self._transaction():
            self._connection.executemany("update posts set next_due_at = ? where token = ?", rows)

    def forget(self, post_keys: Iterable[int], *, done: Iterable[PendingRemoval] = ()) -> None:
        """Delete what leads back to these posts, and strike out removals that are done.

        The bytes of both are overwritten.
        """
        rows = [(self._seals.post(post_key),) for post_key in post_keys]
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
        tokens = self._seals.of_either(platform, native_ids, authors)
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
        return [PendingRemoval(*orjson.loads(self._seals.unseal(value, at))) for at, value in found]

    def lost_since(self, newer: "Vault") -> list[int]:
        """List the posts that are held here and, by the same keys, not in a newer vault."""
        held = {bytes(token) for (token,) in newer._connection.execute("select token from posts")}
        found = self._connection.execute("select token, next_due_at, sealed from posts")
        return [self._entry(*row).post_key for row in found if bytes(row[0]) not in held]

    def take_over(self, newer: "Vault") -> None:
        """Keep out whatever a newer vault of the same keys keeps out, and note what was going."""
        with self._transaction():
            for table, columns in _OF_REMOVALS.items():
                rows = newer._connection.execute(f"select {columns} from {table}")
                marks = ", ".join("?" * (columns.count(",") + 1))
                self._connection.executemany(
                    f"insert or replace into {table} ({columns}) values ({marks})", rows
                )

    def let_all_be_due(self, now: datetime) -> None:
        """Let every post be looked at by `now`."""
        with self._transaction():
            self._connection.execute(
                "update posts set next_due_at = ? where next_due_at > ?",
                (microseconds(now), microseconds(now)),
            )

    def count(self) -> int:
        """Count the posts the vault leads back to."""
        return int(self._connection.execute("select count(*) from posts").fetchone()[0])

    def count_held_suppressed(self, platform: Platform) -> int:
        """Count the posts that are held and were to stay out for good."""
        tokens = self._seals.staying_out(platform, "post", self.every_native_id(platform))
        return sum(1 for _ in self._select("token from suppressed", list(tokens.values())))

    def held_suppressed_accounts(self) -> set[str]:
        """Return the Bluesky accounts that were to stay out for good and of which posts are held.

        An at-uri spells out its author's DID; Reddit's ids tell of no account.
        """
        held = {name.split("/")[2] for name in self.every_native_id("bluesky")}
        tokens = self._seals.staying_out("bluesky", "author", held)
        barred = {
            bytes(token) for (token,) in self._select("token from suppressed", [*tokens.values()])
        }
        return {name for name, token in tokens.items() if token in barred}

    def _sealed_row(self, entry: VaultEntry) -> tuple[bytes, bytes, int, bytes]:
        token = self._seals.post(entry.post_key)
        value = orjson.dumps([entry.platform, entry.native_id, entry.post_key, entry.source])
        due = microseconds(entry.next_due_at)
        return token, self._seals.platform(entry.platform), due, self._seals.seal(value, token)

    def _entry(self, token: bytes, next_due_at: int, sealed: bytes) -> VaultEntry:
        platform, native_id, post_key, source = orjson.loads(self._seals.unseal(sealed, token))
        return VaultEntry(
            platform=cast(Platform, platform),
            native_id=native_id,
            post_key=post_key,
            source=source,
            next_due_at=EPOCH + next_due_at * MICROSECOND,
        )

    def _pending_row(self, removal: PendingRemoval) -> tuple[bytes, bytes]:
        """Write a removal down under a token of its own; the same one twice is one row."""
        value = orjson.dumps(list(astuple(removal)))
        token = self._seals.pending(value)
        return token, self._seals.seal(value, token)


@contextmanager
def open_vault(path: Path, keys: VaultKeys) -> Iterator[Vault]:
    """Open the vault, making it first where there is none; close it afterwards.

    Raises:
        VaultLocked: sealed with another key, tampered with, or no vault at all.
        BadInput: readable by others, or written by a newer program.
        StoreBusy: another process has kept it busy for a minute.
        WarehouseError: it cannot be read or written.
    """
    make_private(path)
    with sentences(path.name), closing(connect(path)) as connection:
        configure(connection)
        vault = Vault(connection, keys)
        vault.prepare(path.name)
        yield vault


def count_pending(path: Path) -> int:
    """Count the removals that were begun and not finished; this needs no key.

    Raises:
        VaultLocked: it is damaged, or no vault.
        StoreBusy: another process has kept it busy for a minute.
    """
    if not path.exists():
        return 0
    with sentences(path.name), closing(connect(path)) as connection:
        [(has_table,)] = connection.execute(
            "select count(*) from sqlite_master where name = 'pending'"
        )
        if not has_table:
            return 0
        return int(connection.execute("select count(*) from pending").fetchone()[0])
