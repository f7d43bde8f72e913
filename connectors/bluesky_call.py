"""Asking Bluesky's AppView: a client, and one call read raw.

The SDK's typed calls fail a whole page for one bad view, so answers are read as plain objects.
"""

import logging
import weakref
from collections.abc import Mapping
from typing import Any, Final

from atproto import Client
from atproto_client.models.base import ParamsModelBase

from connectors.bluesky_errors import refusal
from connectors.bluesky_requests import BudgetedRequest
from connectors.budget import Budget
from schema.errors import SourceUnavailable

__all__ = ["ask", "connect", "hush", "listed", "refusal"]

_NAMING: Final = ("/xrpc/", "did:", "did%3A")


class _NoAddresses(logging.Filter):
    """Drop lines that hold an address of the protocol's."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let pass what names no method and no account: other programs' requests."""
        line = record.getMessage()
        return not any(mark in line for mark in _NAMING)


_UNLOGGED: Final = _NoAddresses()


def connect(appview_url: str, budget: Budget | None = None, **settings: Any) -> Client:
    """Open a client of the public AppView: no login, 30 s for an answer, within `budget`.

    A login would move the client to the account's own server without a word. The client's
    connections close when nobody holds it any more. `settings` are `BudgetedRequest`'s.
    """
    hush()
    request = BudgetedRequest(budget=budget, **settings)
    client = Client(base_url=appview_url, request=request)
    weakref.finalize(client, request.close)
    return client


def hush() -> None:
    """Keep the HTTP library's own log from naming each account asked for."""
    logging.getLogger("httpx").addFilter(_UNLOGGED)


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


def _method(nsid: str) -> str:
    return nsid.rpartition(".")[2]
