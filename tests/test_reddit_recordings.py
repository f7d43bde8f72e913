"""Real recorded Reddit answers, 2016 to 2026, through the real praw, the fetchers and the parser.

What is expected is counted in the recordings themselves, not known by heart; nothing of them is
printed: assertions compare counts and sets of ids' sizes.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import praw
import pytest

from connectors.reddit import (
    RedditCredentials,
    connect,
    fetch_pages,
    fetch_posts,
    fetch_threads,
    parse_page,
)
from schema.errors import CorpusError, SourceRefused, SourceUnavailable
from schema.pages import CollectionQuery, ParsedPage, RawPage
from schema.posts import CollectedPost
from schema.removals import CollectedRemoval
from tests.support.budget import fresh_budget
from tests.support.reddit_replay import Replay, replaying

pytestmark = pytest.mark.recordings

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LISTING = "/r/anything/new"
MARKS = {"[deleted]": "deleted_by_author", "[removed]": "removed_by_moderator"}

Recording = Callable[..., AbstractContextManager[Replay]]


@pytest.fixture
def recording(shared: Path) -> Recording:
    """Return a function that serves a recording by its name."""

    def serve(name: str, **options: Any) -> AbstractContextManager[Replay]:
        return replaying(shared / "recordings" / "reddit" / name, **options)

    return serve


def client(replay: Replay) -> praw.Reddit:
    credentials = RedditCredentials("x", "y", "confide (tests)", replay.url, replay.url)
    return connect(credentials, fresh_budget())


def query(venue: str = "anything", **changes: Any) -> CollectionQuery:
    since = changes.pop("since", datetime(2005, 7, 1, tzinfo=UTC))
    return CollectionQuery("replayed", "replayed", venue, since, NOW, **changes)


def parsed(pages: list[RawPage]) -> list[ParsedPage]:
    done = [parse_page(page) for page in pages]
    for one in done:
        CollectedPost.validate(one.posts)
        CollectedRemoval.validate(one.removals)
    return done


def sorted_out(pages: list[RawPage]) -> tuple[set[str], dict[str, str], Counter[str]]:
    """Return ids of posts, reasons of removals, and rules of what was set aside."""
    posts: set[str] = set()
    removals: dict[str, str] = {}
    rules: Counter[str] = Counter()
    for one in parsed(pages):
        posts |= set(one.posts["native_id"])
        removals |= dict(one.removals.select("native_id", "reason").rows())
        for entry in one.set_aside:
            rules[entry.rule] += entry.count
    return posts, removals, rules


def expected_reason(data: Mapping[str, Any]) -> str | None:
    """Say from the recorded thing alone how it went; None where it stands."""
    words = data.get("body", data.get("selftext"))
    if data.get("removed_by_category"):
        return "any"
    if words in MARKS:
        return MARKS[words]
    return "account_deleted" if data["author"] == "[deleted]" else None


def assert_sorted_as_recorded(pages: list[RawPage], recorded: Mapping[str, Any]) -> None:
    posts, removals, _ = sorted_out(pages)
    gone = {name: reason for name, data in recorded.items() if (reason := expected_reason(data))}
    misplaced = len(posts ^ (set(recorded) - set(gone))) + len(set(removals) ^ set(gone))
    told_wrong = sum(removals.get(n) != reason != "any" for n, reason in gone.items())
    assert (misplaced, told_wrong) == (0, 0)  # counts alone: a failing test prints no id


# --- listings ------------------------------------------------------------------------------


def test_a_new_listing_of_2016_is_read_back_to_since_in_one_request(recording: Recording):
    with recording("praw-SubredditListings-new") as replay:
        things = replay.things("t3")
        oldest = sorted(data["created_utc"] for data in things.values())[5]
        since = datetime.fromtimestamp(oldest, UTC)
        pages = list(fetch_pages(client(replay), query("askreddit", since=since)))
        assert_sorted_as_recorded(pages, things)
        assert (replay.requests_count, replay.unrecorded_count) == (1, 0)
    assert len(things) == 100
    assert pages[-1].position is not None
    assert pages[-1].covered[-1].from_at == since


def test_a_listing_is_read_to_its_end_page_after_page_and_its_end_is_a_gap(recording: Recording):
    with recording("praw-ListingGenerator-exhaust_items", stand_ins={LISTING: "/user/spez"}) as r:
        pages = list(fetch_pages(client(r), query()))
        assert_sorted_as_recorded(pages, r.things("t1") | r.things("t3"))
        assert (r.requests_count, r.unrecorded_count) == (11, 0)
    assert sum(len(page.items) for page in pages) == 1_001
    assert [page.position is None for page in pages] == [True] * 10 + [False]
    assert [c.kind for page in pages for c in page.covered].count("gap") == 1


def test_a_listing_of_april_2026_parses_with_galleries_and_films(recording: Recording):
    name = "praw-Submission-hide_multiple_in_batches"
    with recording(name, stand_ins={LISTING: "/r/popular/hot"}) as replay:
        page = next(fetch_pages(client(replay), query()))
        things = replay.things("t3")
        assert_sorted_as_recorded([page], things)
    galleries = sum("gallery_data" in data for data in things.values())
    [one] = parsed([page])
    posts = one.posts
    own_media = ("https://i.redd.it", "https://v.redd.it", "https://www.reddit.com/gallery")
    targets = [url for links in posts["links"] for url in links if url.startswith(own_media)]
    assert galleries == 14
    assert targets == []
    assert posts["is_created_at_plausible"].all()
    assert posts["replies_count"].null_count() == 0


# --- trees and ids -------------------------------------------------------------------------


def test_a_tree_of_541_comments_comes_whole_in_fewer_calls_than_praw_s_twenty(recording: Recording):
    with recording("praw-CommentForest-replace__all") as replay:
        [page] = fetch_threads(client(replay), query(), ["3hahrw"])
        things = replay.things("t1") | replay.things("t3")
        assert_sorted_as_recorded([page], things)
        calls = replay.asked.total()
        assert (calls, replay.unrecorded_count) == (16, 0)
        assert replay.asked["/api/info"] == 1  # the children of five stubs at once
        assert page.requests_count == replay.requests_count
    assert len(page.items) == 542
    posts = parse_page(page).posts
    assert posts.filter(posts["kind"] == "comment")["parent_native_id"].null_count() == 0


def test_posts_by_id_come_in_hundreds_and_what_reddit_left_out_is_missing(recording: Recording):
    with recording("praw-Reddit-info") as replay:
        wanted = [
            name
            for one in replay.interactions
            if one["method"] == "GET"
            for name in one["query"]["id"].split(",")
        ]
        pages = list(fetch_posts(client(replay), query(), wanted))
        things = replay.things("t1") | replay.things("t3")
        answered = len(things) + len(replay.things("t5"))
        assert_sorted_as_recorded(pages, things)
        assert (replay.requests_count, replay.unrecorded_count) == (3, 0)
    assert sum(len(page.missing) for page in pages) == len(wanted) - answered == 3
    _, removals, rules = sorted_out(pages)
    assert rules == {"neither a submission nor a comment": 100}
    assert {"deleted_by_author", "removed_by_moderator"} <= set(removals.values())


@pytest.mark.parametrize(
    ("name", "submission_id"),
    [
        ("praw-Submission-delete", "4b1tfm"),
        ("praw-Submission-crosspost__flair", "c27k6l"),
        ("praw-Submission-crosspost__nsfw", "c27k7n"),
        ("praw-Subreddit-submit_gallery__selftext", "1khu9tf"),
        ("praw-Subreddit-submit_image__selftext", "1kh2top"),
        ("praw-Subreddit-submit_poll", "ga3hiq"),
    ],
)
def test_each_kind_of_post_parses(recording: Recording, name: str, submission_id: str):
    with recording(name) as replay:
        pages = list(fetch_threads(client(replay), query(), [submission_id]))
        recorded = replay.things("t1") | replay.things("t3")
        root = recorded[f"t3_{submission_id}"]
        shown = {n: d for n, d in recorded.items() if d.get("link_id", n) == root["name"]}
        assert_sorted_as_recorded(pages, shown)
        assert replay.unrecorded_count == 0
    roots = [row for one in parsed(pages) for row in one.posts.rows(named=True)]
    [row] = [row for row in roots if row["kind"] == "submission"] or [None]
    if row is None:
        assert expected_reason(root) is not None
        return
    options = [option["text"] for option in root.get("poll_data", {}).get("options", [])]
    items = root.get("gallery_data", {}).get("items", [])
    captions = [item["caption"] for item in items if "caption" in item]
    assert len((row["alt_text"] or "").splitlines()) == len(options) + len(captions)
    assert bool(row["quoted_text"]) == bool(root.get("crosspost_parent_list"))
    assert row["is_nsfw"] == root["over_18"]


@pytest.mark.parametrize("name", ["praw-Comment-delete", "praw-Comment-refresh__deleted_comment"])
def test_a_deleted_comment_is_its_authors_removal(recording: Recording, name: str):
    with recording(name) as replay:
        [asked] = [one["query"]["id"] for one in replay.interactions if "id" in one["query"]]
        _, removals, _ = sorted_out(list(fetch_posts(client(replay), query(), [asked])))
    assert list(removals.values()) == ["deleted_by_author"]


def test_every_recorded_thing_is_a_post_a_removal_or_set_aside(shared: Path):
    counted = Counter[str]()
    for folder in sorted((shared / "recordings" / "reddit").iterdir()):
        if not folder.is_dir():
            continue
        replay = Replay([json.loads(f.read_text("utf-8")) for f in folder.glob("*.json")], {})
        for kind in ("t1", "t3"):
            recorded = replay.things(kind)
            items = tuple({"kind": kind, "data": data} for data in recorded.values())
            page = RawPage("reddit", "replayed", "replayed", "anything", NOW, items)
            assert_sorted_as_recorded([page], recorded)
            counted[kind] += len(items)
    assert counted["t1"] > 2_000
    assert counted["t3"] > 600


# --- dumps ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [("RC_2015-01.sample.ndjson", "t1"), ("RS_pushshift-2021.sample.ndjson", "t3")],
)
def test_lines_of_monthly_dumps_parse_as_well(shared: Path, name: str, kind: str):
    lines = (shared / "recordings" / "reddit-dumps" / name).read_text("utf-8").splitlines()
    things = [json.loads(line) for line in lines]
    items = tuple(
        {"kind": kind, "data": {"name": f"{kind}_{thing['id']}", **thing}} for thing in things
    )
    [one] = parsed([RawPage("reddit", "replayed", "replayed", "anything", NOW, items)])
    assert one.set_aside == ()
    assert one.posts.height + one.removals.height == len({thing["id"] for thing in things})


# --- refusals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "path", "kind", "words"),
    [
        ("Session-request__forbidden", "/user/spez/gilded/given", SourceRefused, "HTTP 403"),
        ("Session-request__not_found", "/r/reddit_api_test/wiki/invalid", SourceRefused, "404"),
        ("Session-request__redirect", "/r/random", SourceRefused, "no such subreddit"),
        ("Session-request__unavailable_for_legal_reasons", "/", SourceRefused, "HTTP 451"),
        ("Session-request__bad_json", "/", SourceUnavailable, "cannot be read"),
        ("Session-request__internal_server_error", "/", SourceUnavailable, "HTTP 500"),
        (
            "Session-request__too__many_requests__with_retry_headers",
            "/api/v1/me",
            SourceUnavailable,
            "in 4 seconds",
        ),
        (
            "ScriptAuthorizer-refresh__with_invalid_username_or_password",
            "/",
            SourceRefused,
            "credentials",
        ),
        ("Authorizer-refresh__with_invalid_token", "/", SourceRefused, "credentials"),
    ],
)
def test_a_recorded_refusal_becomes_one_sentence(
    recording: Recording, name: str, path: str, kind: type[CorpusError], words: str
):
    with recording(f"prawcore-{name}", stand_ins={LISTING: path}) as replay:
        reddit = client(replay)
        with pytest.raises(kind, match=words) as caught:
            list(fetch_pages(reddit, query()))
        assert replay.unrecorded_count == 0
    if "429" in str(caught.value):
        assert caught.value.retry_after_seconds == 4.0


def test_a_quarantined_subreddit_is_refused_and_not_opted_into(recording: Recording):
    stand_ins = {LISTING: "/r/ferguson/hot"}
    with recording("praw-SubredditQuarantine-opt_in", stand_ins=stand_ins) as replay:
        reddit = client(replay)
        with pytest.raises(SourceRefused, match="HTTP 403"):
            list(fetch_pages(reddit, query()))
        assert "/api/quarantine_optin" not in replay.asked


def test_a_token_that_is_refused_once_is_renewed(recording: Recording):
    name = "prawcore-Session-request__with_invalid_access_token__retry"
    with recording(name, stand_ins={LISTING: "/"}) as replay:
        page = next(fetch_pages(client(replay), query()))
        assert replay.asked["/api/v1/access_token"] == 2
        assert_sorted_as_recorded([page], replay.things("t3"))
