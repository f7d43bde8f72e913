"""When a stored post must be looked at again. Pure: the clock is handed in.

Units: hours after the post's creation for engagement, hours after the last look for removals.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

import polars as pl


def next_due(
    created_at: datetime,
    last_observed_at: datetime,
    *,
    refresh_hours: Iterable[float],
    recheck_hours: float,
) -> datetime:
    """Tell when a post is due: its next engagement mark, or the recheck, whichever is first.

    Marks stand at fixed ages of the post, so a late look does not shift the later ones. The
    recheck keeps the removal deadline once, and after, the marks are used up.

    Raises:
        ValueError: an instant has no time zone, or `recheck_hours` is not positive.
    """
    if created_at.tzinfo is None or last_observed_at.tzinfo is None:
        raise ValueError("a schedule needs instants with a time zone")
    if recheck_hours <= 0:
        raise ValueError(f"recheck_hours must be positive, not {recheck_hours}")
    recheck = last_observed_at + timedelta(hours=recheck_hours)
    marks = (created_at + timedelta(hours=hours) for hours in refresh_hours)
    return min((mark for mark in marks if last_observed_at < mark < recheck), default=recheck)


def next_due_of(
    created_at: pl.Expr,
    last_observed_at: pl.Expr,
    *,
    refresh_hours: Iterable[float],
    recheck_hours: float,
) -> pl.Expr:
    """Tell for a whole column what `next_due` tells for one post."""
    if recheck_hours <= 0:
        raise ValueError(f"recheck_hours must be positive, not {recheck_hours}")
    recheck = last_observed_at + timedelta(hours=recheck_hours)
    marks = (created_at + timedelta(hours=hours) for hours in refresh_hours)
    ahead = (pl.when((last_observed_at < mark) & (mark < recheck)).then(mark) for mark in marks)
    return pl.min_horizontal(*ahead, recheck)
