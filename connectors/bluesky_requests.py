"""How the SDK sends a request: within the shared budget, and again where that may help.

The SDK repeats nothing. Readings (GET) are repeated as `bluesky_errors.RULES` says; a log-in never
is, since each one counts against the account. Source of the limits: bsky-docs, rate-limits: a PDS
takes 3,000 requests in 5 minutes from an address and tells so in `ratelimit-*` headers; the public
AppView states no number, so it is asked no faster, and its headers, where it sends any, are heeded.
Units: `ratelimit-reset` is in Unix seconds.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final

import httpx
from atproto import Request, exceptions
from atproto_client.request import _handle_response

from connectors.bluesky_errors import AnswerTooLong, rule_of, seconds_to_wait, status_of
from connectors.budget import Budget

REQUESTS: Final = 3_000
WINDOW_SECONDS: Final = 300.0
TIMEOUT_SECONDS: Final = 30.0
REPEAT_SECONDS: Final = (0.5, 2.0)  # before a second and a third try
SLOW_DOWN: Final = 429


class BudgetedRequest(Request):  # type: ignore[misc]  # the SDK has no types
    """Sends the SDK's requests when the budget has room, and counts them."""

    def __init__(
        self,
        *,
        budget: Budget | None = None,
        timeout: float = TIMEOUT_SECONDS,
        repeat_seconds: tuple[float, ...] = REPEAT_SECONDS,
    ) -> None:
        """Ask within `budget`; without one, at once, and a 429 is told."""
        super().__init__(timeout=timeout)
        self._budget = budget
        self._timeout = timeout
        self._repeat_seconds = repeat_seconds
        self._sent_count = 0
        self._told_count = 0

    def _new_instance(self) -> "BudgetedRequest":
        return BudgetedRequest(
            budget=self._budget, timeout=self._timeout, repeat_seconds=self._repeat_seconds
        )

    def take_count(self) -> int:
        """Tell how many requests went out since this was last asked."""
        count = self._sent_count - self._told_count
        self._told_count = self._sent_count
        return count

    def take_over(self, other: "BudgetedRequest") -> None:
        """Count what another client sent on the way here."""
        self._sent_count += other.take_count()

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """Read, again where the table says so.

        Raises:
            SourceUnavailable: the platform asks for a pause longer than its own window.
        """
        return self._again(lambda: super(BudgetedRequest, self).get(*args, **kwargs))

    def download(self, url: str, params: Mapping[str, str], *, bytes_max: int) -> bytes:
        """Read a body of at most so many bytes, of any kind.

        Raises:
            AnswerTooLong: it is longer; the rest was not read.
        """
        return bytes(self._again(lambda: self._download(url, params, bytes_max)))

    def _send_request(self, method: str, url: str, **kwargs: Any) -> Any:
        with self._booked():
            self._sent_count += 1
            try:
                response = super()._send_request(method, url, **kwargs)
            except exceptions.RequestErrorBase as error:
                self._heed_refusal(method, error)
                raise
        self._heed(method, response.headers)
        return response

    def _download(self, url: str, params: Mapping[str, str], bytes_max: int) -> bytearray:
        body = bytearray()
        with self._booked():
            self._sent_count += 1
            # where a stranger's server sends us is not asked
            with self._client.stream("GET", url, params=params, follow_redirects=False) as response:
                if not response.is_success:
                    response.read()
                    self._raise(response)
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > bytes_max:
                        raise AnswerTooLong
        self._heed("GET", response.headers)
        return body

    def _raise(self, response: httpx.Response) -> None:
        """Let the SDK tell what an answer refuses, and heed it."""
        try:
            _handle_response(response)
        except exceptions.RequestErrorBase as error:
            self._heed_refusal("GET", error)
            raise

    def _again(self, send: Callable[[], Any]) -> Any:
        """Send, and again after a pause, as often as the table says."""
        sent_count = 0
        while True:
            sent_count += 1
            try:
                return send()
            except Exception as error:
                if not self._is_worth_repeating(error, sent_count):
                    raise
                if status_of(error) != SLOW_DOWN:  # that pause is the budget's
                    pauses = self._repeat_seconds
                    time.sleep(pauses[min(sent_count, len(pauses)) - 1])

    def _is_worth_repeating(self, error: Exception, sent_count: int) -> bool:
        rule = rule_of(error)
        if rule is None or rule.outcome != "later":
            return False
        if status_of(error) == SLOW_DOWN:
            return self._budget is not None and sent_count < self._budget.tries
        return sent_count < rule.sent_count

    def _booked(self) -> AbstractContextManager[None]:
        return nullcontext() if self._budget is None else self._budget.booked()

    def _heed(self, method: str, headers: Mapping[str, str]) -> None:
        # a log-in has limits of its own, which say nothing of what may be read
        if self._budget is not None and method == "GET":
            self._budget.heed(_left(headers))

    def _heed_refusal(self, method: str, error: exceptions.RequestErrorBase) -> None:
        if self._budget is None or method != "GET" or error.response is None:
            return
        if error.response.status_code != SLOW_DOWN:
            self._heed(method, error.response.headers)
            return
        wait_seconds = seconds_to_wait(error)
        if wait_seconds is None and (left := _left(error.response.headers)) is not None:
            wait_seconds = left[1]
        self._budget.pause(wait_seconds)


def _left(headers: Mapping[str, str]) -> tuple[float, float] | None:
    """Read how many requests are left and for how many seconds; None where that is not told."""
    try:
        remaining = float(headers.get("ratelimit-remaining", ""))
        ends_at = float(headers.get("ratelimit-reset", ""))
    except ValueError:
        return None
    seconds = ends_at - time.time()
    is_usable = 0 <= remaining < float("inf") and 0 <= seconds <= WINDOW_SECONDS * 12
    return (remaining, seconds) if is_usable else None
