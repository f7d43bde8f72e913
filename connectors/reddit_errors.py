"""What can go wrong while Reddit is asked, in one table: refused, or worth another try.

praw has by then repeated what it repeats: `sent_count` says how often one request went out at
most. Another try is the whole pass, from its stored position: a flow makes two more
(`flows/passes.py`). Sources: praw 8.0.3, prawcore 4.0.0 (sessions.py, util.py, exceptions.py);
what they let through besides their own classes is listed by what it is. The sentences hold no
word of an answer but Reddit's own reasons.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import prawcore
from praw.exceptions import RedditAPIException

from connectors.reddit_requests import seconds_of
from schema.errors import CorpusError, SourceRefused, SourceUnavailable, UnexpectedFailure

# Reddit's own words in the body of a 403 or 404; anything else it says is not repeated.
REASONS: Final = {
    "private": "the subreddit is private: leave it out, or ask its moderators",
    "banned": "the subreddit is banned: remove the source",
    "quarantined": "the subreddit is quarantined: it may not be collected, remove the source",
    "quarantine": "the subreddit is quarantined: it may not be collected, remove the source",
    "gold_only": "the subreddit is for paying members only: remove the source",
}
REPEATED: Final = frozenset({408, 500, 502, 503, 504, 520, 522})  # by praw's client itself
_SLOW_DOWN: Final = "Reddit asks to slow down (HTTP 429)"
_CREDENTIALS: Final = "Reddit does not accept the credentials: check the client id"
_UNREADABLE: Final = "Reddit's answer cannot be read: try again later"
_FAILS: Final = "Reddit fails at its end (HTTP {status}): try again later"

Test = Callable[[Exception], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of failure: how it is known, how often it was sent, whether a later try may help.

    `{status}`, `{reason}`, `{later}` and `{kind}` in a sentence stand for the answer's HTTP
    status, our words for Reddit's reason, when to come back, and the class of a broken line.
    """

    name: str
    is_met: Test
    is_worth_another_try: bool
    sentence: str
    sent_count: int = 1


def reason_of(error: Exception) -> str | None:
    """Return Reddit's `reason` for a refusal if it is one of the known words, else None."""
    if not isinstance(error, prawcore.ResponseException):
        return None
    try:
        body: Any = error.response.json()
    except ValueError:
        return None
    reason = body.get("reason") if isinstance(body, dict) else None
    return reason if isinstance(reason, str) and reason in REASONS else None


def refusal(error: Exception, *, source: str) -> CorpusError:
    """Turn whatever the client raised into one of our sentences, by the first rule that is met.

    An error that no rule knows is a fault of ours. Our own errors pass as they are.
    """
    if isinstance(error, CorpusError):
        return error
    rule = next((rule for rule in RULES if rule.is_met(error)), None)
    if rule is None:
        return UnexpectedFailure(f"{source}: {type(error).__name__} while reading Reddit")
    seconds = _retry_after(error)
    told = rule.sentence.format(
        status=_status(error),
        reason=REASONS.get(reason_of(error) or "", ""),
        later="later" if seconds is None else f"in {seconds:g} seconds",
        kind=type(getattr(error, "original_exception", error)).__name__,
    )
    if rule.is_worth_another_try:
        return SourceUnavailable(f"{source}: {told}", retry_after_seconds=seconds)
    return SourceRefused(f"{source}: {told}")


def _of(*kinds: type[Exception]) -> Test:
    return lambda error: isinstance(error, kinds)


def _status(error: Exception) -> int | None:
    is_answer = isinstance(error, prawcore.ResponseException)
    return error.response.status_code if is_answer else None  # type: ignore[attr-defined]


def _with_status(*statuses: int) -> Test:
    return lambda error: _status(error) in statuses


def _retry_after(error: Exception) -> float | None:
    """Read when to come back; at the token a 429 is of the bare class."""
    if not isinstance(error, prawcore.ResponseException) or _status(error) != 429:
        return None
    return seconds_of(error.response.headers.get("retry-after"))


def _is_haste(error: Exception) -> bool:
    return isinstance(error, RedditAPIException) and any(
        item.error_type == "RATELIMIT" for item in error.items
    )


def _is_at_the_token(error: Exception) -> bool:
    """A token that is refused is of the bare class: listings have classes of their own."""
    return type(error) is prawcore.ResponseException and _status(error) in (400, 401, 403)


def _is_a_rate_header(error: Exception) -> bool:
    return isinstance(error, KeyError) and str(error.args[0]).startswith("x-ratelimit")


def _is_at_their_end(error: Exception) -> bool:
    status = _status(error)
    return status is not None and status >= 500


RULES: Final[tuple[Rule, ...]] = (
    Rule("credentials", _of(prawcore.OAuthException), False, _CREDENTIALS),
    Rule("token refused", _is_at_the_token, False, _CREDENTIALS),
    # its credentials were accepted a moment ago: they are not what is wrong
    Rule(
        "token rejected",
        _of(prawcore.InvalidToken),
        True,
        "Reddit does not accept the token it gave: try again later",
        3,
    ),
    Rule(
        "scope",
        _of(prawcore.InsufficientScope),
        False,
        "the credentials lack a scope this reading needs: extend them",
    ),
    Rule(
        "no such subreddit",
        _of(prawcore.Redirect),
        False,
        "there is no such subreddit: check its spelling",
    ),
    Rule(
        "legal",
        _of(prawcore.UnavailableForLegalReasons),
        False,
        "Reddit withholds this for legal reasons (HTTP 451)",
    ),
    Rule("too fast, in an answer", _is_haste, True, f"{_SLOW_DOWN}: try again later"),
    Rule(
        "request refused",
        _of(RedditAPIException),
        False,
        "Reddit refuses the request as it stands",
    ),
    Rule(
        "line broken or silent",
        _of(prawcore.RequestException),
        True,
        "Reddit cannot be reached ({kind}): try again later",
        3,
    ),
    Rule("no JSON", _of(prawcore.BadJSON), True, _UNREADABLE),
    # sent as often as the shared budget's `tries`
    Rule("too fast", _with_status(429), True, f"{_SLOW_DOWN}: try again {{later}}", 4),
    Rule("server error, repeated", _with_status(*REPEATED), True, _FAILS, 3),
    Rule("server error", _is_at_their_end, True, _FAILS),
    Rule("closed", lambda error: reason_of(error) is not None, False, "{reason}"),
    Rule(
        "not there",
        _with_status(404),
        False,
        "there is nothing there (HTTP 404): check the spelling",
    ),
    Rule("refused", _of(prawcore.ResponseException), False, "Reddit refuses (HTTP {status})"),
    Rule("rate header missing", _is_a_rate_header, True, _UNREADABLE),
    # a 400, 401 or 403 in a form that praw does not know (it asserts that a 400 names one field);
    # a 401 is sent three times
    Rule(
        "refused without a form",
        _of(KeyError, IndexError, AssertionError),
        False,
        "Reddit refuses without a reason: check credentials and venue",
        3,
    ),
    # a rate header that is no number, an HTTP date after a 429, an answer that is no listing
    Rule("unreadable", _of(ValueError), True, _UNREADABLE, 4),
)
