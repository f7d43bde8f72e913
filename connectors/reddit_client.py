"""The praw client, kept from leaking and from being led astray, and its errors in our words.

praw authenticates, renews tokens and retries server errors; when it may ask, the shared budget
says. Its log lines spell out paths and ids, so they are replaced by a nameless one.
"""

import configparser
import logging
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

import praw
import prawcore
from praw.config import Config
from praw.exceptions import RedditAPIException

from connectors.budget import Budget
from connectors.reddit_requests import BudgetedRequestor, seconds_of
from schema.errors import CorpusError, SourceRefused, SourceUnavailable, UnexpectedFailure

_LOGGERS: Final = ("praw", "prawcore", "urllib3.connectionpool")
# Reddit's own words in the body of a 403 or 404; anything else it says is not repeated.
_REASONS: Final = {
    "private": "the subreddit is private: leave it out, or ask its moderators",
    "banned": "the subreddit is banned: remove the source",
    "quarantined": "the subreddit is quarantined: it may not be collected, remove the source",
    "quarantine": "the subreddit is quarantined: it may not be collected, remove the source",
    "gold_only": "the subreddit is for paying members only: remove the source",
}
_REFUSALS: Final[tuple[tuple[type[Exception], str], ...]] = (
    (prawcore.OAuthException, "Reddit does not accept the credentials: check the client id"),
    (prawcore.InvalidToken, "Reddit does not accept the credentials: check the client id"),
    (prawcore.InsufficientScope, "the credentials lack a scope this reading needs: extend them"),
    (prawcore.Redirect, "there is no such subreddit: check its spelling"),
    (prawcore.UnavailableForLegalReasons, "Reddit withholds this for legal reasons (HTTP 451)"),
)
_SLOW_DOWN: Final = "Reddit asks to slow down (HTTP 429)"
_UNREADABLE: Final = "Reddit's answer cannot be read: try again later"


@dataclass(frozen=True, slots=True)
class RedditCredentials:
    """As whom Reddit is asked, and where it answers. The secret never shows in a repr."""

    client_id: str
    client_secret: str = field(repr=False)
    user_agent: str
    url: str = "https://www.reddit.com"
    oauth_url: str = "https://oauth.reddit.com"


def connect(credentials: RedditCredentials, budget: Budget) -> praw.Reddit:
    """Make a read-only client that asks within `budget`; the first request fetches its token.

    Every setting is given here or comes from praw's own package: neither a praw.ini in the
    working directory or in the home directory nor a `praw_*` variable can redirect it.
    """
    _ignore_local_configuration()
    _hush()
    return praw.Reddit(
        "DEFAULT",
        requestor_class=BudgetedRequestor,
        requestor_kwargs={"budget": budget},
        client_id=credentials.client_id,
        client_secret=credentials.client_secret,
        user_agent=credentials.user_agent,
        reddit_url=credentials.url.rstrip("/"),
        oauth_url=credentials.oauth_url.rstrip("/"),
        username=None,
        password=None,
        refresh_token=None,
        redirect_uri=None,
        check_for_updates=False,
        check_for_async=False,  # a flow may run us from an event loop's worker thread
        ratelimit_seconds=5,
        timeout=16,
        window_size=600,
        comment_kind="t1",
        redditor_kind="t2",
        submission_kind="t3",
        message_kind="t4",
        subreddit_kind="t5",
        trophy_kind="t6",
    )


def refusal(error: Exception, *, source: str) -> CorpusError:
    """Tell what a later try may mend (rate limit, timeout, server error) from what it may not.

    The client lets KeyError, IndexError and ValueError through besides its own classes: an
    odd `www-authenticate`, a missing rate header. The sentence holds no word of the answer.
    """
    for kind_of_error, sentence in _REFUSALS:
        if isinstance(error, kind_of_error):
            return SourceRefused(f"{source}: {sentence}")
    match error:
        case CorpusError():
            told: CorpusError = error
        case RedditAPIException():
            told = _api_refusal(error, source)
        case prawcore.RequestException():
            kind = type(error.original_exception).__name__
            told = SourceUnavailable(
                f"{source}: Reddit cannot be reached ({kind}): try again later"
            )
        case prawcore.BadJSON():
            told = SourceUnavailable(f"{source}: {_UNREADABLE}")
        case prawcore.ResponseException():
            told = _response_refusal(error, source)
        case _:
            told = _untyped_refusal(error, source)
    return told


def reason_of(error: prawcore.ResponseException) -> str | None:
    """Return Reddit's `reason` for a refusal if it is one of the known words, else None."""
    try:
        body: Any = error.response.json()
    except ValueError:
        return None
    reason = body.get("reason") if isinstance(body, dict) else None
    return reason if isinstance(reason, str) and reason in _REASONS else None


def _api_refusal(error: RedditAPIException, source: str) -> CorpusError:
    if any(item.error_type == "RATELIMIT" for item in error.items):
        return SourceUnavailable(f"{source}: {_SLOW_DOWN}: try again later")
    return SourceRefused(f"{source}: Reddit refuses the request as it stands")


def _response_refusal(error: prawcore.ResponseException, source: str) -> CorpusError:
    status = error.response.status_code
    if status == 429:
        seconds = seconds_of(error.response.headers.get("retry-after"))
        later = "later" if seconds is None else f"in {seconds:g} seconds"
        return SourceUnavailable(
            f"{source}: {_SLOW_DOWN}: try again {later}", retry_after_seconds=seconds
        )
    if status >= 500 or status == 408:
        return SourceUnavailable(
            f"{source}: Reddit fails at its end (HTTP {status}): try again later"
        )
    if reason := reason_of(error):
        return SourceRefused(f"{source}: {_REASONS[reason]}")
    if status == 404:
        return SourceRefused(f"{source}: there is nothing there (HTTP 404): check the spelling")
    if type(error) is prawcore.ResponseException and status in (400, 401, 403):  # at the token
        return SourceRefused(f"{source}: {_REFUSALS[0][1]}")
    return SourceRefused(f"{source}: Reddit refuses (HTTP {status})")


def _untyped_refusal(error: Exception, source: str) -> CorpusError:
    if isinstance(error, KeyError) and str(error.args[0]).startswith("x-ratelimit"):
        return SourceUnavailable(f"{source}: {_UNREADABLE}")
    if isinstance(error, KeyError | IndexError):  # 400, 401 or 403 in a form praw does not know
        return SourceRefused(
            f"{source}: Reddit refuses without a reason: check credentials and venue"
        )
    if isinstance(error, ValueError):
        return SourceUnavailable(f"{source}: {_UNREADABLE}")
    return UnexpectedFailure(f"{source}: {type(error).__name__} while reading Reddit")


def _ignore_local_configuration() -> None:
    """Give praw its packaged defaults before it looks for a praw.ini in the working directory."""
    with Config.LOCK:
        if Config.CONFIG is None:
            packaged = configparser.ConfigParser(interpolation=None)
            packaged.read_string(files("praw").joinpath("praw.ini").read_text(encoding="utf-8"))
            Config.CONFIG = packaged


class _Nameless(logging.Filter):
    """Drop what tells requests apart and replace what warns by one nameless line."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let warnings through, without their path, query or answer."""
        record.msg, record.args = "A request failed and may be tried again", None
        record.exc_info = record.exc_text = record.stack_info = None
        return record.levelno >= logging.WARNING


def _hush() -> None:
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, _Nameless) for known in logger.filters):
            logger.addFilter(_Nameless())
