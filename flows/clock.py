"""The one clock. Tests and the demo set it; a real study cannot.

Everything that needs the time is handed it from here.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime

from schema.errors import PolicyRefused, StudyInvalid
from schema.study import Study

VARIABLE = "CONFIDE_NOW"


def now(study: Study, environment: Mapping[str, str] = os.environ) -> datetime:
    """Tell the time in UTC: the variable's where the study allows loopback, else the system's.

    Raises:
        PolicyRefused: the variable is set for a study of the real world.
        StudyInvalid: the variable holds no ISO 8601 instant.
    """
    text = environment.get(VARIABLE)
    if text is None:
        return datetime.now(UTC)
    if not study.policy.allow_loopback:
        raise PolicyRefused(
            f"{VARIABLE} is set, but study {study.study.name} does not allow loopback: unset it"
        )
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise StudyInvalid(
            f"{VARIABLE} is not an ISO instant: write it like 2026-03-20T12:00:00Z"
        ) from None
    return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
