"""How praw sends a request: within the shared budget, and again after the platform's 429.

prawcore repeats what a broken line or a 5xx answered, but never a 429; every repetition of
either kind passes here, so each is booked. Source: prawcore 4.0.0, sessions.py.
"""

from typing import Any, Final

import prawcore
from requests import Response

from connectors.budget import Budget

SLOW_DOWN: Final = 429
TIMEOUT_SECONDS = 16.0  # of silence; praw's own setting never reaches a request


class BudgetedRequestor(prawcore.Requestor):
    """Sends praw's requests when the budget has room."""

    def __init__(self, *, budget: Budget, **settings: Any) -> None:
        """Ask within `budget`."""
        super().__init__(**settings)
        self._budget = budget

    def request(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> Response:
        """Send one request, and again after each pause that the platform asks for.

        Raises:
            SourceUnavailable: the platform asks for a pause longer than its own window.
            prawcore.RequestException: no answer came.
        """
        del timeout  # prawcore's constant
        for _ in range(self._budget.tries):
            with self._budget.booked():
                response = super().request(*args, timeout=TIMEOUT_SECONDS, **kwargs)
            if response.status_code != SLOW_DOWN:
                self._budget.heed(_left(response))
                break
            self._budget.pause(seconds_of(response.headers.get("retry-after")))
        return response


def seconds_of(header: str | None) -> float | None:
    """Read a waiting time; None where it is a date, nonsense, more than a day, or not there."""
    try:
        seconds = float(header or "")
    except ValueError:
        return None
    return seconds if 0 <= seconds < 86_400 else None


def _left(response: Response) -> tuple[float, float] | None:
    remaining = seconds_of(response.headers.get("x-ratelimit-remaining"))
    reset = seconds_of(response.headers.get("x-ratelimit-reset"))
    return None if remaining is None or reset is None else (remaining, reset)
