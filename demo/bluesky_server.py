"""Bluesky's AppView over the invented community, for the real atproto client, and Jetstream.

What is served, signed out and as of `clock()`: getAuthorFeed, getPosts, getPostThread, getProfile,
getProfiles, resolveHandle, describeServer, and Jetstream v2's subscribeEvents (jetstream.py). Any
other method answers MethodNotImplemented, as the real server does.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from demo.bluesky_records import Records, indexed_at
from demo.bluesky_views import Views
from demo.faults import Faults, SpoiltApp
from demo.history import handle
from demo.ids import iso_milliseconds
from demo.jetstream import DICTIONARY, EventLog, Jetstream
from demo.jetstream import NSID as JETSTREAM
from demo.model import Community, Person, Post

WINDOW_SECONDS: Final = 300
REQUESTS: Final = 3_000
FILTERS: Final = (
    "posts_with_replies",
    "posts_no_replies",
    "posts_with_media",
    "posts_and_author_threads",
    "posts_with_video",
)


def bluesky_app(
    community: Community,
    clock: Callable[[], datetime],
    faults: Faults | None = None,
    *,
    speed: int = 1,
) -> ASGIApp:
    """Serve the community's Bluesky half as of `clock()`, spoilt by `faults`.

    `speed`: how many times as fast as ours its clock runs, and its rate window with it.
    """
    spoil = faults or Faults()
    records = Records(community)
    jetstream = Jetstream(EventLog(community, records), clock, spoil)
    view = _AppView(community, records, clock, spoil, _Window(WINDOW_SECONDS / speed))
    app = Starlette(
        routes=[
            WebSocketRoute(f"/xrpc/{JETSTREAM}", jetstream.serve),
            Route(f"/xrpc/{DICTIONARY}", jetstream.dictionary),
            Route("/xrpc/{method}", view.answer),
        ]
    )
    return SpoiltApp(app, spoil)


class XrpcError(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int, error: str, message: str) -> None:
        """Remember the answer."""
        super().__init__(error)
        self.status = status
        self.body = {"error": error, "message": message}


@dataclass(slots=True)
class _Window:
    """Requests in five minutes, told in the headers, refused beyond the limit."""

    seconds: float = WINDOW_SECONDS
    used: int = 0
    ends: int = 0

    def spend(self) -> dict[str, str]:
        """Count one request and give the headers."""
        if time.time() >= self.ends:
            self.used, self.ends = 0, int(time.time() + self.seconds)
        self.used += 1
        return {
            "ratelimit-limit": str(REQUESTS),
            "ratelimit-remaining": str(max(0, REQUESTS - self.used)),
            "ratelimit-reset": str(self.ends),
            "ratelimit-policy": f"{REQUESTS};w={WINDOW_SECONDS}",
        }


class _AppView:
    """The XRPC methods."""

    def __init__(
        self,
        community: Community,
        records: Records,
        clock: Callable[[], datetime],
        faults: Faults,
        window: _Window,
    ) -> None:
        self._community = community
        self._records = records
        self._clock = clock
        self._faults = faults
        self._window = window
        self._methods: dict[str, Callable[[QueryParams, Views], Any]] = {
            "app.bsky.feed.getAuthorFeed": self._author_feed,
            "app.bsky.feed.getPosts": self._posts,
            "app.bsky.feed.getPostThread": self._thread,
            "app.bsky.actor.getProfile": self._profile,
            "app.bsky.actor.getProfiles": self._profiles,
            "com.atproto.identity.resolveHandle": self._resolve,
            "com.atproto.server.describeServer": self._describe,
        }

    async def answer(self, request: Request) -> Response:
        """Answer one XRPC query."""
        headers = self._window.spend()
        try:
            if self._window.used > REQUESTS:
                self._faults.over_budget += 1
                headers["retry-after"] = str(max(1, self._window.ends - int(time.time())))
                raise XrpcError(429, "RateLimitExceeded", "Rate Limit Exceeded")
            method = self._methods.get(request.path_params["method"])
            if method is None:
                raise XrpcError(501, "MethodNotImplemented", "Method Not Implemented")
            views = Views(self._community, self._records, self._clock())
            body, status = method(request.query_params, views), 200
        except XrpcError as error:
            body, status = error.body, error.status
        return Response(
            orjson.dumps(body), status, headers, media_type="application/json; charset=utf-8"
        )

    def _author_feed(self, params: QueryParams, views: Views) -> Any:
        person = self._actor(_needed(params, "actor"), views)
        limit = _number(params, "limit", 50, least=1, most=100)
        wanted = params.get("filter", "posts_with_replies")
        if wanted not in FILTERS:
            raise XrpcError(400, "InvalidRequest", "Error: filter must be one of the known values")
        entries = self._entries(person, views, wanted)
        start = _after_cursor(entries, params.get("cursor"))
        page = entries[start : start + limit]
        body: dict[str, Any] = {
            "feed": [views.feed_item(post, by) for _, post, by in page if views.shows(post)]
        }
        if start + limit < len(entries):
            body["cursor"] = _cursor(page[-1])
        return body

    def _entries(self, person: Person, views: Views, wanted: str) -> list["_Entry"]:
        """List what an author's feed holds, newest first: own posts and reposts."""
        entries: list[_Entry] = [
            (indexed_at(post), post, None)
            for post in self._community.by_author.get(person.native_id, ())
            if views.indexes(post) and _passes(self._community, post, wanted)
        ]
        if wanted in ("posts_with_replies", "posts_no_replies"):
            entries += [
                (at, self._community.by_id[uri], (person, at))
                for did, uri, at in self._community.reposts
                if did == person.native_id and at <= views.now
            ]
        return sorted(entries, key=lambda entry: (entry[0], entry[1].native_id), reverse=True)

    def _posts(self, params: QueryParams, views: Views) -> Any:
        uris = params.getlist("uris")
        if not 1 <= len(uris) <= 25:
            raise XrpcError(400, "InvalidRequest", "Error: uris must have 1 to 25 items")
        if not all(uri.startswith("at://did:") for uri in uris):
            raise XrpcError(500, "InternalServerError", "Internal Server Error")
        found = [self._community.by_id.get(uri) for uri in dict.fromkeys(uris)]
        return {"posts": [views.post(post) for post in found if post and views.shows(post)]}

    def _thread(self, params: QueryParams, views: Views) -> Any:
        uri = _needed(params, "uri")
        depth = _number(params, "depth", 6, least=0, most=1_000)
        height = _number(params, "parentHeight", 80, least=0, most=1_000)
        post = self._community.by_id.get(uri)
        if post is None or not views.shows(post):
            raise XrpcError(400, "NotFound", f"Post not found: {uri}")
        return {"thread": views.thread(post, depth=depth, height=height)}

    def _profile(self, params: QueryParams, views: Views) -> Any:
        return views.profile(self._actor(_needed(params, "actor"), views))

    def _profiles(self, params: QueryParams, views: Views) -> Any:
        actors = params.getlist("actors")
        if not 1 <= len(actors) <= 25:
            raise XrpcError(400, "InvalidRequest", "Error: actors must have 1 to 25 items")
        people = [self._find(actor, views) for actor in dict.fromkeys(actors)]
        kept = [one for one in people if one is not None and not views.account_error(one)]
        return {"profiles": [views.profile(person) for person in kept]}

    def _resolve(self, params: QueryParams, views: Views) -> Any:
        person = self._find(_needed(params, "handle"), views)
        if person is None or views.account_error(person):
            raise XrpcError(400, "InvalidRequest", "Unable to resolve handle")
        return {"did": person.native_id}

    def _describe(self, params: QueryParams, views: Views) -> Any:
        return {
            "did": "did:web:api.bsky.app",
            "availableUserDomains": [],
            "inviteCodeRequired": False,
        }

    def _find(self, actor: str, views: Views) -> Person | None:
        """Find an account by DID or by the handle it has now."""
        if actor.startswith("did:"):
            return self._community.person(actor)
        for person in self._community.people:
            if person.platform == "bluesky" and handle(person, views.now) == actor.lower():
                return person
        return None

    def _actor(self, actor: str, views: Views) -> Person:
        person = self._find(actor, views)
        error = views.account_error(person)
        if person is None or error is not None:
            name, message = error or ("InvalidRequest", "Profile not found")
            raise XrpcError(400, name, message)
        return person


_Entry = tuple[datetime, Post, tuple[Person, datetime] | None]


def _cursor(entry: _Entry) -> str:
    return f"{iso_milliseconds(entry[0])}::{entry[1].native_id.rsplit('/', 1)[-1]}"


def _after_cursor(entries: list[_Entry], cursor: str | None) -> int:
    """Give the place after a cursor; the entry itself may have gone since."""
    if cursor is None:
        return 0
    at, separator, key = cursor.partition("::")
    if not separator or not at.endswith("Z"):
        raise XrpcError(500, "InternalServerError", "Internal Server Error")
    for place, entry in enumerate(entries):
        if (iso_milliseconds(entry[0]), entry[1].native_id.rsplit("/", 1)[-1]) < (at, key):
            return place
    return len(entries)


def _passes(community: Community, post: Post, wanted: str) -> bool:
    if wanted == "posts_no_replies":
        return post.is_root
    if wanted == "posts_with_media":
        return post.picture_alt is not None
    if wanted == "posts_with_video":
        return False
    if wanted == "posts_and_author_threads":
        root = community.by_id[post.root_id]
        return post.is_root or root.author == post.author
    return True


def _needed(params: QueryParams, name: str) -> str:
    value = params.get(name)
    if not value:
        raise XrpcError(400, "InvalidRequest", f'Error: Params must have the property "{name}"')
    return value


def _number(params: QueryParams, name: str, default: int, *, least: int, most: int) -> int:
    given = params.get(name)
    if given is None:
        return default
    if not given.isdigit() or not least <= int(given) <= most:
        raise XrpcError(400, "InvalidRequest", f"Error: {name} must be from {least} to {most}")
    return int(given)
