"""The praw client, kept from leaking and from being led astray.

praw authenticates, renews tokens and retries server errors; when it may ask, the shared budget
says. Its log lines spell out paths and ids, so they are replaced by a nameless one.
"""

import configparser
import logging
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Final

import praw
from praw.config import Config

from connectors.budget import Budget
from connectors.reddit_requests import BudgetedRequestor

_LOGGERS: Final = ("praw", "prawcore", "urllib3.connectionpool")


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
