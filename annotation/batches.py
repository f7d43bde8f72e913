"""Batches: how much is put before a coder at once, and when the next is.

At most one batch is open to a coder. The next comes once every unit of it is answered or skipped,
after a break, and not past the day's number. A batch holds units of one kind, so that disclosures
and hostile replies never stand in one, and so many intense ones at most, a batch and a day. It is
no larger than what the coder, at their own pace, codes in the hours that the day and week leave.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schema.vocabulary import UnitKind

BREAK = timedelta(minutes=10)
SITTING = timedelta(minutes=90)  # at work without a longer rest
REST = timedelta(minutes=30)
A_DAY, A_WEEK = timedelta(hours=4), timedelta(hours=12)  # at work, breaks included
UNIT_SECONDS = 60.0  # a unit takes, until the coder has shown their own pace


class Waiting(NamedTuple):
    """A unit that a coder is to code, not released yet."""

    unit_kind: UnitKind
    unit_key: int
    is_intense: bool
    is_sentinel: bool = False


class Released(NamedTuple):
    """A unit that was put before a coder, in which batch and when."""

    batch: int
    released_at: datetime
    is_intense: bool


@dataclass(frozen=True, slots=True)
class Pace:
    """The caps. `intense_share` is of a batch, and of a day's batches together."""

    batch: int
    intense_share: float
    daily_batches: int
    time_zone: str
    unit_seconds: float = UNIT_SECONDS  # that this coder takes for a unit

    @property
    def intense_a_batch(self) -> int:
        """How many intense units a batch may hold."""
        return int(self.batch * self.intense_share)


def why_not_yet(
    released: Sequence[Released],
    *,
    open_count: int,
    answers: Sequence[datetime],
    pace: Pace,
    now: datetime,
) -> str | None:
    """Say why a coder's next batch waits; None: it may come.

    `open`, `break`, `rest`; `day` and `week`: their number of batches or hours is full. `answers`
    says when the coder answered something, of any round.
    """
    if open_count:
        return "open"
    seen = sorted({*answers, *(one.released_at for one in released)}, reverse=True)
    if not released or not seen:
        return None
    if now - seen[0] < BREAK:
        return "break"
    today = _of_today(released, pace, now)
    if len({one.batch for one in today}) >= pace.daily_batches:
        return "day"
    least = timedelta(seconds=pace.unit_seconds)
    left = _hours_left(released, answers, pace, now)
    reasons = [name for name, time in left.items() if time < least]
    if now - seen[0] < REST and now - _sitting_began(seen) >= SITTING:
        reasons.append("rest")
    return reasons[0] if reasons else None


def next_batch(
    waiting: Sequence[Waiting],
    released: Sequence[Released],
    *,
    answers: Sequence[datetime] = (),
    pace: Pace,
    now: datetime,
) -> list[Waiting]:
    """Choose a coder's next batch: of the first kind that waits, in its order, under the caps."""
    time = min(_hours_left(released, answers, pace, now).values())
    size = min(pace.batch, int(time.total_seconds() / pace.unit_seconds))
    today = sum(one.is_intense for one in _of_today(released, pace, now))
    left = min(pace.intense_a_batch, pace.intense_a_batch * pace.daily_batches - today)
    for kind in dict.fromkeys(one.unit_kind for one in waiting):
        chosen: list[Waiting] = []
        intense = 0
        for one in waiting:
            fits = not one.is_intense or intense < left
            if one.unit_kind == kind and fits and len(chosen) < size:
                chosen.append(one)
                intense += one.is_intense
        if chosen:
            return chosen
    return []


def _hours_left(
    released: Sequence[Released], answers: Sequence[datetime], pace: Pace, now: datetime
) -> dict[str, timedelta]:
    """Tell what a day's and a week's hours leave, both as the study's time zone counts them."""
    here = now.astimezone(ZoneInfo(pace.time_zone))
    day = here.replace(hour=0, minute=0, second=0, microsecond=0)
    seen = sorted({*answers, *(one.released_at for one in released)})
    return {
        "day": A_DAY - _at_work(seen, since=day),
        "week": A_WEEK - _at_work(seen, since=day - timedelta(days=here.weekday())),
    }


def _at_work(seen: Sequence[datetime], *, since: datetime) -> timedelta:
    """Sum the time between signs of work, oldest first; a longer rest is none."""
    spans = (min(later - before, later - since) for before, later in pairwise(seen))
    return sum((one for one in spans if timedelta() < one < REST), timedelta())


def _of_today(released: Sequence[Released], pace: Pace, now: datetime) -> list[Released]:
    zone = ZoneInfo(pace.time_zone)
    today = now.astimezone(zone).date()
    return [one for one in released if one.released_at.astimezone(zone).date() == today]


def _sitting_began(seen: Sequence[datetime]) -> datetime:
    """Tell when the last row of signs of work began that no rest parts; newest first."""
    began = seen[0]
    for at in seen:
        if began - at >= REST:
            break
        began = at
    return began
