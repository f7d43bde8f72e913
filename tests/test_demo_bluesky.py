"""The demo's AppView: the atproto SDK takes every answer."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from atproto import Client
from atproto_client.exceptions import BadRequestError

from demo.bluesky_server import bluesky_app
from demo.community import invent
from demo.history import counts, handle, is_public, status
from demo.model import Community, Person, Post
from demo.serve import serving

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
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
        ("network.bsky.jetstream.planSnapshot", {}, 501, "MethodNotImplemented"),
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


def test_a_server_that_stopped_no_longer_answers(community: Community) -> None:
    with serving(bluesky_app(community, lambda: NOW)) as url:
        assert xrpc(url, "com.atproto.server.describeServer").status_code == 200
    with pytest.raises(httpx.ConnectError):
        xrpc(url, "com.atproto.server.describeServer")
