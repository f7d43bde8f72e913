"""Who must stay out: keyed hashes under a key of their own, one for each removed post or account.

Who stays out for a while, or for as long as somebody says so, has the hash of the cause beside it.
"""

from collections.abc import Iterable
from datetime import datetime

from connectors.vault_file import VaultFile, microseconds
from schema.vocabulary import Platform

KEPT_OUT_MAX = 1_000_000  # of those kept out for a while: about 80 MB; the oldest go first
NEVER = 2**62  # microseconds: no date comes near it


class StayingOut(VaultFile):
    """The part of an open vault that every route asks before it saves."""

    def suppressed(
        self, platform: Platform, native_ids: Iterable[str], authors: Iterable[str]
    ) -> tuple[set[str], set[str]]:
        """Tell which of these posts and which of these accounts must stay out, for whatever cause.

        One kept out for a while counts until its row goes: `keep_out` and `let_ended_in` see to it.
        """
        posts = self._seals.staying_out(platform, "post", native_ids)
        accounts = self._seals.staying_out(platform, "author", authors)
        tokens = list({*posts.values(), *accounts.values()})
        barred = {bytes(token) for (token,) in self._select("token from suppressed", tokens)}
        barred |= {bytes(token) for (token,) in self._select("token from kept_out", tokens)}
        return (
            {name for name, token in posts.items() if token in barred},
            {name for name, token in accounts.items() if token in barred},
        )

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
        tokens = sorted(self._seals.of_either(platform, native_ids, authors))
        why, end = self._seals.cause(cause), NEVER if until is None else microseconds(until)
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
                (KEPT_OUT_MAX, NEVER),
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
        why = self._seals.cause(cause)
        rows = [(token, why) for token in self._seals.of_either(platform, native_ids, authors)]
        with self._transaction():
            self._connection.executemany("delete from kept_out where token = ? and cause = ?", rows)

    def count_suppressed(self) -> int:
        """Count the posts and accounts that stay out for good."""
        return int(self._connection.execute("select count(*) from suppressed").fetchone()[0])

    def _drop_ended(self, now: datetime) -> None:
        self._connection.execute("delete from kept_out where ends_at <= ?", (microseconds(now),))
