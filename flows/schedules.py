"""What of a study runs when: one pass per source, the refresh, the retention, the publishing.

A source says `every` or `cron`, in the study's time zone; its kind has a default. A stream is
followed all the time, unless it says when: then it is read in passes. What is read from files
has no schedule.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from schema.errors import StudyInvalid
from schema.sources import FILE_SOURCES, BlueskyStreamSource, Source
from schema.study import Study

FlowName = Literal["collect", "refresh", "retain", "publish"]
DEFAULT_EVERY: Final = {
    "reddit": "30m",
    "reddit_search": "6h",
    "reddit_user": "1h",
    "bluesky_author": "1h",
    "bluesky_feed": "1h",
    "bluesky_thread": "1h",
    "bluesky_search": "6h",
}
REFRESH_EVERY: Final = "15m"  # the first look is due an hour after a post
RETAIN_CRON: Final = "30 3 * * *"  # before the publication, which then has nothing too old
PUBLISH_CRON: Final = "0 4 * * *"
APART: Final = timedelta(minutes=10)  # a pass has a machine of two cores to itself, as a rule
UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class Planned:
    """A flow of the study's and when it runs: `every` or `cron`, never both.

    `offset`: sources of one interval begin one after the other, not all at once.
    """

    flow: FlowName
    name: str
    time_zone: str
    every: str | None = None
    cron: str | None = None
    offset: timedelta = timedelta()
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def when(self) -> str:
        """Say the schedule as the study does."""
        told = f"every {self.every}" if self.cron is None else f"cron {self.cron}"
        return f"{told} ({self.time_zone})"

    @property
    def interval(self) -> timedelta:
        """The length of `every`."""
        assert self.every is not None
        return length_of(self.every)

    @property
    def anchor(self) -> datetime:
        """An instant that the interval is counted from: a restart moves no turn."""
        midnight = datetime(2026, 1, 1, tzinfo=ZoneInfo(self.time_zone))
        return midnight + self.offset


def plan(study: Study) -> tuple[Planned, ...]:
    """Say what runs on a schedule, sources in the study's order."""
    zone = study.study.time_zone
    sources = [source for source in study.source if _has_turns(source)]
    passes = [
        _pass_over(source, number / len(sources), number, zone)
        for number, source in enumerate(sources)
    ]
    return (
        *passes,
        Planned("refresh", "refresh", zone, every=REFRESH_EVERY),
        Planned("retain", "retain", zone, cron=RETAIN_CRON),
        Planned("publish", "publish", zone, cron=PUBLISH_CRON),
    )


def followed(study: Study) -> tuple[str, ...]:
    """Name the streams that are followed all the time."""
    streams = (source for source in study.source if isinstance(source, BlueskyStreamSource))
    return tuple(stream.name for stream in streams if not _says_when(stream))


def next_turns(planned: Planned, now: datetime) -> tuple[datetime, datetime]:
    """Tell when its next two turns are, in the study's time zone.

    Raises:
        StudyInvalid: its cron is none, or has no turn to come.
    """
    # half a second, and only this asks for it
    from prefect.server.schemas.schedules import CronSchedule, IntervalSchedule  # noqa: PLC0415

    zone = ZoneInfo(planned.time_zone)
    after = (now + timedelta(microseconds=1)).astimezone(zone)
    given = {"timezone": planned.time_zone}
    try:
        schedule = (
            CronSchedule.model_validate({"cron": planned.cron, **given})
            if planned.cron is not None
            else IntervalSchedule.model_validate(
                {"interval": planned.interval, "anchor_date": planned.anchor, **given}
            )
        )
        # what its public twin awaits; the release is pinned
        turns = islice(schedule._get_dates_generator(n=2, start=after), 2)
        first, second = (datetime.fromtimestamp(turn.timestamp(), zone) for turn in turns)
    except Exception:  # pydantic's and the cron reader's own, which quote what they read
        raise StudyInvalid(
            f"source {planned.name}: cron {planned.cron!r} is no schedule: write minute, "
            'hour, day, month and weekday, like "*/15 * * * *"'
        ) from None
    return first, second


def last_turn(planned: Planned, now: datetime) -> datetime:
    """Tell when it was due last; where turns are uneven, about when."""
    first, second = next_turns(planned, now)
    return (first - (second - first)).astimezone(UTC)


def length_of(interval: str) -> timedelta:
    """Read an interval of the study's, such as `10m`."""
    return timedelta(**{UNITS[interval[-1]]: int(interval[:-1])})


def _pass_over(source: Source, share: float, number: int, zone: str) -> Planned:
    """Plan a source's passes: sources are spread over their interval, a while apart at most."""
    every = None if source.cron else source.every or DEFAULT_EVERY[source.kind]
    offset = timedelta() if every is None else length_of(every) * share
    return Planned(
        "collect",
        source.name,
        zone,
        every=every,
        cron=source.cron,
        offset=min(offset, number * APART),
        parameters={"sources": [source.name]},
    )


def _has_turns(source: Source) -> bool:
    if isinstance(source, FILE_SOURCES):
        return False
    return not isinstance(source, BlueskyStreamSource) or _says_when(source)


def _says_when(source: Source) -> bool:
    return source.every is not None or source.cron is not None
