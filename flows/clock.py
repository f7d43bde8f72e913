"""The one clock. Tests, the demo and rehearsals set it; a real study cannot.

Everything that needs the time is handed it from here. The variable holds an instant, at which the
clock stands, or an instant, a speed and since when it runs (docs/adr/0029):
`2026-02-01T12:00:00Z x60 since 2026-11-27T08:00:00Z`.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from schema.errors import PolicyRefused, StudyInvalid
from schema.study import Study

VARIABLE = "CONFIDE_NOW"
_RUNNING: Final = re.compile(r"(\S+) x(\d{1,4}) since (\S+)")


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock that is set: it shows `start`, and runs `speed` times as fast `since` then."""

    start: datetime
    speed: int = 0
    since: datetime | None = None

    def __str__(self) -> str:
        """Write it as the variable holds it."""
        if self.since is None:
            return self.start.isoformat()
        return f"{self.start.isoformat()} x{self.speed} since {self.since.isoformat()}"

    def now(self) -> datetime:
        """Tell what it shows."""
        if self.since is None:
            return self.start
        return self.start + self.speed * (datetime.now(UTC) - self.since)


def now(study: Study, environment: Mapping[str, str] = os.environ) -> datetime:
    """Tell the time in UTC: the variable's where the study allows loopback, else the system's.

    Raises:
        PolicyRefused: the variable is set for a study of the real world.
        StudyInvalid: the variable holds no ISO 8601 instant.
    """
    found = _set_clock(study, environment)
    return datetime.now(UTC) if found is None else found.now()


def speed(study: Study, environment: Mapping[str, str] = os.environ) -> int:
    """Tell how many times as fast as the system's the clock runs; 1 where it stands.

    Raises:
        PolicyRefused, StudyInvalid: as `now`.
    """
    found = _set_clock(study, environment)
    return 1 if found is None else found.speed or 1


def _set_clock(study: Study, environment: Mapping[str, str]) -> Clock | None:
    text = environment.get(VARIABLE)
    if text is None:
        return None
    if not study.policy.allow_loopback:
        raise PolicyRefused(
            f"{VARIABLE} is set, but study {study.study.name} does not allow loopback: unset it"
        )
    try:
        return _read(text)
    except ValueError:
        raise StudyInvalid(
            f"{VARIABLE} is not an ISO instant: write it like 2026-03-20T12:00:00Z"
        ) from None


def _read(text: str) -> Clock:
    running = _RUNNING.fullmatch(text)
    if running is None:
        return Clock(_instant(text))
    start, speed, since = running.groups()
    return Clock(_instant(start), int(speed), _instant(since))


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
