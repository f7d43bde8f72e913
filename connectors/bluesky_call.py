"""Asking Bluesky's AppView: one call, read raw, and what its refusals mean.

The SDK retries nothing and its typed calls fail a whole page for one bad view, so answers are
read as plain objects.
"""

import logging
import re
import weakref
from collections.abc import Mapping
from typing import Any, Final

import httpx
from atproto import Client, Request, exceptions
from atproto_client.models.base import ParamsModelBase
from atproto_client.models.common import XrpcError

from schema.errors import CorpusError, SourceRefused, SourceUnavailable, UnexpectedFailure

TIMEOUT_SECONDS: Final = 30.0
_ERROR_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]{0,59}", re.ASCII)
_UNREACHABLE = (exceptions.NetworkError, httpx.TransportError, httpx.DecodingError)
_BUSY_STATUS = frozenset({408, 409, 413, 425, 429})


class _NoAddresses(logging.Filter):
    """Drop lines that hold an address of the protocol's."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let pass what names no method: other programs' requests."""
        return "/xrpc/" not in record.getMessage()


_UNLOGGED: Final = _NoAddresses()


def connect(appview_url: str) -> Client:
    """Open a client of the public AppView: no login, 30 s for an answer.

    The HTTP library's own log would name each account asked for: such lines are dropped.
    A login would move the client to the account's own server without a word. The client's
    connections close when nobody holds it any more.
    """
    logging.getLogger("httpx").addFilter(_UNLOGGED)
    request = Request(timeout=TIMEOUT_SECONDS)
    client = Client(base_url=appview_url, request=request)
    weakref.finalize(client, request.close)
    return client


def ask(client: Client, nsid: str, params: ParamsModelBase, *, source: str) -> Mapping[str, Any]:
    """Call one query and return its answer as a plain object.

    Raises:
        SourceRefused: the AppView says no.
        SourceUnavailable: rate limit, timeout, server error, or an answer that is no object.
    """
    try:
        content = client.invoke_query(nsid, params=params).content
    except Exception as error:  # httpx's and the JSON reader's errors come through as well
        raise refusal(error, source=source) from None  # its text may hold a URL or a name
    if not isinstance(content, Mapping):
        raise SourceUnavailable(f"{source}: Bluesky answered {_method(nsid)} with no JSON object")
    return content


def listed(content: Mapping[str, Any], key: str, *, source: str) -> list[Mapping[str, Any]]:
    """Take the objects of an answer's list.

    Raises:
        SourceUnavailable: the answer has no such list.
    """
    items = content.get(key)
    if not isinstance(items, list):
        raise SourceUnavailable(f"{source}: Bluesky answered without a list of {key}")
    return [item if isinstance(item, Mapping) else {"$type": "no object"} for item in items]


def refusal(error: Exception, *, source: str) -> CorpusError:
    """Tell what a later try may mend (rate limit, timeout, server error) from what it may not."""
    if isinstance(error, CorpusError):
        return error
    status, name = _told(error)
    what = " ".join(filter(None, (type(error).__name__, str(status or ""), name)))
    message = f"{source}: Bluesky answered {what}"
    if status is None:
        message = f"{source}: Bluesky cannot be reached ({what}): try again later"
    if isinstance(error, exceptions.RateLimitExceededError):
        return SourceUnavailable(message, retry_after_seconds=error.retry_after)
    if isinstance(error, exceptions.ModelError):  # a request of ours that the lexicon forbids
        return UnexpectedFailure(message)
    if status is None and isinstance(error, ValueError):
        return SourceUnavailable(f"{source}: Bluesky's answer is no valid JSON")
    is_busy = isinstance(error, _UNREACHABLE) or status in _BUSY_STATUS or (status or 0) >= 500
    kind = SourceUnavailable if is_busy else SourceRefused
    is_known = status is not None or isinstance(error, (*_UNREACHABLE, httpx.HTTPError))
    return kind(message) if is_known else UnexpectedFailure(message)


def _told(error: Exception) -> tuple[int | None, str]:
    """Take the status and the error's name; its message may name a person."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    content = getattr(response, "content", None)
    name = content.error if isinstance(content, XrpcError) else ""
    is_word = isinstance(name, str) and _ERROR_NAME.fullmatch(name)
    return status, name if is_word else ""


def _method(nsid: str) -> str:
    return nsid.rpartition(".")[2]
