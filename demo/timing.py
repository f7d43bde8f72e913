"""When things happen in the invented community."""

from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np

SINCE: Final = datetime(2026, 1, 5, tzinfo=UTC)
UNTIL: Final = datetime(2026, 3, 2, tzinfo=UTC)
HOUR_WEIGHTS: Final = np.array(
    [3, 2, 2, 1, 1, 1, 2, 3, 4, 4, 4, 5, 5, 4, 4, 4, 5, 6, 6, 7, 8, 8, 7, 5], dtype=float
)


def root_times(rng: np.random.Generator, count: int) -> list[datetime]:
    """Draw creation times over the window's eight weeks, more in the evening; sorted."""
    days = rng.integers(0, (UNTIL - SINCE).days, count)
    hours = rng.choice(24, size=count, p=HOUR_WEIGHTS / HOUR_WEIGHTS.sum())
    seconds = rng.integers(0, 3_600, count)
    return sorted(
        SINCE + timedelta(days=int(day), hours=int(hour), seconds=int(second))
        for day, hour, second in zip(days, hours, seconds, strict=True)
    )


def answer_time(rng: np.random.Generator, after: datetime) -> datetime:
    """Draw when something is answered: within minutes, mostly within the day, before `UNTIL`."""
    minutes = min(float(rng.lognormal(3.6, 1.4)), 4_000.0) + 0.5
    at = after + timedelta(seconds=round(minutes * 60))
    limit = UNTIL - timedelta(seconds=1)
    if at <= limit:
        return at
    return after + timedelta(seconds=max(1, int((limit - after).total_seconds() * rng.random())))


def split(rng: np.random.Generator, total: int, parts: int) -> list[int]:
    """Share out `total` answers among `parts` threads: many get few, a few get many."""
    weights = rng.pareto(1.3, parts) + 0.15
    shares = np.floor(np.minimum(weights / weights.sum(), 0.04) * total).astype(int)
    left = total - int(shares.sum())
    np.add.at(shares, rng.integers(0, parts, left), 1)
    return [int(share) for share in shares]
