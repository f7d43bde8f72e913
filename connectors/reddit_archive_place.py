"""How far a dump was read, and what creation times that covers."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import Self

import polars as pl

from connectors.reddit_dump import Block
from connectors.reddit_parse import CLOCK_SLACK, REDDIT_BEGAN
from schema.pages import CollectionQuery, Coverage


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next line begins, in decompressed and in stored bytes, and what came before it.

    The dates are the earliest and latest believable ones so far, in Unix seconds.
    """

    line_at: int = 0
    file_at: int = 0
    is_end: bool = False
    first_created: float | None = None
    last_created: float | None = None
    has_comments: bool = False
    broken: str | None = None  # why nothing more of the file can be read

    @classmethod
    def read(cls, position: str | None) -> Self:
        """Read what `position` wrote; what cannot be read is the file's beginning."""
        try:
            told = json.loads(position or "")
            names = {one.name for one in fields(cls)} - {"broken"}  # younger than the others
            return cls(**{name: told[name] for name in names}, broken=told.get("broken"))
        except (ValueError, KeyError, TypeError):
            return cls()

    def position(self) -> str:
        """Write this place as a page carries it."""
        return json.dumps(asdict(self))

    def after(self, block: Block, rows: pl.DataFrame, now: datetime) -> Self:
        """Return the place behind a block whose lines, or some of them, are `rows`."""
        created = rows["created_utc"].filter(
            rows["created_utc"].is_between(
                REDDIT_BEGAN.timestamp(), (now + CLOCK_SLACK).timestamp()
            )
        )
        dates = [self.first_created, self.last_created, created.min(), created.max()]
        known = [float(date) for date in dates if isinstance(date, int | float)]
        return replace(
            self,
            line_at=block.line_at,
            file_at=block.file_at,
            is_end=block.is_end and block.broken is None,
            first_created=min(known, default=None),
            last_created=max(known, default=None),
            has_comments=self.has_comments or rows["link_id"].count() > 0,
            broken=block.broken,
        )

    def covered(
        self, query: CollectionQuery, subreddits: Sequence[str], *, is_picked: bool
    ) -> tuple[Coverage, ...]:
        """Say what a file read to its end covers: each venue's root posts where it held them all.

        Comments cover no venue, and neither does a reading that picks some posts out.
        """
        if not self.is_end or self.first_created is None or self.last_created is None:
            return ()
        start = max(datetime.fromtimestamp(self.first_created, UTC), query.since)
        end = min(datetime.fromtimestamp(self.last_created, UTC), query.until or query.now)
        if start >= end:
            return ()
        if is_picked or self.has_comments:
            return (Coverage(start, end),)
        return tuple(Coverage(start, end, venue=venue) for venue in subreddits or ("*",))
