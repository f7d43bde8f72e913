"""The real atproto client against AppViews: the demo's, and one that does as it is told."""

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from atproto import Client
from starlette.responses import Response

from connectors.bluesky import (
    connect,
    fetch_author_pages,
    fetch_posts,
    fetch_profiles,
    fetch_threads,
    parse_page,
    refusal,
    resolve_actors,
)
from demo.bluesky_server import bluesky_app
from demo.community import SMALL, invent
from demo.faults import Fault, FaultKind, Faults
from demo.history import is_public, status
from demo.model import Community, Person
from demo.serve import serving
from schema.errors import (
    BadInput,
    CorpusError,
    SourceRefused,
    SourceUnavailable,
    UnexpectedFailure,
)
from schema.pages import Coverage, RawPage
from tests.support.appview_script import (
    DEFS,
    HANDLE,
    NOW,
    OTHER,
    SINCE,
    WRITER,
    Ask,
    entry,
    iso,
    node,
    query,
    refused,
    scripted_appview,
    uri,
    view,
)

HOUR = timedelta(hours=1)
FEED = "/xrpc/app.bsky.feed.getAuthorFeed"
AT_ONCE = (0.0,)
GET_POSTS = "/xrpc/app.bsky.feed.getPosts"


@pytest.fixture(scope="module")
def community() -> Community:
    return invent(3, size=SMALL)


@pytest.fixture(scope="module")
def faults() -> Faults:
    return Faults()


@pytest.fixture(scope="module")
def client(community: Community, faults: Faults) -> Iterator[Client]:
    with serving(bluesky_app(community, lambda: NOW, faults)) as url:
        yield connect(url, repeat_seconds=AT_ONCE)


def skyfolk(community: Community, state: str = "active") -> list[Person]:
    return [p for p in community.people if p.platform == "bluesky" and status(p, NOW) == state]


def readable(community: Community) -> set[str]:
    """List what a signed-out reader can see now."""
    return {
        post.native_id
        for post in community.posts
        if post.platform == "bluesky" and is_public(post, NOW) and not post.distortions
    }


def natives(pages: list[RawPage]) -> list[str]:
    return [native for page in pages for native in parse_page(page).posts["native_id"]]


def test_an_author_s_feed_holds_what_they_wrote_and_not_what_they_passed_on(
    community: Community, client: Client
) -> None:
    found: list[str] = []
    aside = 0
    for person in skyfolk(community):
        pages = list(fetch_author_pages(client, query(actor=person.native_id)))
        frames = [parse_page(page) for page in pages]
        assert all((frame.posts["author"] == person.native_id).all() for frame in frames)
        found += natives(pages)
        aside += sum(entry.count for frame in frames for entry in frame.set_aside)
    assert len(found) == len(set(found))
    assert set(found) <= readable(community)
    assert len(readable(community) - set(found)) == aside  # odd dates that the network accepts
    assert aside > 0


def test_handles_become_dids_and_nobody_s_are_left_out(
    community: Community, client: Client
) -> None:
    people = skyfolk(community)
    names = [f"@{people[0].name.upper()}", people[1].name, people[2].native_id]
    expected = dict(zip(names, [p.native_id for p in people[:3]], strict=True))
    gone = skyfolk(community, "deleted")[0].name
    strays = [gone, "nobody.invented.example", "no handle", "", "@"]
    assert resolve_actors(client, [*names, *strays]) == expected
    assert list(resolve_actors(client, names)) == names


def test_a_feed_may_be_asked_for_by_handle(community: Community, client: Client) -> None:
    person = skyfolk(community)[0]
    by_handle = list(fetch_author_pages(client, query(actor=person.name)))
    assert natives(by_handle) == natives(
        list(fetch_author_pages(client, query(actor=person.native_id)))
    )
    with pytest.raises(SourceRefused, match="knows no such account"):
        list(fetch_author_pages(client, query(actor="nobody.invented.example")))
    with pytest.raises(BadInput, match="needs an account"):
        list(fetch_author_pages(client, query(actor=None)))


def test_posts_come_by_the_25_and_what_is_gone_is_missing(
    community: Community, client: Client, faults: Faults
) -> None:
    everything = [post.native_id for post in community.posts if post.platform == "bluesky"]
    before = faults.requests[GET_POSTS]
    pages = list(fetch_posts(client, query(), [*everything, *everything]))
    assert faults.requests[GET_POSTS] - before == len(pages) == -(-len(everything) // 25)
    answered = {item["uri"] for page in pages for item in page.items}
    assert answered == readable(community)
    assert {gone for page in pages for gone in page.missing} == set(everything) - answered
    assert all(page.position is None and page.covered == () for page in pages)


def test_posts_named_by_handle_are_refused_before_they_cost_a_request(client: Client) -> None:
    by_handle = f"at://{HANDLE}/app.bsky.feed.post/k1"
    with pytest.raises(BadInput, match="1 of 2 addresses") as told:
        list(fetch_posts(client, query(), [uri("k1"), by_handle]))
    assert HANDLE not in str(told.value)
    with pytest.raises(BadInput, match="does not name a post by DID"):
        list(fetch_threads(client, query(), [by_handle], depth=1, parents=0))


def test_a_thread_is_read_whole_as_far_as_blocks_allow(
    community: Community, client: Client
) -> None:
    roots = [post for post in community.roots("bluesky") if post.native_id in readable(community)]
    pages = list(fetch_threads(client, query(), [r.native_id for r in roots], depth=20, parents=0))
    blocked = {frozenset(pair) for pair in community.blocks}
    expected: set[str] = set()
    level = roots
    while level:
        expected |= {post.native_id for post in level}
        level = [
            answer
            for post in level
            for answer in community.answers.get(post.native_id, ())
            if answer.native_id in readable(community)
            and frozenset((answer.author.native_id, post.author.native_id)) not in blocked
        ]
    assert {item["uri"] for page in pages for item in page.items} == expected
    assert len(pages) == len(roots)


def test_profiles_tell_who_wants_signed_in_readers_only(
    community: Community, client: Client
) -> None:
    people = skyfolk(community)
    profiles = fetch_profiles(client, [p.native_id for p in people], source="words")
    assert profiles.keys() == {person.native_id for person in people}
    hidden = [person.native_id for person in people if person.is_hidden_logged_out]
    assert hidden
    for did in hidden:
        assert profiles[did]["labels"]
        for page in fetch_author_pages(client, query(actor=did)):
            assert not parse_page(page).posts["is_visible_logged_out"].any()


@pytest.mark.parametrize(
    ("fault", "kind", "sent_count"),
    [
        (Fault("status", status=429, retry_after="7"), SourceUnavailable, 1),
        (Fault("status", status=500), SourceUnavailable, 3),
        (Fault("status", status=502), SourceUnavailable, 3),
        (Fault("status", status=503), SourceUnavailable, 3),
        (Fault("status", status=507), SourceUnavailable, 1),
        (Fault("status", status=401), SourceRefused, 1),
        (Fault("status", status=403), SourceRefused, 1),
        (Fault("status", status=404), SourceRefused, 1),
        (Fault("status", status=501), SourceRefused, 1),
        (Fault("truncated"), SourceUnavailable, 3),
        (Fault("not_json"), SourceUnavailable, 1),
        (Fault("reset"), SourceUnavailable, 3),
    ],
)
def test_a_failure_says_whether_a_later_try_may_help(
    community: Community,
    client: Client,
    faults: Faults,
    fault: Fault,
    kind: type[CorpusError],
    sent_count: int,
) -> None:
    before = faults.requests[FEED]
    faults.arm(fault, nth=before + 1, path=FEED, times=sent_count)
    person = skyfolk(community)[0]
    with pytest.raises(kind, match=r"^sky: ") as told:
        list(fetch_author_pages(client, query(actor=person.native_id)))
    assert person.native_id not in str(told.value)
    assert faults.requests[FEED] - before == sent_count
    wait = getattr(told.value, "retry_after_seconds", None)
    assert wait == (7.0 if fault.retry_after else None)


@pytest.mark.parametrize("kind", ["truncated", "reset"])
def test_a_reading_that_fails_once_is_repeated_and_counted(
    community: Community, client: Client, faults: Faults, kind: FaultKind
) -> None:
    client.request.take_count()
    before = faults.requests[FEED]
    faults.arm(Fault(kind), nth=before + 1, path=FEED)
    pages = list(fetch_author_pages(client, query(actor=skyfolk(community)[0].native_id)))
    sent = faults.requests[FEED] - before
    assert sum(page.requests_count for page in pages) == sent == len(pages) + 1


def test_a_server_that_never_answers_is_unavailable(community: Community, faults: Faults) -> None:
    person = skyfolk(community)[0]
    with serving(bluesky_app(community, lambda: NOW, slow := Faults())) as url:
        slow.arm(Fault("hang"), nth=1, times=2)
        impatient = connect(url, timeout=0.2, repeat_seconds=AT_ONCE)
        with pytest.raises(SourceUnavailable, match="InvokeTimeoutError"):
            list(fetch_author_pages(impatient, query(actor=person.native_id)))


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with serving(bluesky_app(invent(1, size=SMALL), lambda: NOW)) as url:
        pass
    with pytest.raises(SourceUnavailable, match="NetworkError"):
        list(fetch_posts(connect(url, repeat_seconds=AT_ONCE), query(), [uri("k1")]))


def test_a_closed_account_is_refused_by_its_error_s_name_alone() -> None:
    with (
        scripted_appview(lambda ask: refused(400, "AccountDeactivated")) as appview,
        pytest.raises(SourceRefused, match="AccountDeactivated") as told,
    ):
        list(fetch_author_pages(connect(appview.url), query()))
    assert HANDLE not in str(told.value)


def test_an_error_s_name_that_is_no_word_is_not_passed_on() -> None:
    with (
        scripted_appview(lambda ask: refused(400, f"no {HANDLE}")) as appview,
        pytest.raises(SourceRefused) as told,
    ):
        list(fetch_author_pages(connect(appview.url), query()))
    assert str(told.value) == "sky: Bluesky answered BadRequestError 400"


def test_the_client_s_own_log_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with scripted_appview(feed(notes(1))) as appview, caplog.at_level(logging.DEBUG):
        list(fetch_author_pages(connect(appview.url), query()))
        httpx.get(f"{appview.url}/elsewhere")
    told = [record.getMessage() for record in caplog.records if record.name.startswith("http")]
    assert not [line for line in told if WRITER in line]
    assert any("/elsewhere" in line for line in told)


def test_a_fault_of_ours_is_told_as_such() -> None:
    assert isinstance(refusal(KeyError(HANDLE), source="sky"), UnexpectedFailure)
    assert HANDLE not in str(refusal(KeyError(HANDLE), source="sky"))


@pytest.mark.parametrize("body", [[], {"feed": None}, {}, {"feed": {}}, "feed"])
def test_an_answer_of_the_wrong_shape_is_unavailable(body: Any) -> None:
    with (
        scripted_appview(lambda ask: body) as appview,
        pytest.raises(SourceUnavailable, match=r"^sky: "),
    ):
        list(fetch_author_pages(connect(appview.url), query()))


def feed(*pages: list[Any], last_cursor: str | None = None) -> Any:
    """Answer getAuthorFeed with these pages in turn; the cursor is the page's number."""

    def answer(ask: Ask) -> Any:
        number = int(ask.one("cursor") or 0)
        following = str(number + 1) if number + 1 < len(pages) else last_cursor
        return {"feed": pages[number]} | ({"cursor": following} if following else {})

    return answer


def notes(*hours: int) -> list[Any]:
    """Write entries so many hours before now."""
    return [entry(view(f"h{hour}", at=NOW - hour * HOUR)) for hour in hours]


def test_only_a_missing_cursor_ends_a_feed() -> None:
    with scripted_appview(feed(notes(1), [], notes(2), [])) as appview:
        pages = list(fetch_author_pages(connect(appview.url), query()))
    assert natives(pages) == [uri("h1"), uri("h2")]
    assert [page.position is None for page in pages] == [True, True, True, False]
    assert appview.asked[0].one("filter") == "posts_with_replies"
    assert appview.asked[0].one("includePins") == "false"


def test_pages_cover_the_feed_downwards_and_the_last_one_moves_the_watermark() -> None:
    with scripted_appview(feed(notes(1, 3), notes(5, 8), notes(9))) as appview:
        pages = list(fetch_author_pages(connect(appview.url), query()))
    assert [page.covered for page in pages] == [
        (Coverage(NOW - 3 * HOUR, NOW),),
        (Coverage(NOW - 8 * HOUR, NOW - 3 * HOUR),),
        (Coverage(SINCE, NOW - 8 * HOUR),),
    ]
    assert json.loads(pages[-1].position or "")["watermark"] == "2026-03-01T00:00:00.000000Z"


def test_the_next_pass_reads_back_to_a_day_before_the_last() -> None:
    answer = feed(notes(1), notes(20, 25), notes(26))
    with scripted_appview(answer) as appview:
        client = connect(appview.url)
        first = list(fetch_author_pages(client, query()))
        second = list(fetch_author_pages(client, query(first[-1].position)))
        assert [len(first), len(second)] == [3, 2]
        assert second[-1].covered == (Coverage(NOW - 24 * HOUR, NOW - HOUR),)
        longer = query(first[-1].position, since=SINCE - HOUR)
        assert len(list(fetch_author_pages(client, longer))) == 3  # the study begins earlier now


def test_a_stored_position_that_is_none_of_ours_is_a_fault_of_ours() -> None:
    with scripted_appview(feed(notes(1))) as appview:
        for stored in ("{", "[]", '{"watermark": "noon", "since": "noon"}'):
            with pytest.raises(UnexpectedFailure, match="position cannot be read"):
                list(fetch_author_pages(connect(appview.url), query(stored)))


def test_a_pass_ends_where_the_study_begins() -> None:
    ages = (1, int((NOW - SINCE) / HOUR) + 1)
    with scripted_appview(feed(notes(*ages), notes(9999))) as appview:
        pages = list(fetch_author_pages(connect(appview.url), query()))
    assert len(pages) == 1
    assert pages[0].covered == (Coverage(SINCE, NOW),)


def test_a_pin_or_a_date_before_the_platform_ends_no_pass() -> None:
    old = view("old", at=SINCE - HOUR)
    pin = entry(old, reason={"$type": f"{DEFS}#reasonPin"})
    odd = entry(view("odd", record={"createdAt": "1970-01-01T00:00:00Z"}))
    with scripted_appview(feed([pin, odd, *notes(1)], notes(2))) as appview:
        pages = list(fetch_author_pages(connect(appview.url), query()))
    assert natives(pages) == [uri("old"), uri("odd"), uri("h1"), uri("h2")]
    assert pages[0].covered == (Coverage(NOW - HOUR, NOW),)


def test_reposts_are_left_out_but_tell_how_far_the_feed_was_read() -> None:
    reason = {"$type": f"{DEFS}#reasonRepost", "by": {}, "indexedAt": iso(NOW - 6 * HOUR)}
    passed_on = entry(view("hers", did=OTHER, at=SINCE - HOUR), reason=reason)
    with scripted_appview(feed([*notes(1), passed_on], notes(7))) as appview:
        pages = list(fetch_author_pages(connect(appview.url), query()))
    assert natives(pages) == [uri("h1"), uri("h7")]
    assert pages[0].covered == (Coverage(NOW - 6 * HOUR, NOW),)


def test_a_cursor_that_goes_in_circles_ends_the_pass_without_a_new_position() -> None:
    with scripted_appview(feed(notes(1), notes(2), last_cursor="1")) as appview:
        pages: list[RawPage] = []
        with pytest.raises(SourceUnavailable, match="repeats a page's cursor"):
            pages.extend(fetch_author_pages(connect(appview.url), query()))
    assert natives(pages)[:2] == [uri("h1"), uri("h2")]
    assert {page.position for page in pages} == {None}


def test_one_bad_view_fails_no_page() -> None:
    bad = entry(view("bad") | {"author": None})
    with scripted_appview(feed([*notes(1), bad, entry("no view"), {}, 7, *notes(2)])) as appview:
        [page] = fetch_author_pages(connect(appview.url), query())
    found = parse_page(page)
    assert found.posts["native_id"].to_list() == [uri("h1"), uri("h2")]
    assert sum(aside.count for aside in found.set_aside) == 4


def chain(length: int, *, cut_at: int) -> Any:
    """Answer getPostThread from a line of replies, never deeper than `cut_at` levels."""

    def below(number: int, levels: int) -> dict[str, Any]:
        has_reply = number + 1 < length
        post = view(f"n{number}", replyCount=int(has_reply))
        if levels == 0:
            return node(post)
        return node(post, replies=[below(number + 1, levels - 1)] if has_reply else [])

    def answer(ask: Ask) -> Any:
        number = int((ask.one("uri") or "").rpartition("n")[2])
        return {"thread": below(number, min(ask.number("depth"), cut_at))}

    return answer


@pytest.mark.parametrize(("depth", "posts", "calls"), [(0, 1, 1), (2, 3, 1), (3, 4, 2), (99, 8, 4)])
def test_branches_that_are_cut_off_are_asked_for_again_down_to_the_depth(
    depth: int, posts: int, calls: int
) -> None:
    with scripted_appview(chain(8, cut_at=2)) as appview:
        client = connect(appview.url)
        [page] = fetch_threads(client, query(), [uri("n0")], depth=depth, parents=3)
    assert natives([page]) == [uri(f"n{number}") for number in range(posts)]
    assert (page.requests_count, page.position, page.covered) == (calls, None, ())
    assert [ask.number("parentHeight") for ask in appview.asked] == [3] + [0] * (calls - 1)


def test_replies_that_the_appview_hides_are_asked_for_once() -> None:
    with scripted_appview(lambda ask: {"thread": node(view("n0", replyCount=5))}) as appview:
        [page] = fetch_threads(connect(appview.url), query(), [uri("n0")], depth=9, parents=0)
    assert appview.count("getPostThread") == 1
    assert natives([page]) == [uri("n0")]


def test_what_a_thread_no_longer_shows_is_counted_and_what_is_gone_is_missing() -> None:
    gone = {"$type": f"{DEFS}#notFoundPost", "uri": uri("gone"), "notFound": True}
    blocked = {"$type": f"{DEFS}#blockedPost", "uri": uri("b", OTHER), "author": {"did": OTHER}}
    parent = node(view("p"), parent=gone)
    tree = node(view("n0"), parent=parent, replies=[node(view("n1"), replies=[]), blocked, "x", {}])
    with scripted_appview(lambda ask: {"thread": tree}) as appview:
        [page] = fetch_threads(connect(appview.url), query(), [uri("n0")], depth=9, parents=9)
    found = parse_page(page)
    assert set(found.posts["native_id"]) == {uri("p"), uri("n0"), uri("n1")}
    assert page.missing == (uri("gone"),)
    rules = {aside.rule: aside.count for aside in found.set_aside}
    assert rules["thread: post not found"] == rules["thread: post blocked"] == 1


def test_a_thread_whose_root_is_gone_is_a_page_that_says_so() -> None:
    def answer(ask: Ask) -> Any:
        is_gone = (ask.one("uri") or "").endswith("gone")
        return refused(400, "NotFound") if is_gone else {"thread": node(view("n0"), replies=[])}

    with scripted_appview(answer) as appview:
        client = connect(appview.url)
        pages = list(fetch_threads(client, query(), [uri("gone"), uri("n0")], depth=1, parents=0))
    assert [page.missing for page in pages] == [(uri("gone"),), ()]
    assert natives(pages) == [uri("n0")]


@pytest.mark.parametrize("answer", [refused(400, "BlockedActor"), {"thread": 7}, Response("x")])
def test_a_thread_that_cannot_be_read_says_why(answer: Any) -> None:
    with scripted_appview(lambda ask: answer) as appview, pytest.raises(CorpusError) as told:
        list(fetch_threads(connect(appview.url), query(), [uri("n0")], depth=1, parents=0))
    assert isinstance(
        told.value,
        SourceRefused
        if isinstance(answer, Response) and answer.status_code == 400
        else SourceUnavailable,
    )
    assert HANDLE not in str(told.value)
