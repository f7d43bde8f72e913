"""One rate budget for everything that asks a platform under one client's name.

A platform counts a client's requests, whoever sends them: flows, threads, processes. Each books
its request here first, in a small SQLite file that holds instants and numbers alone, and waits
until there is room. A booking counts from when it was made until a whole window after its
answer came, so the platform sees no more than the limit in any window of its own, wherever that
window begins.

Units: seconds. Instants are the machine's own clock, which all processes share. Limits: another
machine under the same client name is known only by what the platform's headers tell.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from schema.errors import SourceUnavailable

FLIGHT_SECONDS: Final = 60.0  # a request of a killed process may still arrive for so long
LOCK_SECONDS: Final = 60.0
SAME_WINDOW_SECONDS: Final = 5.0  # two answers' ends of one window differ by rounding and by travel
LEAST_WAIT_SECONDS: Final = 0.005
LOOK_AGAIN_SECONDS: Final = 1.0  # an answer that came early makes room early
FIRST_PAUSE_SECONDS: Final = 2.0  # after a refusal that names no time; twice as long after the next
_SCHEMA: Final = """
create table if not exists booked (id integer primary key, counts_from real not null);
create index if not exists booked_counts_from on booked (counts_from);
create table if not exists told (
    only integer primary key check (only = 1),
    remaining real not null,
    ends_at real not null,
    paused_until real not null,
    refusals integer not null
);
insert or ignore into told values (1, 0, 0, 0, 0);
"""


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `limit` requests in any `window_seconds`, over all processes that share `path`.

    `tries`: how often one request is sent while the platform answers that we are too fast.
    """

    path: Path
    limit: int
    window_seconds: float = 600.0
    tries: int = 4

    @contextmanager
    def booked(self) -> Iterator[None]:
        """Wait for room, then count one request for as long as the platform may.

        Raises:
            SourceUnavailable: the platform asked for a pause longer than a window.
        """
        number = self._book()
        try:
            yield
        finally:
            with self._open() as told:
                told.execute(
                    "update booked set counts_from = ? where id = ?", (time.time(), number)
                )

    def wait_seconds(self) -> float:
        """Tell how long there is no room; nothing is booked."""
        with self._open() as told:
            return max(0.0, self._wait(told, time.time()))

    def heed(self, left: tuple[float, float] | None) -> None:
        """Take in an answer: how many requests are left and for how many seconds, where it says.

        Answers overtake each other, so within one window the smallest number stands.
        """
        with self._open() as told:
            told.execute("update told set refusals = 0 where refusals > 0")
            if left is not None:
                remaining, seconds = left
                ends_at = time.time() + min(seconds, self.window_seconds)
                told.execute(
                    "update told set ends_at = ?, remaining = "
                    "case when abs(ends_at - ?) <= ? then min(remaining, ?) else ? end",
                    (ends_at, ends_at, SAME_WINDOW_SECONDS, remaining, remaining),
                )

    def pause(self, seconds: float | None) -> float:
        """Let nobody ask for so long; None: as long as doubling says. Return the seconds."""
        with self._open() as told:
            [(refusals,)] = told.execute("select refusals from told")
            doubled = min(FIRST_PAUSE_SECONDS * 2**refusals, self.window_seconds)
            chosen = doubled if seconds is None else seconds
            told.execute(
                "update told set refusals = refusals + 1, paused_until = max(paused_until, ?)",
                (time.time() + chosen,),
            )
        return chosen

    def _book(self) -> int:
        while True:
            with self._open() as told:
                wait_seconds = self._wait(told, time.time())
                if wait_seconds <= 0:
                    return self._take(told, time.time())
            if wait_seconds > self.window_seconds + FLIGHT_SECONDS:
                raise SourceUnavailable(
                    f"the platform asks for a pause of {wait_seconds:.0f} seconds: "
                    "run again after it",
                    retry_after_seconds=wait_seconds,
                )
            time.sleep(min(max(wait_seconds, LEAST_WAIT_SECONDS), LOOK_AGAIN_SECONDS))

    def _wait(self, told: sqlite3.Connection, now: float) -> float:
        """Tell how long there is no room; none or less: there is room now."""
        told.execute("delete from booked where counts_from <= ?", (now - self.window_seconds,))
        # a clock that was set back must not lock everyone out for as long as it jumped
        latest = now + FLIGHT_SECONDS
        told.execute("update booked set counts_from = ? where counts_from > ?", (latest, latest))
        [(remaining, ends_at, paused_until)] = told.execute(
            "select remaining, ends_at, paused_until from told"
        )
        waits = [paused_until - now]
        if remaining < 1:
            waits.append(ends_at - now)
        leaving = told.execute(
            "select counts_from from booked order by counts_from desc limit 1 offset ?",
            (self.limit - 1,),
        ).fetchone()
        if leaving is not None:
            waits.append(leaving[0] + self.window_seconds - now)
        return float(max(waits))

    def _take(self, told: sqlite3.Connection, now: float) -> int:
        told.execute("update told set remaining = remaining - 1 where ends_at > ?", (now,))
        booked = told.execute(
            "insert into booked (counts_from) values (?)", (now + FLIGHT_SECONDS,)
        )
        return int(booked.lastrowid or 0)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction that no other process interleaves."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not self.path.exists():
            self.path.touch(mode=0o600)
        with closing(
            sqlite3.connect(self.path, timeout=LOCK_SECONDS, isolation_level=None)
        ) as told:
            # what a power cut loses is a count of requests, which the next answer's headers tell
            told.execute("pragma synchronous = off")
            told.execute("begin immediate")
            if not told.execute("select 1 from sqlite_master where name = 'told'").fetchone():
                for statement in _SCHEMA.split(";"):
                    told.execute(statement)
            yield told
            told.execute("commit")
