"""An AppView that answers what a test tells it, and the views it answers with."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from demo.serve import serving
from schema.pages import CollectionQuery, RawPage

SINCE: Final = datetime(2026, 1, 5, tzinfo=UTC)
NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
WRITER: Final = "did:plc:wr1terwr1terwr1terwr1ter"
OTHER: Final = "did:plc:0ther0ther0ther0ther0the"
HANDLE: Final = "moss-lantern.invented.example"
POSTS: Final = "app.bsky.feed.post"
DEFS: Final = "app.bsky.feed.defs"


@dataclass(frozen=True, slots=True)
class Ask:
    """One call: its method's last word, and its parameters."""

    method: str
    params: Mapping[str, list[str]]

    def one(self, name: str) -> str | None:
        values = self.params.get(name)
        return values[0] if values else None

    def number(self, name: str) -> int:
        return int(self.one(name) or 0)


Answer = Callable[[Ask], Any]


@dataclass(slots=True)
class ScriptedAppView:
    """Its address, and every call so far."""

    url: str
    asked: list[Ask] = field(default_factory=list)

    def count(self, method: str) -> int:
        return sum(ask.method == method for ask in self.asked)


@contextmanager
def scripted_appview(answer: Answer) -> Iterator[ScriptedAppView]:
    """Serve `answer`: a JSON body, or a whole `Response` for what is none."""
    asked: list[Ask] = []

    async def reply(request: Request) -> Response:
        params = {name: request.query_params.getlist(name) for name in request.query_params}
        ask = Ask(request.path_params["method"].rpartition(".")[2], params)
        asked.append(ask)
        body = answer(ask)
        if isinstance(body, Response):
            return body
        return Response(orjson.dumps(body), media_type="application/json")

    with serving(Starlette(routes=[Route("/xrpc/{method}", reply)])) as url:
        yield ScriptedAppView(url, asked)


def refused(status: int, name: str, **headers: str) -> Response:
    """Write an XRPC refusal whose message names a person, as real ones do."""
    body = {"error": name, "message": f"Profile not found: {HANDLE}"}
    return Response(orjson.dumps(body), status, headers, "application/json")


def uri(rkey: str, did: str = WRITER) -> str:
    """Write a post's at-uri."""
    return f"at://{did}/{POSTS}/{rkey}"


def iso(at: datetime) -> str:
    """Write a time as the AppView does."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def view(
    rkey: str, *, at: datetime = NOW, did: str = WRITER, record: Any = None, **more: Any
) -> dict[str, Any]:
    """Write a post view; `record` adds to or overrides its record's fields."""
    given = {"$type": POSTS, "text": f"note {rkey}", "createdAt": iso(at)}
    return {
        "uri": uri(rkey, did),
        "cid": "bafyinvented",
        "author": {"did": did, "handle": HANDLE, "displayName": "Moss L.", "labels": []},
        "record": given | (record or {}),
        "replyCount": 0,
        "repostCount": 1,
        "likeCount": 2,
        "quoteCount": 3,
        "indexedAt": iso(at),
        "labels": [],
    } | more


def entry(post: object, **more: Any) -> dict[str, Any]:
    """Write an entry of a feed."""
    return {"post": post} | more


def node(post: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """Write a node of a thread."""
    return {"$type": f"{DEFS}#threadViewPost", "post": post, "threadContext": {}} | more


def query(position: str | None = None, **more: Any) -> CollectionQuery:
    """Ask as the tests do, for the writer's feed unless told otherwise."""
    given: dict[str, Any] = {
        "source": "sky",
        "stream": "sky/0a",
        "venue": "network",
        "since": SINCE,
        "now": NOW,
    }
    return CollectionQuery(**given | {"actor": WRITER} | more, position=position)


def page(*items: Any) -> RawPage:
    """Put items on a page of the network."""
    return RawPage("bluesky", "sky", "sky/0a", "network", NOW, items)
