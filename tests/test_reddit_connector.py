"""The real praw against the demo's Reddit server: listings, trees, info, and every refusal."""

import logging
import socket
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import prawcore
import pytest
import requests
from praw.config import Config
from praw.exceptions import RedditAPIException

from connectors.reddit import (
    RedditCredentials,
    fetch_pages,
    fetch_posts,
    fetch_threads,
    parse_page,
    refusal,
)
from connectors.reddit_back import BLOCK
from connectors.reddit_parse import CLOCK_SLACK
from demo.faults import Fault
from demo.model import MISSING, AccountChange, Gone, Post, VenueState, Wording
from schema.errors import SourceRefused, SourceUnavailable, UnexpectedFailure
from schema.pages import Coverage, RawPage
from tests.support.reddit_village import (
    NOON,
    VENUE,
    WRITER,
    comment,
    minutely,
    submission,
    village,
)

LISTING = f"/r/{VENUE.name}/new"
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def ids(pages: list[RawPage]) -> list[str]:
    return [name for page in pages for name in parse_page(page).posts["native_id"]]


# --- listings ------------------------------------------------------------------------------


def test_a_listing_gives_every_submission_once_and_makes_no_hidden_request():
    posts = minutely(250, until=NOON)
    with village(posts) as place:
        pages = list(fetch_pages(place.client(), place.query()))
    assert ids(pages) == [post.native_id for post in reversed(posts)]
    assert place.requests_count == sum(page.requests_count for page in pages) == 3


def test_only_the_last_page_carries_the_position_and_the_pages_cover_without_a_hole():
    with village(minutely(250, until=NOON)) as place:
        query = place.query()
        pages = list(fetch_pages(place.client(), query))
    assert [page.position is None for page in pages] == [True, True, False]
    covered = [interval for page in pages for interval in page.covered]
    assert [interval.kind for interval in covered] == ["seen"] * 3
    assert covered[0].to_at == NOON - MINUTE  # nothing newer was shown
    assert covered[-1].from_at == query.since
    assert [c.from_at for c in covered[:-1]] == [c.to_at for c in covered[1:]]


def test_a_second_pass_reads_back_to_the_watermark_less_an_hour():
    with village(minutely(700, until=NOON + 2 * HOUR)) as place:
        client = place.client()
        position = list(fetch_pages(client, place.query()))[-1].position
        before = place.requests_count
        place.now = NOON + 2 * HOUR
        pages = list(fetch_pages(client, place.query(position=position)))
    assert place.requests_count - before == 2  # 120 new ones and an hour of old ones
    assert pages[-1].covered[-1].from_at <= NOON - HOUR
    assert all(interval.kind == "seen" for page in pages for interval in page.covered)


def test_a_pass_with_nothing_new_takes_one_request_and_moves_the_position():
    with village(minutely(300, until=NOON - 2 * HOUR)) as place:
        client = place.client()
        position = list(fetch_pages(client, place.query()))[-1].position
        place.now = NOON + MINUTE
        [page] = fetch_pages(client, place.query(position=position))
    assert page.requests_count == 1
    assert page.position is not None
    assert page.position != position
    assert page.covered[0].to_at == NOON + MINUTE - CLOCK_SLACK


def test_twelve_hundred_new_posts_leave_a_gap_behind_the_listings_end():
    old, new = minutely(50, until=NOON), minutely(1_200, until=NOON + 24 * HOUR, first=100)
    with village([*old, *new]) as place:
        client = place.client()
        position = list(fetch_pages(client, place.query()))[-1].position
        place.now = NOON + 24 * HOUR
        pages = list(fetch_pages(client, place.query(position=position)))
    assert len(ids(pages)) == 1_000
    [gap] = [c for page in pages for c in page.covered if c.kind == "gap"]
    oldest_shown = new[-1_000].created_at
    assert gap == Coverage(
        old[-1].created_at, gap.to_at, "gap", "listing ends", gap.at_most_count, VENUE.name
    )
    assert oldest_shown <= gap.to_at <= oldest_shown + MINUTE  # never more seen than was shown
    numbers = [int(post.native_id[3:], 36) for post in (old[-1], new[-1_000])]
    assert gap.at_most_count is not None
    assert (
        200 <= numbers[1] - numbers[0] - 1 <= gap.at_most_count <= numbers[1] - numbers[0] + BLOCK
    )
    assert pages[-1].position is not None


def test_an_empty_or_small_subreddit_is_read_whole_without_a_gap():
    with village([]) as place:
        query = place.query()
        [page] = fetch_pages(place.client(), query)
    assert page.covered == (Coverage(query.since, NOON - CLOCK_SLACK, venue=VENUE.name),)
    assert page.items == ()
    assert page.position is not None


def test_what_lies_outside_the_window_is_not_covered_and_left_to_the_gate():
    with village(minutely(240, until=NOON)) as place:
        query = place.query(since=NOON - 2 * HOUR, until=NOON - HOUR)
        pages = list(fetch_pages(place.client(), query))
    assert len(ids(pages)) == 200  # whole pages: the gate counts out what is not wanted
    assert pages[0].covered[0].to_at == NOON - HOUR
    assert pages[-1].covered[-1].from_at == NOON - 2 * HOUR


@pytest.mark.parametrize("wrong", [0.0, 1_200_000_000.0, 1_924_992_000.0, "garbage", None, True])
def test_a_wrong_date_anywhere_neither_ends_a_listing_early_nor_claims_too_much(wrong):
    posts = minutely(250, until=NOON)
    for place_in_listing in (0, 50, 99):  # newest first: the last one ends the first page
        index = len(posts) - 1 - place_in_listing
        posts[index] = replace(posts[index], distortions={"created_utc": wrong})
    with village(posts) as place:
        query = place.query()
        pages = list(fetch_pages(place.client(), query))
    assert len(pages) == 3
    first = pages[0].covered[0]
    assert posts[150].created_at <= first.from_at <= posts[152].created_at + MINUTE
    assert set(ids(pages)) >= {post.native_id for post in posts if not post.distortions}


def test_a_page_anchor_that_vanishes_between_two_pages_loses_nothing():
    posts = minutely(250, until=NOON)
    anchor = len(posts) - 100
    posts[anchor] = replace(posts[anchor], gone=Gone(NOON + MINUTE, "deleted_by_author"))
    with village(posts) as place:
        query = place.query()
        pages = fetch_pages(place.client(), query)
        got = [next(pages)]
        place.now = NOON + 2 * MINUTE  # the first page's last post goes
        got += pages
    assert set(ids(got)) == {post.native_id for post in posts}
    assert got[1].requests_count == 2


def test_a_malformed_post_among_good_ones_is_set_aside_with_its_rule():
    posts = minutely(100, until=NOON)
    rules = {
        "author is missing": {"author": None},
        "author is no text": {"author": 17},
        "created_utc is no date": {"created_utc": "garbage"},
        "title is missing": {"title": MISSING},
        "selftext is no text": {"selftext": 17},
        "score is no count": {"score": "many"},
        "name is no id": {"name": "x"},
        "subreddit is missing": {"subreddit": MISSING},
    }
    for index, distortions in enumerate(rules.values()):
        posts[10 * index + 5] = replace(posts[10 * index + 5], distortions=distortions)
    with village(posts) as place:
        [page] = fetch_pages(place.client(), place.query())
    parsed = parse_page(page)
    assert parsed.posts.height == 100 - len(rules)
    assert {entry.rule: entry.count for entry in parsed.set_aside} == dict.fromkeys(rules, 1)
    assert not any("creaked" in entry.skeleton for entry in parsed.set_aside)


# --- trees ---------------------------------------------------------------------------------


def bushy_thread() -> tuple[Post, list[Post]]:
    """Grow 230 answers side by side and a chain of 30, so that stubs of both kinds stand."""
    root = submission(0, at=NOON - 5 * HOUR)
    answers = [comment(n, under=root, at=NOON - 4 * HOUR + n * MINUTE / 4) for n in range(230)]
    chain = [comment(500, under=root, at=NOON - 3 * HOUR)]
    for n in range(501, 530):
        chain.append(comment(n, under=chain[-1], at=chain[-1].created_at + MINUTE))
    return root, [*answers, *chain]


def test_a_whole_tree_comes_as_one_page_stubs_and_continued_threads_expanded():
    root, comments = bushy_thread()
    with village([root, *comments]) as place:
        [page] = fetch_threads(place.client(), place.query(), [root.native_id])
    posts = parse_page(page).posts
    assert page.position is None
    assert page.covered == ()
    assert page.requests_count == place.requests_count > 3
    assert sorted(posts["native_id"]) == sorted(p.native_id for p in [root, *comments])
    assert set(posts["root_native_id"]) == {root.native_id}
    parents = dict(posts.select("native_id", "parent_native_id").rows())
    assert parents == {post.native_id: post.parent_id for post in [root, *comments]}


def test_removed_comments_are_told_apart_and_keep_their_answers():
    root = submission(0, at=NOON - 9 * HOUR)
    one, two, three = (comment(n, under=root, at=NOON - 8 * HOUR) for n in (1, 2, 3))
    gone_author = replace(
        WRITER, name="thistle-9902-q", changes=(AccountChange(NOON - HOUR, "deleted"),)
    )
    one = replace(one, gone=Gone(NOON - HOUR, "deleted_by_author"))
    two = replace(two, gone=Gone(NOON - HOUR, "removed_by_moderator"))
    three = replace(three, author=gone_author)
    answers = [comment(4, under=one, at=NOON), comment(5, under=two, at=NOON)]
    with village([root, one, two, three, *answers]) as place:
        [page] = fetch_threads(place.client(), place.query(), ["v00000"])
    parsed = parse_page(page)
    kept = [*(answer.native_id for answer in answers), root.native_id]
    assert sorted(parsed.posts["native_id"]) == kept
    assert dict(parsed.removals.select("native_id", "reason").rows()) == {
        one.native_id: "deleted_by_author",
        two.native_id: "removed_by_moderator",
        three.native_id: "account_deleted",
    }


def test_a_thread_that_is_not_there_is_missing_and_the_next_one_is_read():
    root = submission(1, at=NOON - HOUR)
    with village([root]) as place:
        lost, found = fetch_threads(place.client(), place.query(), ["t3_zzzzz", root.native_id])
    assert lost.missing == ("t3_zzzzz",)
    assert lost.items == ()
    assert ids([found]) == [root.native_id]


# --- by id ---------------------------------------------------------------------------------


def test_posts_come_by_id_in_hundreds_and_what_is_not_answered_is_missing():
    posts = minutely(150, until=NOON)
    posts[3] = replace(posts[3], gone=Gone(NOON - MINUTE, "not_found"))
    with village(posts) as place:
        wanted = [post.native_id for post in posts]
        pages = list(fetch_posts(place.client(), place.query(), [*wanted, wanted[0]]))
    assert [len(page.items) for page in pages] == [99, 50]
    assert pages[0].missing == (posts[3].native_id,)
    assert pages[1].missing == ()
    assert place.requests_count == 2


def test_nothing_is_missing_where_an_answer_holds_an_unreadable_item():
    posts = minutely(2, until=NOON)
    posts[0] = replace(posts[0], distortions={"name": MISSING})
    with village(posts) as place:
        [page] = fetch_posts(place.client(), place.query(), [post.native_id for post in posts])
    assert page.missing == ()
    assert parse_page(page).set_aside[0].rule == "name is no id"


def test_removed_submissions_and_edits_show_when_looked_at_again():
    deleted, removed, edited, orphan = (submission(n, at=NOON - 9 * HOUR) for n in range(4))
    deleted = replace(deleted, gone=Gone(NOON - HOUR, "deleted_by_author"))
    removed = replace(removed, gone=Gone(NOON - HOUR, "removed_by_moderator"))
    new_wording = Wording(NOON - HOUR, "The boards were mended.")
    edited = replace(edited, wordings=(*edited.wordings, new_wording))
    gone_author = replace(WRITER, changes=(AccountChange(NOON - HOUR, "deleted"),))
    orphan = replace(orphan, author=gone_author)
    posts = [deleted, removed, edited, orphan]
    with village(posts) as place:
        [page] = fetch_posts(place.client(), place.query(), [post.native_id for post in posts])
    parsed = parse_page(page)
    [row] = parsed.posts.rows(named=True)
    assert (row["text"], row["is_edited"], row["edited_at"]) == (
        "The boards were mended.",
        True,
        NOON - HOUR,
    )
    assert dict(parsed.removals.select("native_id", "reason").rows()) == {
        deleted.native_id: "deleted_by_author",
        removed.native_id: "removed_by_moderator",
        orphan.native_id: "account_deleted",
    }


# --- refusals ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "times", "seconds"),
    [
        (Fault("status", status=429, retry_after="17"), 1, 17.0),
        (Fault("status", status=429, retry_after="Wed, 04 Feb 2026 07:28:00 GMT"), 1, None),
        (Fault("status", status=429), 1, None),
        (Fault("status", status=530), 1, None),
        (Fault("status", status=502), 3, None),
        (Fault("truncated"), 1, None),
        (Fault("not_json"), 1, None),
        (Fault("reset"), 3, None),
    ],
    ids=["429-17s", "429-date", "429", "530", "502", "truncated", "not-json", "reset"],
)
def test_a_fault_in_mid_listing_is_worth_another_try_and_keeps_the_pages_before(
    fault, times, seconds
):
    with village(minutely(250, until=NOON)) as place:
        place.faults.arm(fault, nth=2, path=LISTING, times=times)
        pages = fetch_pages(place.client(), place.query())
        first = next(pages)
        with pytest.raises(SourceUnavailable, match=r"^porch: .*(later|seconds)$") as caught:
            next(pages)
    assert len(first.items) == 100
    assert first.position is None
    assert caught.value.retry_after_seconds == seconds
    assert caught.value.__suppress_context__


def test_two_server_errors_in_a_row_are_outlived():
    with village(minutely(150, until=NOON)) as place:
        place.faults.arm(Fault("status", status=503), nth=2, path=LISTING, times=2)
        assert len(ids(list(fetch_pages(place.client(), place.query())))) == 150


@pytest.mark.parametrize(
    ("state", "word"),
    [("private", "private"), ("banned", "banned"), ("quarantined", "quarantined")],
)
def test_a_closed_subreddit_is_refused_for_good_and_says_why(state: VenueState, word: str):
    with village([], venue=replace(VENUE, state=state)) as place:
        reddit = place.client()
        with pytest.raises(SourceRefused, match=f"^porch: the subreddit is {word}"):
            list(fetch_pages(reddit, place.query()))


def test_a_subreddit_that_nobody_made_is_refused():
    with village([]) as place:
        reddit = place.client()
        with pytest.raises(SourceRefused, match="no such subreddit"):
            list(fetch_pages(reddit, place.query(venue="NobodyMadeThis")))


def test_a_thread_in_a_subreddit_that_closed_is_refused_not_missing():
    root = submission(1, at=NOON - HOUR)
    with village([root], venue=replace(VENUE, state="private")) as place:
        reddit = place.client()
        with pytest.raises(SourceRefused, match="private"):
            list(fetch_threads(reddit, place.query(), [root.native_id]))


def test_a_token_that_expires_in_mid_listing_is_renewed():
    with village(minutely(250, until=NOON)) as place:
        pages = fetch_pages(place.client(), place.query())
        got = [next(pages)]
        place.faults.revoke_tokens()
        got += pages
    assert len(ids(got)) == 250
    assert place.faults.requests["/api/v1/access_token"] == 2


def test_wrong_credentials_are_refused_without_being_repeated():
    with village([]) as place:
        reddit = place.client(secret="not-the-secret")
        with pytest.raises(SourceRefused, match="check the client id") as caught:
            list(fetch_pages(reddit, place.query()))
    assert "not-the-secret" not in str(caught.value)


def test_a_server_that_is_down_is_worth_another_try():
    with socket.socket() as taken, village([]) as place:
        taken.bind(("127.0.0.1", 0))  # bound, never listening: connections are refused
        reddit = place.client(url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(SourceUnavailable, match="cannot be reached") as caught:
            list(fetch_pages(reddit, place.query()))
    assert "127.0.0.1" not in str(caught.value)


def response(status: int, headers: dict[str, str] | None = None) -> requests.Response:
    answer = requests.Response()
    answer.status_code = status
    answer.headers.update(headers or {})
    answer.url = "https://oauth.reddit.com/user/moss-lantern-7731"
    return answer


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KeyError("x-ratelimit-used"), SourceUnavailable),
        (ValueError("invalid literal for int(): 'moss-lantern-7731'"), SourceUnavailable),
        (KeyError(401), SourceRefused),
        (KeyError("reason"), SourceRefused),
        (IndexError("list index out of range"), SourceRefused),
        (prawcore.BadRequest(response(400)), SourceRefused),
        (prawcore.Conflict(response(409)), SourceRefused),
        (prawcore.URITooLong(response(414)), SourceRefused),
        (prawcore.InsufficientScope(response(403)), SourceRefused),
        (prawcore.UnavailableForLegalReasons(response(451)), SourceRefused),
        (prawcore.ResponseException(response(408)), SourceUnavailable),
        (prawcore.ResponseException(response(521)), SourceUnavailable),
        (RedditAPIException(["RATELIMIT", "wait for moss-lantern-7731", None]), SourceUnavailable),
        (RedditAPIException(["NO_TEXT", "moss-lantern-7731", None]), SourceRefused),
        (AttributeError("moss-lantern-7731"), UnexpectedFailure),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value.__name__,
)
def test_every_error_of_the_client_becomes_one_sentence_without_a_name(error, kind):
    told = refusal(error, source="porch")
    assert type(told) is kind
    assert str(told).startswith("porch: ")
    assert "moss" not in str(told)
    assert "http" not in str(told).replace("HTTP", "")
    assert refusal(told, source="other") is told


# --- the client ----------------------------------------------------------------------------


@pytest.fixture
def _fresh_praw_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let praw read its settings anew, as in a process of its own."""
    monkeypatch.setattr(Config, "CONFIG", None)


@pytest.mark.usefixtures("_fresh_praw_settings")
def test_a_praw_ini_beside_the_study_and_praw_variables_redirect_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    planted = "\n".join(
        [
            "[DEFAULT]",
            "oauth_url=http://127.0.0.1:9",
            "reddit_url=http://127.0.0.1:9",
            "username=planted",
            "password=planted",
            "refresh_token=planted",
            "submission_kind=t9",
            "check_for_updates=True",
        ]
    )
    (tmp_path / "praw.ini").write_text(planted)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("praw_username", "planted")
    monkeypatch.setenv("praw_password", "planted")
    monkeypatch.setenv("praw_site", "elsewhere")
    with village(minutely(5, until=NOON)) as place:
        reddit = place.client()
        pages = list(fetch_pages(reddit, place.query()))
    assert len(ids(pages)) == 5
    assert reddit.config.oauth_url == reddit.config.reddit_url == place.url
    assert (reddit.config.username, reddit.config.refresh_token) == (None, None)
    assert reddit.config.check_for_updates is False
    assert reddit.read_only


def test_the_clients_own_log_names_no_post_venue_or_account(caplog: pytest.LogCaptureFixture):
    root, comments = bushy_thread()
    with village([root, *comments]) as place, caplog.at_level(logging.DEBUG):
        path = f"/comments/{root.native_id.removeprefix('t3_')}"
        place.faults.arm(Fault("status", status=500), nth=1, path=path)
        list(fetch_threads(place.client(), place.query(), [root.native_id]))
    logged = "\n".join(f"{record.name} {record.getMessage()}" for record in caplog.records)
    assert "prawcore A request failed and may be tried again" in logged
    for name in (root.native_id.removeprefix("t3_"), VENUE.name, WRITER.name, "w005"):
        assert name not in logged


def test_credentials_and_pages_show_nothing_when_printed():
    credentials = RedditCredentials("client", "hush-hush", "confide (tests)")
    assert "hush-hush" not in repr(credentials)
    with village(minutely(3, until=NOON)) as place:
        [page] = fetch_pages(place.client(), place.query())
    shown = repr(page) + repr(parse_page(page))
    assert WRITER.name not in shown
    assert "creaked" not in shown


def test_a_crash_between_two_pages_reads_the_same_again():
    with village(minutely(250, until=NOON)) as place:
        pages = fetch_pages(place.client(), place.query())
        first = next(pages)
        pages.close()
        again = list(fetch_pages(place.client(), place.query(position=first.position)))
    assert len(ids(again)) == 250
