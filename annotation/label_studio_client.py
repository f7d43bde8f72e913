"""The client of a Label Studio server, and its refusals in our words.

Built for writing: it never repeats a request by itself, since the server repeats what it is
sent twice, and it waits long, since a request that a client gives up on is carried out all
the same.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import httpx
import orjson

from annotation.label_studio_login import LOOPBACK_HOSTS, page_session
from schema.errors import LabelStudioError

if TYPE_CHECKING:  # 70 MiB and seconds: every flow imports this module, few ask a server
    from label_studio_sdk import LabelStudio

T = TypeVar("T")

REQUEST_TIMEOUT_SECONDS = 600.0
READ_PAGE_SIZE = 200
UIDS_PER_QUERY = 150  # they stand in the address, which proxies cut


@dataclass(frozen=True, slots=True)
class Client:
    """An account on a Label Studio server."""

    url: str
    sdk: "LabelStudio" = field(repr=False)


def connect(url: str, token: str, *, timeout_seconds: float = REQUEST_TIMEOUT_SECONDS) -> Client:
    """Return a client for the account that `token` belongs to, of either kind of token.

    Raises:
        LabelStudioError: the server does not answer or does not know the token.
    """
    from label_studio_sdk import LabelStudio  # noqa: PLC0415 - see above

    with page_session(url):  # refuses an address in clear over a network
        is_local = urlsplit(url).hostname in LOOPBACK_HOSTS
    web = httpx.Client(
        timeout=timeout_seconds,
        follow_redirects=True,
        trust_env=not is_local,  # a proxy of the environment is no way to this machine
        limits=httpx.Limits(max_keepalive_connections=0),  # so nothing is left to be closed
    )
    sdk = LabelStudio(  # type: ignore[no-untyped-call]
        base_url=url, api_key=token, timeout=timeout_seconds, max_retries=0, httpx_client=web
    )
    client = Client(url, sdk)
    with asking("who we are"):
        sdk.users.whoami()
    return client


@contextmanager
def asking(what: str) -> Iterator[None]:
    """Turn what the client raises while asking for `what` into one sentence without values."""
    from label_studio_sdk.core.api_error import ApiError  # noqa: PLC0415 - see above

    try:
        yield
    except ApiError as error:
        hint = ": check the access token" if error.status_code in {401, 403} else ""
        raise LabelStudioError(
            f"Label Studio refused {what} (status {error.status_code}){hint}"
        ) from None
    except httpx.TimeoutException:
        raise LabelStudioError(
            f"Label Studio did not answer {what} in time: run the step again, nothing is doubled"
        ) from None
    except httpx.HTTPError as error:
        raise LabelStudioError(
            f"Label Studio does not answer {what} ({type(error).__name__}): is it running?"
        ) from None


def tasks_where(
    client: Client,
    project_id: int,
    conditions: Sequence[Mapping[str, Any]],
    *,
    with_annotations: bool,
) -> Iterator[Any]:
    """Yield a project's tasks that meet all conditions of its data manager, oldest first.

    Each page begins behind the last task's number, not at an offset: a task that is deleted
    meanwhile would shift the others past us.
    """
    narrow: dict[str, Any] = {
        "fields": "task_only",
        "include": "id,data,total_annotations,cancelled_annotations",
    }
    wide: dict[str, Any] = {"fields": "all"}
    last_id = 0
    while True:
        items = [*conditions, _after_id(last_id)]
        query = {"filters": {"conjunction": "and", "items": items}, "ordering": ["tasks:id"]}
        page: Any = client.sdk.tasks.list(
            project=project_id,
            query=orjson.dumps(query).decode(),
            page_size=READ_PAGE_SIZE,
            **(wide if with_annotations else narrow),
        ).items
        yield from page or ()
        if not page or len(page) < READ_PAGE_SIZE:
            return
        last_id = page[-1].id


def with_uids(uids: Sequence[str]) -> dict[str, Any]:
    """State the condition that a task carries one of `uids`."""
    return {
        "filter": "filter:tasks:data.post_uid",
        "operator": "in_list",
        "type": "List",
        "value": list(uids),
    }


def updated_after(instant: datetime) -> dict[str, Any]:
    """State the condition that a task or its annotations changed after `instant`."""
    return {
        "filter": "filter:tasks:updated_at",
        "operator": "greater",
        "type": "Datetime",
        "value": instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def _after_id(number: int) -> dict[str, Any]:
    return {
        "filter": "filter:tasks:id",
        "operator": "greater",
        "type": "Number",
        "value": number,
    }


def task_numbered(number: int) -> dict[str, Any]:
    """State the condition that a task has this number."""
    return {
        "filter": "filter:tasks:id",
        "operator": "equal",
        "type": "Number",
        "value": number,
    }


def server_time(client: Client) -> datetime:
    """Return the server's own time, in whole seconds.

    Raises:
        LabelStudioError: it does not answer, or without a date.
    """
    with page_session(client.url) as session:
        stated = session.get("/health").headers.get("Date")
    if stated is None:
        raise LabelStudioError("Label Studio's answers carry no date: let its proxy pass it on")
    return parsedate_to_datetime(stated).astimezone(UTC)


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield `items` in runs of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
