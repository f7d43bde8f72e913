"""The demo's AppView and Jetstream: the atproto SDK takes every answer and every event."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from atproto import Client
from atproto_client.exceptions import BadRequestError
from atproto_jetstream.models import parse_frame, parse_subscribe_events_message
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from demo.bluesky_server import bluesky_app
from demo.community import invent
from demo.faults import Fault, Faults
from demo.history import counts, end, handle, is_public, status
from demo.ids import microseconds
from demo.model import Community, Person, Post
from demo.serve import serving

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUBSCRIBE = "/xrpc/network.bsky.jetstream.subscribeEvents"
POSTS = "collections=app.bsky.feed.post&kinds=commit&kinds=account&kinds=identity"
QUIET = 0.3
WIRE = httpx.Client()


@pytest.fixture(scope="module")
def community() -> Community:
    return invent(1)


@pytest.fixture(scope="module")
def url(community: Community) -> Iterator[str]:
    with serving(bluesky_app(community, lambda: NOW)) as base_url:
        yield base_url


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    sdk = Client(base_url=url)
    yield sdk
    sdk.request.close()


def xrpc(url: str, method: str, **params: Any) -> httpx.Response:
    return WIRE.get(f"{url}/xrpc/{method}", params=params)


@pytest.fixture(scope="module", autouse=True)
def _wire() -> Iterator[None]:
    yield
    WIRE.close()


def skyfolk(community: Community, state: str = "active") -> list[Person]:
    return [
        person
        for person in community.people
        if person.platform == "bluesky" and status(person, NOW) == state
    ]


def shown(community: Community) -> dict[str, Post]:
    return {
        post.native_id: post
        for post in community.posts
        if post.platform == "bluesky" and is_public(post, NOW) and not post.distortions
    }


def pages(url: str, actor: str, limit: int, **params: Any) -> Iterator[dict[str, Any]]:
    cursor: dict[str, str] = {}
    while True:
        page = xrpc(
            url, "app.bsky.feed.getAuthorFeed", actor=actor, limit=limit, **cursor, **params
        ).json()
        yield page
        if "cursor" not in page:
            return
        cursor = {"cursor": page["cursor"]}


def test_the_sdk_reads_every_author_s_feed_whole(community: Community, client: Client) -> None:
    found: set[str] = set()
    for person in skyfolk(community):
        cursor = None
        while True:
            page = client.app.bsky.feed.get_author_feed(
                {"actor": person.native_id, "limit": 4, "cursor": cursor}
            )
            found |= {item.post.uri for item in page.feed if item.reason is None}
            cursor = page.cursor
            if not cursor:
                break
    assert found == set(shown(community))


def test_a_feed_is_newest_first_and_may_hold_reposts_and_short_pages(
    community: Community, url: str
) -> None:
    reposts, short = 0, 0
    for person in skyfolk(community):
        sizes = []
        for page in pages(url, person.native_id, 3):
            sizes.append(len(page["feed"]))
            reposts += sum("reason" in item for item in page["feed"])
        short += any(size < 3 for size in sizes[:-1])
        [whole] = pages(url, person.native_id, 100, filter="posts_no_replies")
        own = [item["post"]["indexedAt"] for item in whole["feed"] if "reason" not in item]
        assert own == sorted(own, reverse=True)
        assert all("reply" not in item for item in whole["feed"])
    assert reposts > 0
    assert short > 0


def test_accounts_that_do_not_stand_are_refused_with_their_state(
    community: Community, url: str
) -> None:
    wanted = {
        "deleted": "InvalidRequest",
        "deactivated": "AccountDeactivated",
        "takendown": "AccountTakedown",
    }
    for state, error in wanted.items():
        for person in skyfolk(community, state):
            answer = xrpc(url, "app.bsky.feed.getAuthorFeed", actor=person.native_id)
            assert (answer.status_code, answer.json()["error"]) == (400, error)


def test_posts_leave_out_what_has_gone(community: Community, client: Client) -> None:
    uris = [post.native_id for post in community.posts if post.platform == "bluesky"]
    found: dict[str, Any] = {}
    for start in range(0, len(uris), 25):
        answer = client.app.bsky.feed.get_posts({"uris": uris[start : start + 25]})
        found |= {view.uri: view for view in answer.posts}
    assert set(found) == set(shown(community))
    for uri, post in shown(community).items():
        seen = counts(community, post, NOW)
        view = found[uri]
        assert (view.like_count, view.reply_count, view.quote_count) == (
            seen.likes,
            seen.replies,
            seen.quotes,
        )


@pytest.mark.parametrize(
    ("method", "params", "status_code", "error"),
    [
        ("app.bsky.feed.getPosts", {"uris": ["at://did:plc:x/a/b"] * 26}, 400, "InvalidRequest"),
        ("app.bsky.feed.getPosts", {"uris": ["at://a.test/a/b"]}, 500, "InternalServerError"),
        ("app.bsky.feed.getAuthorFeed", {}, 400, "InvalidRequest"),
        ("app.bsky.feed.getPostThread", {"uri": "at://did:plc:x/a/b"}, 400, "NotFound"),
        ("com.atproto.identity.resolveHandle", {"handle": "no.test"}, 400, "InvalidRequest"),
        ("app.bsky.feed.searchPostsV2", {}, 501, "MethodNotImplemented"),
        ("network.bsky.jetstream.getZstdDictionary", {}, 501, "MethodNotImplemented"),
    ],
)
def test_bad_questions_are_refused_as_by_the_real_server(
    url: str, method: str, params: dict[str, Any], status_code: int, error: str
) -> None:
    answer = xrpc(url, method, **params)
    assert (answer.status_code, answer.json()["error"]) == (status_code, error)


def test_a_limit_over_100_and_a_garbage_cursor_are_refused(community: Community, url: str) -> None:
    actor = skyfolk(community)[0].native_id
    method = "app.bsky.feed.getAuthorFeed"
    assert xrpc(url, method, actor=actor, limit=101).status_code == 400
    assert xrpc(url, method, actor=actor, cursor="garbage").status_code == 500


def test_a_thread_is_cut_at_its_depth_and_shows_its_parents(
    community: Community, client: Client
) -> None:
    everything = shown(community)
    root = max(
        (post for post in everything.values() if post.is_root),
        key=lambda post: counts(community, post, NOW).replies,
    )
    cut = client.app.bsky.feed.get_post_thread({"uri": root.native_id, "depth": 0}).thread
    assert cut.post.reply_count > 0
    assert cut.replies is None
    whole = client.app.bsky.feed.get_post_thread({"uri": root.native_id, "depth": 100}).thread
    found = set(below(whole))
    expected = {uri for uri, post in everything.items() if post.root_id == root.native_id}
    assert found <= expected
    leaf = max(found - {root.native_id}, key=lambda uri: everything[uri].created_at)
    up = client.app.bsky.feed.get_post_thread({"uri": leaf, "parentHeight": 1_000}).thread
    assert up.parent.post.uri == everything[leaf].parent_id


def below(thread: Any) -> Iterator[str]:
    yield thread.post.uri
    for reply in thread.replies or []:
        yield from below(reply)


def test_gone_and_blocked_parents_are_marked_and_blocked_replies_are_not(
    community: Community, url: str
) -> None:
    kinds: Counter[str] = Counter()
    pairs = {frozenset(pair) for pair in community.blocks}
    for uri, post in shown(community).items():
        if post.parent_id is None:
            continue
        thread = xrpc(url, "app.bsky.feed.getPostThread", uri=uri, depth=0).json()["thread"]
        parent = community.by_id[post.parent_id]
        kind = thread["parent"]["$type"].split("#")[1]
        kinds[kind] += 1
        if frozenset((post.author.native_id, parent.author.native_id)) in pairs:
            assert kind in ("blockedPost", "notFoundPost")
            if kind == "blockedPost":
                above = xrpc(url, "app.bsky.feed.getPostThread", uri=post.parent_id).json()
                replies = {reply["post"]["uri"] for reply in above["thread"]["replies"]}
                assert uri not in replies
    assert set(kinds) == {"threadViewPost", "notFoundPost", "blockedPost"}


def test_quotes_links_pictures_and_mentions_are_embedded(
    community: Community, client: Client
) -> None:
    everything = shown(community)
    embeds: Counter[str] = Counter()
    features: Counter[str] = Counter()
    for uri in everything:
        [view] = client.app.bsky.feed.get_posts({"uris": [uri]}).posts
        if view.embed is not None:
            embeds[view.embed.py_type] += 1
        for facet in view.record.facets or []:
            features[facet.features[0].py_type.split("#")[1]] += 1
            span = view.record.text.encode()[facet.index.byte_start : facet.index.byte_end]
            assert span.decode()[0] in "@#h"
    assert {name.split(".")[-1] for name in embeds} >= {"external#view", "images#view"}
    assert embeds["app.bsky.embed.record#view"] > 0
    assert features["mention"] > 0
    assert features["link"] > 0


def test_shy_authors_are_shown_signed_out_with_their_label(
    community: Community, client: Client
) -> None:
    shy = [person for person in skyfolk(community) if person.is_hidden_logged_out]
    assert shy
    for person in shy:
        profile = client.app.bsky.actor.get_profile({"actor": person.native_id})
        assert [label.val for label in profile.labels] == ["!no-unauthenticated"]
        feed = client.app.bsky.feed.get_author_feed({"actor": person.native_id}).feed
        own = [item for item in feed if item.reason is None]
        assert all(item.post.author.labels[0].src == person.native_id for item in own)


def test_an_old_handle_no_longer_resolves(community: Community, client: Client) -> None:
    [renamed] = [person for person in community.people if person.renamed_at]
    found = client.com.atproto.identity.resolve_handle({"handle": renamed.name})
    assert found.did == renamed.native_id
    with pytest.raises(BadRequestError):
        client.com.atproto.identity.resolve_handle({"handle": handle(renamed, community.since)})


def test_every_answer_tells_the_rate_limit(url: str) -> None:
    answer = xrpc(url, "com.atproto.server.describeServer")
    assert answer.headers["ratelimit-policy"] == "3000;w=300"
    assert int(answer.headers["ratelimit-remaining"]) < 3_000
    assert {"ratelimit-limit", "ratelimit-reset"} <= set(answer.headers)


def test_odd_dates_are_served_and_invalid_records_are_not(community: Community, url: str) -> None:
    claims = {post.claimed_at: post.native_id for post in community.posts if post.claimed_at}
    answer = xrpc(url, "app.bsky.feed.getPosts", uris=list(claims.values())).json()
    found = {view["record"]["createdAt"]: view["indexedAt"] for view in answer["posts"]}
    assert set(found) == set(claims)
    assert found["1970-01-01T00:00:00.000Z"] == "1970-01-01T00:00:00.000Z"
    assert found["2031-05-05T05:05:05.000Z"] < "2026-03-02"
    invalid = [
        post.native_id
        for post in community.posts
        if post.distortions and post.platform == "bluesky"
    ]
    assert xrpc(url, "app.bsky.feed.getPosts", uris=invalid).json() == {"posts": []}


@contextmanager
def listening(url: str, query: str) -> Iterator[ClientConnection]:
    address = f"{url.replace('http', 'ws')}{SUBSCRIBE}?{query}"
    with connect(address, subprotocols=["xrpc.v1.json"], compression=None) as socket:
        yield socket


def heard(socket: ClientConnection) -> list[dict[str, Any]]:
    """Listen until the stream is quiet."""
    frames: list[dict[str, Any]] = []
    while True:
        try:
            frames.append(json.loads(socket.recv(timeout=QUIET)))
        except TimeoutError:
            return frames


def replay(url: str, query: str) -> list[dict[str, Any]]:
    with listening(url, query) as socket:
        assert socket.subprotocol == "xrpc.v1.json"
        return [frame["payload"] for frame in heard(socket)]


def test_the_whole_history_is_replayed_and_the_sdk_takes_every_event(
    community: Community, url: str
) -> None:
    with listening(url, "cursor=1") as socket:
        frames = heard(socket)
    for frame in frames:
        parse_subscribe_events_message(parse_frame(json.dumps(frame)))
    events = [frame["payload"] for frame in frames]
    seqs = [event["seq"] for event in events]
    assert seqs == sorted(set(seqs))
    assert len(seqs) < seqs[-1] - seqs[0]  # gaps
    kinds = Counter(
        (event["$type"].split("#")[1], event.get("operation"), event.get("collection"))
        for event in events
    )
    post = "app.bsky.feed.post"
    left = {person.native_id for person in skyfolk(community, "deleted")}
    posted = [one for one in community.posts if one.kind == "post" and one.created_at <= NOW]
    assert kinds["commit", "create", post] == sum(
        one.author.native_id not in left for one in posted
    )
    assert kinds["commit", "update", post] > 0
    assert kinds["commit", "delete", post] == sum(
        bool((gone := end(one, NOW)) and gone.fate == "deleted_by_author") for one in posted
    )
    assert kinds["commit", "create", "app.bsky.feed.like"] > 1_000
    assert kinds["identity", None, None] == 1
    assert kinds["account", None, None] == 6
    assert not any(event["did"] in left for event in events if event["$type"].endswith("#commit"))


def test_malformed_records_travel_on_the_stream(community: Community, url: str) -> None:
    events = replay(url, f"cursor=1&{POSTS}")
    records = [event["record"] for event in events if "record" in event]
    assert sum(not isinstance(record.get("text"), str) for record in records) == 2
    assert sum(record.get("createdAt") in (None, "garbage") for record in records) == 2


def test_a_cursor_is_inclusive_and_the_same_after_a_restart(community: Community, url: str) -> None:
    events = replay(url, f"cursor=1&{POSTS}")
    middle = events[len(events) // 2]["seq"]
    with serving(bluesky_app(community, lambda: NOW)) as restarted:
        assert replay(restarted, f"cursor={middle}&{POSTS}") == events[len(events) // 2 :]


def test_a_cursor_may_be_a_time_in_microseconds(community: Community, url: str) -> None:
    since = NOW - timedelta(days=2)
    events = replay(url, f"cursor={microseconds(since)}&{POSTS}")
    assert events
    assert all(datetime.fromisoformat(event["witnessedAt"]) >= since for event in events)
    assert events == [
        event
        for event in replay(url, f"cursor=1&{POSTS}")
        if datetime.fromisoformat(event["witnessedAt"]) >= since
    ]


def test_filters_by_kind_author_and_collection_hold(community: Community, url: str) -> None:
    did = max(
        skyfolk(community), key=lambda one: len(community.by_author.get(one.native_id, ()))
    ).native_id
    events = replay(url, f"cursor=1&dids={did}")
    assert {event["did"] for event in events} == {did}
    events = replay(url, "cursor=1&kinds=account")
    assert {event["$type"].split("#")[1] for event in events} == {"account"}
    events = replay(url, "cursor=1&collections=app.bsky.actor.*&kinds=commit")
    assert {event["collection"] for event in events} == {"app.bsky.actor.profile"}


@pytest.mark.parametrize(
    "query",
    [
        "kinds=gossip",
        "wantedCollections=app.bsky.feed.post",
        "collections=app.bsky.feed.post&kinds=account",
        "cursor=yesterday",
        "zstdDictionary=1",
    ],
)
def test_bad_subscriptions_are_denied(url: str, query: str) -> None:
    with pytest.raises(InvalidStatus) as caught, listening(url, query):
        pass
    assert caught.value.response.status_code == 400


def test_a_cursor_below_the_floor_is_too_old(community: Community) -> None:
    faults = Faults()
    with serving(bluesky_app(community, lambda: NOW, faults)) as url:
        middle = replay(url, "cursor=1&kinds=account")[2]["seq"]
        faults.jetstream_floor = middle
        with pytest.raises(InvalidStatus) as caught, listening(url, f"cursor={middle - 1}"):
            pass
        body = json.loads(caught.value.response.body or b"{}")
        assert (caught.value.response.status_code, body["error"]) == (400, "CursorTooOld")
        assert replay(url, f"cursor={middle}&kinds=account")[0]["seq"] == middle
        early = microseconds(community.since)
        [info, first, *_] = replay(url, f"cursor={early}&kinds=account")
        assert (info["$type"].split("#")[1], info["name"]) == ("info", "OutdatedCursor")
        assert first["seq"] == middle


def test_a_cursor_from_the_future_begins_at_the_tip(url: str) -> None:
    [info] = replay(url, "cursor=999999999")
    assert info["name"] == "FutureCursor"
    assert replay(url, "") == []


def test_an_open_stream_sends_what_the_clock_reaches(community: Community) -> None:
    moments = [NOW]
    with (
        serving(bluesky_app(community, lambda: moments[-1])) as url,
        listening(url, POSTS) as socket,
    ):
        assert heard(socket) == []
        moments.append(NOW + timedelta(hours=8))
        events = [frame["payload"] for frame in heard(socket)]
    assert events
    assert all(NOW < datetime.fromisoformat(event["time"]) <= moments[-1] for event in events)


def test_a_stream_is_cut_or_ended_by_an_error_on_demand(community: Community) -> None:
    faults = Faults(drop_after=10)
    with serving(bluesky_app(community, lambda: NOW, faults)) as url:
        with listening(url, "cursor=1") as socket:
            frames = until_closed(socket)
        assert len(frames) <= 10
        faults.error_after = 5
        with listening(url, "cursor=1") as socket:
            frames = until_closed(socket)
        assert len(frames) == 6
        assert frames[-1]["error"] == "ConsumerTooSlow"
        assert len(replay(url, "cursor=1&kinds=account")) == 6


def until_closed(socket: ClientConnection) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    while True:
        try:
            frames.append(json.loads(socket.recv(timeout=5)))
        except ConnectionClosed:
            return frames


def test_a_consumer_that_talks_is_shown_the_door(url: str) -> None:
    with listening(url, POSTS) as socket:
        socket.send("hello")
        assert until_closed(socket) == []
        assert socket.close_code == 1008


def test_a_handshake_is_refused_on_demand(community: Community) -> None:
    faults = Faults()
    faults.arm(Fault("status", 429, retry_after="7"), nth=1, path=SUBSCRIBE)
    with serving(bluesky_app(community, lambda: NOW, faults)) as url:
        with pytest.raises(InvalidStatus) as caught, listening(url, POSTS):
            pass
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["retry-after"] == "7"
        assert replay(url, f"cursor=1&{POSTS}")


def test_a_server_that_stopped_no_longer_answers(community: Community) -> None:
    with serving(bluesky_app(community, lambda: NOW)) as url:
        assert xrpc(url, "com.atproto.server.describeServer").status_code == 200
    with pytest.raises(httpx.ConnectError):
        xrpc(url, "com.atproto.server.describeServer")
