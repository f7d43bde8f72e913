"""The demo's loopback servers speak the platforms' wires: the real clients say so."""

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import praw
import prawcore
import pytest

from demo.community import invent
from demo.faults import Ask, Fault, Faults
from demo.history import counts, end, is_public
from demo.model import Community, Post
from demo.reddit_server import CLIENT_ID, CLIENT_SECRET, RedditOptions, reddit_app
from demo.serve import serving

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
VENUE = "HeavyPockets"


@pytest.fixture(scope="module")
def community() -> Community:
    return invent(1)


@contextmanager
def reddit_of(
    community: Community, faults: Faults | None = None, **options: Any
) -> Iterator[tuple[praw.Reddit, str]]:
    app = reddit_app(community, lambda: NOW, faults, RedditOptions(**options))
    with serving(app) as url:
        yield client(url), url


def client(url: str, *, secret: str = CLIENT_SECRET) -> praw.Reddit:
    return praw.Reddit(
        client_id=CLIENT_ID,
        client_secret=secret,
        user_agent="confide's own tests",
        reddit_url=url,
        oauth_url=url,
        check_for_updates=False,
    )


def raw(url: str, path: str, **params: Any) -> httpx.Response:
    """Ask without praw, with a token of one's own."""
    token = httpx.post(
        f"{url}/api/v1/access_token",
        auth=(CLIENT_ID, CLIENT_SECRET),
        data={"grant_type": "client_credentials"},
    ).json()["access_token"]
    headers = {"authorization": f"bearer {token}"}
    return httpx.get(url + path, params={"raw_json": 1} | params, headers=headers)


def listed(community: Community, venue: str = VENUE) -> list[Post]:
    posts = [
        post for post in community.roots("reddit") if post.venue == venue and is_public(post, NOW)
    ]
    return sorted(posts, key=lambda post: (post.created_at, post.native_id), reverse=True)


def test_praw_lists_a_venue_newest_first_and_whole(community: Community) -> None:
    faults = Faults()
    with reddit_of(community, faults) as (reddit, _):
        names = [item.name for item in reddit.subreddit(VENUE).new(limit=None)]
    assert names == [post.native_id for post in listed(community)]
    assert faults.requests[f"/r/{VENUE}/new"] == 2


def test_a_listing_ends_after_a_thousand_items(community: Community) -> None:
    pattern = listed(community)[0]
    extra = tuple(
        replace(
            pattern,
            native_id=f"t3_9{place:06d}",
            root_id=f"t3_9{place:06d}",
            created_at=pattern.created_at + timedelta(seconds=place),
        )
        for place in range(1_200)
    )
    with reddit_of(replace(community, posts=community.posts + extra)) as (reddit, _):
        names = [item.name for item in reddit.subreddit(VENUE).new(limit=None)]
    assert names == [post.native_id for post in reversed(extra[-1_000:])]


def test_pages_are_cut_after_and_before_an_anchor(community: Community) -> None:
    names = [post.native_id for post in listed(community)]
    with reddit_of(community) as (_, url):
        page = raw(url, f"/r/{VENUE}/new", limit=5, after=names[9]).json()["data"]
        assert [child["data"]["name"] for child in page["children"]] == names[10:15]
        assert page["after"] == names[14]
        assert page["dist"] == 5
        page = raw(url, f"/r/{VENUE}/new", limit=3, before=names[9]).json()["data"]
        assert [child["data"]["name"] for child in page["children"]] == names[6:9]
        page = raw(url, f"/r/{VENUE}/new", after="t3_0000000").json()["data"]
        assert page["children"] == []
        assert page["after"] is None


def test_praw_gathers_every_comment_of_every_tree(community: Community) -> None:
    faults = Faults()
    with reddit_of(community, faults) as (reddit, _):
        for root in listed(community):
            submission = reddit.submission(root.native_id[3:])
            submission.comments.replace_more(limit=None)
            found = {comment.name for comment in submission.comments.list()}
            standing = {
                post.native_id
                for post in community.posts
                if post.root_id == root.native_id and not post.is_root and is_public(post, NOW)
            }
            assert standing <= found
            assert submission.num_comments == len(standing)
            for name in found - standing:
                assert end(community.by_id[name], NOW)
    assert faults.requests["/api/morechildren"] > 0


def test_a_deep_thread_is_read_through_continue_stubs(community: Community) -> None:
    faults = Faults()
    with reddit_of(community, faults, tree_depth=3, tree_limit=5) as (reddit, _):
        roots = sorted(listed(community), key=lambda post: -counts(community, post, NOW).replies)
        for root in roots[:3]:
            submission = reddit.submission(root.native_id[3:])
            submission.comments.replace_more(limit=None)
            found = [comment.name for comment in submission.comments.list()]
            assert len(found) == len(set(found))
            assert len(found) >= submission.num_comments
    assert any("/_/" in path for path in faults.requests)


def test_info_answers_in_hundreds_and_leaves_out_what_vanished(community: Community) -> None:
    open_venues = {venue.name for venue in community.venues if venue.state in ("public", "nsfw")}
    posts = [post for post in community.posts if post.venue in open_venues]
    names = [post.native_id for post in posts if not post.distortions]
    faults = Faults()
    with reddit_of(community, faults) as (reddit, _):
        found = {item.name: item for item in reddit.info(fullnames=names)}
    gone = {post.native_id: end(post, NOW) for post in posts}
    vanished = {name for name in names if (fate := gone[name]) and fate.fate == "not_found"}
    future = {post.native_id for post in posts if post.created_at > NOW}
    assert set(names) - set(found) == vanished | (future & set(names))
    assert vanished
    assert faults.requests["/api/info"] == -(-len(names) // 100)
    for name, item in found.items():
        text = item.selftext if name.startswith("t3_") else item.body
        fate = gone[name]
        if fate is None:
            assert text == "" or not text.startswith("[")
        else:
            assert text == ("[deleted]" if fate.fate == "deleted_by_author" else "[removed]")
            assert (item.author is None) == (text == "[deleted]" or name.startswith("t1_"))


def test_a_deleted_account_leaves_its_posts_without_a_name(community: Community) -> None:
    leavers = {person.name for person in community.people if person.changes}
    names = [post.native_id for post in listed(community) if post.author.name in leavers]
    with reddit_of(community) as (_, url):
        children = raw(url, "/api/info", id=",".join(names)).json()["data"]["children"]
    assert len(children) == len(names) > 0
    for child in children:
        assert child["data"]["author"] == "[deleted]"
        assert "author_fullname" not in child["data"]
        assert child["data"]["selftext"] != "[deleted]"


def test_an_edit_shows_its_time_and_new_text(community: Community) -> None:
    post = next(post for post in listed(community) if len(post.wordings) > 1)
    app = reddit_app(community, lambda: moment)
    with serving(app) as url:
        moment = post.created_at + timedelta(seconds=1)
        before = raw(url, "/api/info", id=post.native_id).json()["data"]["children"][0]["data"]
        moment = post.wordings[1].at + timedelta(seconds=1)
        after = raw(url, "/api/info", id=post.native_id).json()["data"]["children"][0]["data"]
    assert (before["edited"], before["selftext"]) == (False, post.text)
    assert after["edited"] == float(int(post.wordings[1].at.timestamp()))
    assert after["selftext"] == post.wordings[1].text


@pytest.mark.parametrize(
    ("venue", "error", "reason"),
    [
        ("TheQuietRoom", prawcore.exceptions.Forbidden, "private"),
        ("ColdCellar", prawcore.exceptions.Forbidden, "quarantined"),
        ("LostLetters", prawcore.exceptions.NotFound, "banned"),
    ],
)
def test_closed_venues_refuse_with_their_reason(
    community: Community, venue: str, error: type[Exception], reason: str
) -> None:
    with reddit_of(community) as (reddit, _), pytest.raises(error) as caught:
        next(reddit.subreddit(venue).new())
    assert vars(caught.value)["response"].json()["reason"] == reason


def test_an_unknown_venue_redirects_to_the_search(community: Community) -> None:
    with reddit_of(community) as (reddit, _), pytest.raises(prawcore.exceptions.Redirect):
        next(reddit.subreddit("NobodyTookThis").new())


def test_adult_venues_say_so(community: Community) -> None:
    with reddit_of(community) as (reddit, _):
        assert all(item.over_18 for item in reddit.subreddit("AfterMidnight").new())
        assert not reddit.subreddit(VENUE).over18
        assert [rule.short_name for rule in reddit.subreddit(VENUE).rules]


def test_a_wrong_secret_is_refused(community: Community) -> None:
    with reddit_of(community) as (_, url):
        stranger = client(url, secret="wrong")
        with pytest.raises(prawcore.exceptions.ResponseException) as caught:
            next(stranger.subreddit(VENUE).new())
    assert caught.value.response.status_code == 401


def test_praw_renews_a_token_that_was_revoked(community: Community) -> None:
    faults = Faults()
    with reddit_of(community, faults) as (reddit, _):
        next(reddit.subreddit(VENUE).new())
        faults.revoke_tokens()
        next(reddit.subreddit(VENUE).new())
    assert faults.requests["/api/v1/access_token"] == 2


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("status", 429, retry_after="4"), prawcore.exceptions.TooManyRequests),
        (Fault("status", 429), prawcore.exceptions.TooManyRequests),
        (Fault("not_json"), prawcore.exceptions.BadJSON),
        (Fault("truncated"), prawcore.exceptions.BadJSON),
    ],
)
def test_a_fault_in_the_middle_of_a_listing_reaches_praw(
    community: Community, fault: Fault, error: type[Exception]
) -> None:
    faults = Faults()
    faults.arm(fault, nth=2, path=f"/r/{VENUE}/new")
    with reddit_of(community, faults) as (reddit, _):
        listing = reddit.subreddit(VENUE).new(limit=None)
        first = [next(listing).name for _ in range(100)]
        with pytest.raises(error) as caught:
            next(listing)
    assert len(first) == 100
    if fault.status == 429:
        assert vars(caught.value)["response"].headers.get("retry-after") == fault.retry_after


@pytest.mark.parametrize("fault", [Fault("status", 503), Fault("reset")])
def test_praw_gets_over_one_server_error_or_cut_line(community: Community, fault: Fault) -> None:
    faults = Faults()
    faults.arm(fault, nth=1, path=f"/r/{VENUE}/new")
    with reddit_of(community, faults) as (reddit, _):
        assert next(reddit.subreddit(VENUE).new(limit=1)).name == listed(community)[0].native_id
    assert faults.requests[f"/r/{VENUE}/new"] == 2


def test_a_hanging_answer_runs_into_the_client_s_own_limit(community: Community) -> None:
    faults = Faults()
    faults.arm(Fault("hang"), nth=1)
    with (
        serving(reddit_app(community, lambda: NOW, faults)) as url,
        pytest.raises(httpx.ReadTimeout),
    ):
        httpx.get(f"{url}/r/{VENUE}/new", timeout=0.2)


def test_each_request_is_told_before_it_is_answered(community: Community) -> None:
    asks: list[Ask] = []
    with reddit_of(community, Faults(on_request=asks.append)) as (reddit, _):
        next(reddit.subreddit(VENUE).new())
    assert [(ask.number, ask.method, ask.path) for ask in asks] == [
        (1, "POST", "/api/v1/access_token"),
        (2, "GET", f"/r/{VENUE}/new"),
    ]


def test_rate_headers_tell_the_budget_and_the_limit_holds(community: Community) -> None:
    faults = Faults()
    with reddit_of(community, faults, requests_per_window=2) as (_, url):
        answers = [raw(url, f"/r/{VENUE}/about") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer.headers["x-ratelimit-used"] for answer in answers] == ["1", "2", "3"]
    assert answers[0].headers["x-ratelimit-remaining"] == "1.0"
    assert 0 < int(answers[0].headers["x-ratelimit-reset"]) <= 200
    assert faults.over_budget == 1


def test_text_is_escaped_unless_raw_json_is_asked(community: Community) -> None:
    post = replace(listed(community)[0], title="a < b & c")
    with reddit_of(replace(community, posts=(post,))) as (_, url):
        for wanted, title in ((1, "a < b & c"), (0, "a &lt; b &amp; c")):
            page = raw(url, f"/r/{VENUE}/new", raw_json=wanted).json()["data"]
            assert page["children"][0]["data"]["title"] == title


def test_malformed_submissions_are_listed_among_good_ones(community: Community) -> None:
    with reddit_of(community) as (_, url):
        page = raw(url, f"/r/{VENUE}/new", limit=100)
        rest = raw(url, f"/r/{VENUE}/new", limit=100, after=page.json()["data"]["after"])
    items = [child["data"] for one in (page, rest) for child in one.json()["data"]["children"]]
    odd = [item for item in items if not isinstance(item.get("created_utc"), float)]
    assert Counter(type(item.get("created_utc")) for item in odd) == {str: 1, type(None): 1}
    assert sum(not isinstance(item["selftext"], str) for item in items) == 2
    assert sum(isinstance(item["score"], str) for item in items) == 1


def test_a_crosspost_carries_its_original(community: Community) -> None:
    [pointer] = [post for post in community.posts if post.crosspost_of]
    with reddit_of(community) as (_, url):
        found = raw(url, "/api/info", id=pointer.native_id).json()["data"]["children"][0]["data"]
    assert (found["selftext"], found["is_self"]) == ("", False)
    assert found["crosspost_parent"] == pointer.crosspost_of
    [original] = found["crosspost_parent_list"]
    assert original["name"] == pointer.crosspost_of


def test_praw_reads_an_account_s_submissions_and_comments(community: Community) -> None:
    open_venues = {venue.name for venue in community.venues if venue.state in ("public", "nsfw")}
    steady = [p for p in community.people if p.platform == "reddit" and not p.changes]
    writer = max(steady, key=lambda person: len(community.by_author.get(person.native_id, ())))
    shown = [
        post
        for post in community.by_author[writer.native_id]
        if is_public(post, NOW) and post.venue in open_venues
    ]
    with reddit_of(community) as (reddit, _):
        account = reddit.redditor(writer.name)
        assert {item.fullname for item in account.new(limit=None)} == {p.native_id for p in shown}
        comments = {item.fullname for item in account.comments.new(limit=None)}
        assert comments == {post.native_id for post in shown if post.kind == "comment"}
        assert account.id == writer.native_id.removeprefix("t2_")


def test_praw_searches_a_venue_and_the_site(community: Community) -> None:
    public = {venue.name for venue in community.venues if venue.state == "public"}
    said = [
        post
        for post in community.roots("reddit")
        if is_public(post, NOW)
        and post.venue in public
        and "tired" in f"{post.title} {post.text}".lower()
    ]
    with reddit_of(community) as (reddit, _):
        here = {
            one.fullname for one in reddit.subreddit(VENUE).search("tired", sort="new", limit=None)
        }
        site = {
            one.fullname for one in reddit.subreddit("all").search("tired", sort="new", limit=None)
        }
    assert said
    assert here == {post.native_id for post in said if post.venue == VENUE}
    assert site == {post.native_id for post in said}


def test_top_of_a_week_holds_nothing_older(community: Community) -> None:
    with reddit_of(community) as (reddit, _):
        week = list(reddit.subreddit(VENUE).top(time_filter="week", limit=None))
    assert week
    assert min(one.created_utc for one in week) >= (NOW - timedelta(days=7)).timestamp()


def test_both_servers_can_be_started_by_hand_and_stopped_by_ctrl_c() -> None:
    command = [sys.executable, "-m", "demo.serve", "--now", NOW.isoformat()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        urls = [process.stdout.readline().split()[-1] for _ in range(2)]
        assert client_answers(urls)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 0


def client_answers(urls: list[str]) -> bool:
    reddit, bluesky = urls
    about = raw(reddit, f"/r/{VENUE}/about")
    described = httpx.get(f"{bluesky}/xrpc/com.atproto.server.describeServer")
    return about.status_code == described.status_code == 200


@pytest.mark.recordings
def test_items_have_the_keys_of_recorded_ones(community: Community, shared: Path) -> None:
    folder = shared / "recordings" / "reddit"
    listing = folder / "praw-Submission-hide_multiple_in_batches" / "001.json"
    real = [child["data"] for child in things(listing)["data"]["children"]]
    with reddit_of(community) as (_, url):
        page = raw(url, f"/r/{VENUE}/new", limit=100).json()
        root = max(listed(community), key=lambda post: counts(community, post, NOW).replies)
        tree = raw(url, f"/comments/{root.native_id[3:]}", limit=5).json()
    ours = [child["data"] for child in page["data"]["children"]]
    always = set.intersection(*(set(item) for item in real))
    ever = set.union(*(set(item) for item in real)) | {"crosspost_parent", "crosspost_parent_list"}
    whole = [item for item in ours if "author_fullname" in item and "created_utc" in item]
    assert all(always <= set(item) <= ever for item in whole)
    assert set(page["data"]) == set(things(listing)["data"])

    recorded = things(folder / "praw-Inbox-comment_reply__refresh" / "001.json")
    moderators = {"approved", "ignore_reports", "removed", "rte_mode", "spam"}
    comment_keys = set(recorded[1]["data"]["children"][0]["data"]) - moderators
    comments = [child for child in tree[1]["data"]["children"] if child["kind"] == "t1"]
    assert comments
    for child in comments:
        if child["data"]["author"] != "[deleted]":
            assert set(child["data"]) == comment_keys
    stub = next(child for child in tree[1]["data"]["children"] if child["kind"] == "more")
    assert set(stub["data"]) == {"count", "name", "id", "parent_id", "depth", "children"}


def things(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))["body"]
