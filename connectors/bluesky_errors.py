"""What can go wrong while Bluesky is asked, in one table: refused, or worth another try.

`sent_count` says how often one reading goes out at most; another try is the whole pass, from its
stored position: a flow makes two more (`flows/passes.py`). Sources: atproto 0.0.73 (request.py,
exceptions.py: it repeats nothing); what it lets through besides its own classes is httpx's and
the JSON reader's. The sentences hold no word of an answer but the name of its error.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

import httpx
from atproto import exceptions
from atproto_client.models.common import XrpcError

from schema.errors import CorpusError, SourceRefused, SourceUnavailable, UnexpectedFailure

Outcome = Literal["refused", "later", "ours"]
Test = Callable[[Exception], bool]

REPEATED: Final = frozenset({500, 502, 503, 504, 520, 522, 524})
BUSY: Final = frozenset({408, 409, 413, 425})
_ERROR_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9]{0,59}", re.ASCII)
_DAY_SECONDS: Final = 86_400.0


class AnswerTooLong(Exception):
    """An answer is longer than we read."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of failure: how it is known, what it comes to, how often a reading was sent.

    `{what}`, `{later}` in a sentence stand for the error's kind, status and name, and when to
    come back.
    """

    name: str
    is_met: Test
    outcome: Outcome
    sentence: str
    sent_count: int = 1


def rule_of(error: Exception) -> Rule | None:
    """Find the first rule that an error meets; None: it is a fault of ours."""
    return next((rule for rule in RULES if rule.is_met(error)), None)


def refusal(error: Exception, *, source: str) -> CorpusError:
    """Turn whatever the client raised into one of our sentences; our own errors pass."""
    if isinstance(error, CorpusError):
        return error
    rule = rule_of(error)
    if rule is None:
        return UnexpectedFailure(f"{source}: {type(error).__name__} while reading Bluesky")
    seconds = seconds_to_wait(error)
    words = (type(error).__name__, str(status_of(error) or ""), error_name(error))
    told = rule.sentence.format(
        what=" ".join(filter(None, words)),
        later="later" if seconds is None else f"in {seconds:g} seconds",
    )
    if rule.outcome == "later":
        return SourceUnavailable(f"{source}: {told}", retry_after_seconds=seconds)
    if rule.outcome == "refused":
        reason = error_name(error) or None
        return SourceRefused(f"{source}: {told}", status=status_of(error), reason=reason)
    return UnexpectedFailure(f"{source}: {told}")


def status_of(error: Exception) -> int | None:
    """Read the status of the answer that an error came with."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def error_name(error: Exception) -> str:
    """Read the protocol's name of an error; its message may name a person."""
    content = getattr(getattr(error, "response", None), "content", None)
    name = content.error if isinstance(content, XrpcError) else ""
    return name if isinstance(name, str) and _ERROR_NAME.fullmatch(name) else ""


def seconds_to_wait(error: Exception) -> float | None:
    """Read when to come back after a 429; None where no usable time is told."""
    if not isinstance(error, exceptions.RateLimitExceededError):
        return None
    seconds = error.retry_after
    return seconds if seconds is not None and seconds < _DAY_SECONDS else None


def _of(*kinds: type[Exception]) -> Test:
    return lambda error: isinstance(error, kinds)


def _is_silent(error: Exception) -> bool:
    return isinstance(error, (exceptions.InvokeTimeoutError, httpx.TimeoutException))


def _is_broken(error: Exception) -> bool:
    network = isinstance(error, exceptions.NetworkError) and status_of(error) is None
    return network or isinstance(error, httpx.TransportError)


def _with_status(statuses: frozenset[int]) -> Test:
    return lambda error: status_of(error) in statuses


def _is_at_their_end(error: Exception) -> bool:
    return (status_of(error) or 0) > 501


_ANSWERED: Final = "Bluesky answered {what}"
_UNREACHED: Final = "Bluesky cannot be reached ({what}): try again later"
_UNREADABLE: Final = "Bluesky's answer is no valid JSON: try again later"

RULES: Final[tuple[Rule, ...]] = (
    # sent as often as the shared budget's `tries`
    Rule(
        "too fast",
        _of(exceptions.RateLimitExceededError),
        "later",
        "Bluesky asks to slow down (HTTP 429): try again {later}",
        4,
    ),
    Rule("silent", _is_silent, "later", _UNREACHED, 2),
    Rule("line broken", _is_broken, "later", _UNREACHED, 3),
    Rule("server error, repeated", _with_status(REPEATED), "later", f"{_ANSWERED}: try later", 3),
    Rule("busy", _with_status(BUSY), "later", f"{_ANSWERED}: try later"),
    Rule("server error", _is_at_their_end, "later", f"{_ANSWERED}: try later"),
    # a request of ours that the lexicon forbids
    Rule("request of ours", _of(exceptions.ModelError), "ours", "{what} before Bluesky was asked"),
    # 400 with the name of what is wrong, 401, 403, 404, 501
    Rule("refused", lambda error: status_of(error) is not None, "refused", _ANSWERED),
    Rule(
        "too long",
        _of(AnswerTooLong),
        "refused",
        "Bluesky's answer is longer than Confide reads",
    ),
    Rule("unreadable", _of(ValueError, httpx.DecodingError), "later", _UNREADABLE, 3),
    Rule("redirected too often", _of(httpx.HTTPError), "refused", _ANSWERED),
)
