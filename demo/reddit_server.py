"""Reddit's OAuth API over the invented community, for the real praw.

What is served: the token; a subreddit's listings (1,000 items back at most, pages of up to 100),
search, comments, about and rules; an account's listings and about; a submission with its comment
tree; morechildren; info. Answers are as of `clock()`. The rate headers tell of a window that began
before the server did, so that praw's own pacing does not slow a demonstration of some hundred
requests.
"""

import base64
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from demo import reddit_wire as wire
from demo.faults import Faults, SpoiltApp
from demo.history import end, exists, status
from demo.model import Community, Person, Post, Venue
from demo.reddit_listings import PAGE_CAP, Shelf, whole
from demo.reddit_tree import Cut, Tree

CLIENT_ID: Final = "demo-client"
CLIENT_SECRET: Final = "demo-secret"
ORDERS: Final = ("new", "hot", "top", "rising", "controversial", "best")
PAGES: Final = ("overview", "submitted", "comments")  # of an account
OPEN: Final = ("public", "nsfw")
SITE: Final = ("all", "popular")  # no subreddits: every open one


@dataclass(frozen=True, slots=True)
class RedditOptions:
    """How the server differs from the platform's own settings.

    `tree_limit`: comments shown at once (the platform: 500; less here, so that small threads need
    morechildren). `window_elapsed`: seconds of the rate window that are over when it starts.
    `keeps_removed`: listings keep the places of posts that went.
    """

    client_id: str = CLIENT_ID
    client_secret: str = CLIENT_SECRET
    token_seconds: int = 86_400
    requests_per_window: int = 1_000
    window_seconds: int = 600
    window_elapsed: float = 400.0
    tree_limit: int = 40
    tree_depth: int = 10
    keeps_removed: bool = False


def reddit_app(
    community: Community,
    clock: Callable[[], datetime],
    faults: Faults | None = None,
    options: RedditOptions | None = None,
) -> ASGIApp:
    """Serve the community's Reddit half as of `clock()`, spoilt by `faults`."""
    spoil = faults or Faults()
    api = _Api(community, clock, spoil, options or RedditOptions())
    return _without_slash(SpoiltApp(api.app(), spoil))


class Refusal(Exception):
    """An answer that is not 200: status, reason, and what belongs in its headers."""

    def __init__(self, status: int, message: str, **body: str) -> None:
        """Remember the answer."""
        super().__init__(status)
        self.status = status
        self.body = {**body, "message": message, "error": status}
        self.headers: dict[str, str] = {}


@dataclass(slots=True)
class _RateWindow:
    """Requests counted over a window, told in the headers, refused beyond the limit."""

    options: RedditOptions
    began: float = field(init=False)
    used: int = 0

    def __post_init__(self) -> None:
        self.began = time.monotonic() - self.options.window_elapsed

    def spend(self) -> bool:
        """Count one request; False when the window's budget is over."""
        now = time.monotonic()
        while now - self.began >= self.options.window_seconds:
            self.began += self.options.window_seconds
            self.used = 0
        self.used += 1
        return self.used <= self.options.requests_per_window

    def headers(self) -> dict[str, str]:
        """Tell what is left."""
        left = max(0, self.options.requests_per_window - self.used)
        reset = self.options.window_seconds - (time.monotonic() - self.began)
        return {
            "x-ratelimit-remaining": f"{left:.1f}",
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-reset": str(max(1, int(reset))),
        }


Answer = Callable[[Request, datetime], Awaitable[Any]]


class _Api:
    """The routes and what they need."""

    def __init__(
        self,
        community: Community,
        clock: Callable[[], datetime],
        faults: Faults,
        options: RedditOptions,
    ) -> None:
        self._community = community
        self._clock = clock
        self._faults = faults
        self._options = options
        self._rate = _RateWindow(options)
        self._tokens: dict[str, tuple[float, int]] = {}
        self._venues = {venue.name.lower(): venue for venue in community.venues}

    def app(self) -> Starlette:
        listings = "|".join(ORDERS)
        tree = self._guarded(self._comments)
        more = self._guarded(self._morechildren)
        return Starlette(
            routes=[
                Route("/api/v1/access_token", self._token, methods=["POST"]),
                Route("/api/info", self._guarded(self._info)),
                Route("/api/morechildren", more, methods=["GET", "POST"]),
                Route("/r/{sub}/about", self._guarded(self._about)),
                Route("/r/{sub}/about/rules", self._guarded(self._rules)),
                Route("/r/{sub}/comments", self._guarded(self._newest_comments)),
                Route("/r/{sub}/comments/{id}", tree),
                Route("/r/{sub}/comments/{id}/{slug}", tree),
                Route("/r/{sub}/comments/{id}/{slug}/{comment}", tree),
                Route("/comments/{id}", tree),
                Route("/comments/{id}/{slug}", tree),
                Route("/comments/{id}/{slug}/{comment}", tree),
                Route("/r/{sub}/search", self._guarded(self._search)),
                Route("/search", self._guarded(self._search)),
                Route("/user/{name}/about", self._guarded(self._account_about)),
                Route("/user/{name}", self._guarded(self._account)),
                Route("/user/{name}/{listing}", self._guarded(self._account)),
                Route("/r/{sub}", self._guarded(self._listing)),
                *(
                    Route(f"/r/{{sub}}/{order}", self._guarded(self._listing))
                    for order in listings.split("|")
                ),
            ]
        )

    async def _token(self, request: Request) -> Response:
        given = request.headers.get("authorization", "")
        wanted = f"{self._options.client_id}:{self._options.client_secret}".encode()
        if given != "Basic " + base64.b64encode(wanted).decode():
            refusal = Refusal(401, "Unauthorized")
            refusal.headers["www-authenticate"] = 'Basic realm="reddit"'
            return _json(refusal.body, refusal.status, refusal.headers)
        form = await _form(request)
        if form.get("grant_type") not in ("client_credentials", "password"):
            return _json({"error": "unsupported_grant_type"})
        token = secrets.token_urlsafe(24)
        lives_until = time.monotonic() + self._options.token_seconds
        self._tokens[token] = (lives_until, self._faults.revoked)
        return _json(
            {
                "access_token": token,
                "token_type": "bearer",
                "expires_in": self._options.token_seconds,
                "scope": "*",
            }
        )

    def _guarded(self, answer: Answer) -> Callable[[Request], Awaitable[Response]]:
        """Check token and budget, answer, and put the rate headers on."""

        async def guarded(request: Request) -> Response:
            try:
                self._check_token(request)
                if not self._rate.spend():
                    self._faults.over_budget += 1
                    raise Refusal(429, "Too Many Requests")
                body = await answer(request, self._clock())
            except Refusal as refusal:
                headers = {**self._rate.headers(), **refusal.headers}
                return _json(refusal.body, refusal.status, headers)
            if isinstance(body, Response):
                return body
            raw = request.query_params.get("raw_json") == "1"
            return _json(body if raw else wire.escaped(body), 200, self._rate.headers())

        return guarded

    def _check_token(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        lives_until, generation = self._tokens.get(token, (0.0, -1))
        is_current = generation == self._faults.revoked and time.monotonic() < lives_until
        if scheme.lower() != "bearer" or not is_current:
            refusal = Refusal(401, "Unauthorized")
            refusal.headers["www-authenticate"] = 'Bearer realm="reddit", error="invalid_token"'
            raise refusal

    def _venue(self, name: str) -> Venue | None:
        """Find a subreddit; None when there is none.

        Raises:
            Refusal: it is private, banned or quarantined.
        """
        venue = self._venues.get(name.lower())
        if venue is not None and venue.state in ("private", "quarantined"):
            raise Refusal(403, "Forbidden", reason=venue.state)
        if venue is not None and venue.state == "banned":
            raise Refusal(404, "Not Found", reason="banned")
        return venue

    def _open_venues(self, *, with_adult: bool = True) -> set[str]:
        states = OPEN if with_adult else OPEN[:1]
        return {venue.name for venue in self._venues.values() if venue.state in states}

    def _shelf(self, now: datetime) -> Shelf:
        return Shelf(self._community, now, self._options.keeps_removed)

    async def _listing(self, request: Request, now: datetime) -> Any:
        order = request.url.path.rstrip("/").rsplit("/", 1)[-1]
        if order not in ORDERS:
            order = "hot" if request.path_params["sub"] in SITE else "new"
        venues = self._named(request.path_params["sub"])
        if isinstance(venues, Response):
            return venues
        posts = self._shelf(now).submissions(venues, order, request.query_params.get("t"))
        return self._page(posts, request.query_params, now)

    def _named(self, names: str) -> set[str] | Response:
        """Find subreddits by their names, joined by `+`, or every open one."""
        if names.lower() in SITE:
            return self._open_venues()
        venues: set[str] = set()
        for name in names.split("+"):
            venue = self._venue(name)
            if venue is None:
                return _nowhere(name)
            venues.add(venue.name)
        return venues

    async def _search(self, request: Request, now: datetime) -> Any:
        params = request.query_params
        venues = self._named(request.path_params.get("sub", "all"))
        if isinstance(venues, Response):
            return venues
        if params.get("restrict_sr", "").lower() not in ("true", "on", "1"):
            venues = self._open_venues()
        if params.get("include_over_18", "").lower() not in ("true", "on", "1"):
            venues &= self._open_venues(with_adult=False)
        order = params.get("sort") or "relevance"
        posts = self._shelf(now).found(params.get("q", ""), venues, order, params.get("t"))
        answer = self._page(posts, params, now)
        answer["data"]["facets"] = {}
        return answer

    async def _account(self, request: Request, now: datetime) -> Any:
        person = self._person(request, now)
        listing = request.path_params.get("listing", PAGES[0])
        if listing not in PAGES:
            raise Refusal(404, "Not Found")
        order = request.query_params.get("sort") or "new"
        posts = self._shelf(now).written(person, listing, self._open_venues(), order)
        return self._page(posts, request.query_params, now, is_apart=True)

    async def _account_about(self, request: Request, now: datetime) -> Any:
        person = self._person(request, now, is_suspended_shown=True)
        return wire.thing("t2", wire.account(person, now))

    def _person(
        self, request: Request, now: datetime, *, is_suspended_shown: bool = False
    ) -> Person:
        """Find the account a path names.

        Raises:
            Refusal: there is none, it was deleted, or it is suspended.
        """
        person = self._community.person(request.path_params["name"])
        if person is None or person.platform != "reddit" or status(person, now) == "deleted":
            raise Refusal(404, "Not Found")
        if status(person, now) != "active" and not is_suspended_shown:
            raise Refusal(403, "Forbidden")
        return person

    async def _newest_comments(self, request: Request, now: datetime) -> Any:
        venue = self._venue(request.path_params["sub"])
        if venue is None:
            return _nowhere(request.path_params["sub"])
        posts = self._shelf(now).comments(venue.name)
        return self._page(posts, request.query_params, now, is_apart=True)

    def _page(
        self, posts: list[Post], params: Mapping[str, str], now: datetime, *, is_apart: bool = False
    ) -> dict[str, Any]:
        """Cut a page; comments that stand apart from their tree tell of their submission."""

        def show(post: Post) -> dict[str, Any]:
            thing = self._thing(post, now)
            if is_apart and post.kind == "comment":
                thing["data"] |= wire.about_its_submission(self._community, post, now)
            return thing

        again = self._faults.take_repeats()
        return self._shelf(now).page(posts, params, show, again=again)

    def _thing(self, post: Post, now: datetime) -> dict[str, Any]:
        if post.kind == "submission":
            return wire.thing("t3", wire.submission(self._community, post, now))
        return wire.thing("t1", wire.comment(self._community, post, now, depth=None))

    async def _comments(self, request: Request, now: datetime) -> Any:
        root = self._community.by_id.get(f"t3_{request.path_params['id']}")
        if root is None or not exists(root, now):
            raise Refusal(404, "Not Found")
        gone = end(root, now)
        if gone is not None and gone.fate == "not_found":
            raise Refusal(404, "Not Found")
        self._venue(root.venue)
        params = request.query_params
        cut = Cut(
            limit=whole(params.get("limit"), 200, most=self._options.tree_limit),
            depth=whole(params.get("depth"), 10, most=self._options.tree_depth),
            sort=params.get("sort") or "confidence",
        )
        tree = Tree(self._community, now)
        focus = self._community.by_id.get(f"t1_{request.path_params.get('comment')}")
        if focus is not None and tree.shows(focus):
            things = tree.forest([focus], cut, parent_id=str(focus.parent_id))
        else:
            parents = tree.children(root.native_id, cut.sort)
            things = tree.forest(parents, cut, parent_id=root.native_id)
        page = wire.submission(self._community, root, now, in_comments=True)
        return [wire.listing([wire.thing("t3", page)], dist=1), wire.listing(things)]

    async def _morechildren(self, request: Request, now: datetime) -> Any:
        is_posted = request.method == "POST"
        given = await _form(request) if is_posted else request.query_params
        wanted = [name for name in given.get("children", "").split(",") if name]
        root = self._community.by_id.get(given.get("link_id", ""))
        if root is None or not wanted:
            raise Refusal(400, "Bad Request", reason="BAD_REQUEST")
        cut = Cut(
            limit=PAGE_CAP,
            depth=whole(given.get("depth"), 10, most=self._options.tree_depth),
            sort=given.get("sort") or "confidence",
        )
        things = Tree(self._community, now).more(root, wanted, cut)
        return {"json": {"errors": [], "data": {"things": things}}}

    async def _info(self, request: Request, now: datetime) -> Any:
        names = [name for name in request.query_params.get("id", "").split(",") if name]
        if len(names) > PAGE_CAP:
            raise Refusal(400, "Bad Request", reason="TOO_LONG")
        found = [self._community.by_id.get(name) for name in dict.fromkeys(names)]
        posts = [post for post in found if post is not None and self._is_known(post, now)]
        return wire.listing([self._thing(post, now) for post in posts], dist=len(posts))

    def _is_known(self, post: Post, now: datetime) -> bool:
        """Whether info answers for a post at all."""
        gone = end(post, now)
        venue = wire.venue_of(self._community, post) if post.platform == "reddit" else None
        return (
            venue is not None
            and venue.state in OPEN
            and exists(post, now)
            and not (gone is not None and gone.fate == "not_found")
        )

    async def _about(self, request: Request, now: datetime) -> Any:
        venue = self._venue(request.path_params["sub"])
        if venue is None:
            return _nowhere(request.path_params["sub"])
        return wire.thing("t5", wire.subreddit(venue, now))

    async def _rules(self, request: Request, now: datetime) -> Any:
        venue = self._venue(request.path_params["sub"])
        if venue is None:
            return _nowhere(request.path_params["sub"])
        rules = [
            {
                "kind": "all",
                "short_name": rule,
                "description": rule,
                "description_html": wire.markdown(rule),
                "violation_reason": rule,
                "created_utc": 1_700_000_000.0,
                "priority": place,
            }
            for place, rule in enumerate(venue.rules)
        ]
        return {"rules": rules, "site_rules": [], "site_rules_flow": []}


def _nowhere(name: str) -> Response:
    """Send to the search for subreddits, as for a name that nobody took."""
    return RedirectResponse(f"/subreddits/search?q={name}", 302)


def _json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    kept = {"cache-control": "private, s-maxage=0, max-age=0, must-revalidate, no-store"}
    return Response(
        orjson.dumps(body),
        status,
        headers={**kept, **(headers or {})},
        media_type="application/json; charset=UTF-8",
    )


async def _form(request: Request) -> Mapping[str, str]:
    """Read a form; the last of repeated keys counts."""
    return dict(parse_qsl((await request.body()).decode()))


def _without_slash(app: ASGIApp) -> ASGIApp:
    """Answer `/comments/x/` as `/comments/x`, as Reddit does."""

    async def stripped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and len(scope["path"]) > 1:
            scope = {**scope, "path": scope["path"].rstrip("/")}
        await app(scope, receive, send)

    return stripped
