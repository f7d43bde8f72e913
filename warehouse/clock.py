"""UTC in and out: the store keeps instants without a zone, all of them UTC."""

from datetime import UTC, datetime

import polars as pl
import polars.selectors as cs


def naive(instant: datetime) -> datetime:
    """Return an aware instant as naive UTC.

    Raises:
        ValueError: the instant has no zone, so nobody can tell when it was.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant without a zone cannot be stored")
    return instant.astimezone(UTC).replace(tzinfo=None)


def strip_zones(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn a frame's UTC instants into naive ones."""
    return frame.with_columns(cs.datetime(time_zone="*").dt.replace_time_zone(None))


def add_zones(frame: pl.DataFrame) -> pl.DataFrame:
    """Turn a frame's naive instants into UTC ones."""
    return frame.with_columns(cs.datetime(time_zone=None).dt.replace_time_zone("UTC"))
