"""The real praw against the demo's Reddit: every kind of reading, what it asks, what it claims."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import praw
import pytest

from connectors import reddit
from connectors.reddit_listing import ANSWERS_LIMIT
from connectors.reddit_parse import CLOCK_SLACK
from demo.faults import Fault
from demo.model import AccountChange, Gone, Person, Post, Reach, Venue, VenueState, Wording
from demo.reddit_listings import SEARCH_CAP
from demo.reddit_server import RedditOptions
from schema.errors import SourceRefused, SourceUnavailable
from schema.pages import CollectionQuery, Coverage, RawPage
from tests.support.reddit_village import (
    NOON,
    VENUE,
    WRITER,
    comment,
    minutely,
    submission,
    village,
)

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
OTHER = Venue("LoudCellar", "t5_loud", "public", 0.5, 1.0, 300, "An invented cellar")
ADULT = Venue("AfterTen", "t5_adult", "nsfw", 0.5, 1.0, 300, "Invented, adults only")

Reader = Callable[[praw.Reddit, CollectionQuery], Iterator[RawPage]]


def ids(pages: list[RawPage]) -> list[str]:
    return [name for page in pages for name in reddit.parse_page(page).posts["native_id"]]


def covered(pages: list[RawPage]) -> list[Coverage]:
    return [interval for page in pages for interval in page.covered]


def saying(words: str, posts: list[Post]) -> list[Post]:
    return [replace(p, wordings=(Wording(p.created_at, f"{p.text} {words}"),)) for p in posts]


def elsewhere(venue: Venue, posts: list[Post]) -> list[Post]:
    return [replace(post, venue=venue.name) for post in posts]


def asking(query: CollectionQuery, **changes: Any) -> CollectionQuery:
    return replace(query, **changes)


def hot(client: praw.Reddit, query: CollectionQuery) -> Iterator[RawPage]:
    return reddit.fetch_ranked_pages(client, query, "hot")


def top_of_the_day(client: praw.Reddit, query: CollectionQuery) -> Iterator[RawPage]:
    return reddit.fetch_ranked_pages(client, query, "top", "day")


def search(client: praw.Reddit, query: CollectionQuery) -> Iterator[RawPage]:
    return reddit.fetch_search_pages(client, query, "lantern")


def user(client: praw.Reddit, query: CollectionQuery) -> Iterator[RawPage]:
    return reddit.fetch_user_pages(client, asking(query, actor=WRITER.name))


def tree(client: praw.Reddit, query: CollectionQuery) -> Iterator[RawPage]:
    return reddit.fetch_threads(client, query, ["t3_v00239"])


def by_id(client: praw.Reddit, query: CollectionQuery) -> Iterator[RawPage]:
    return reddit.fetch_posts(client, query, [f"t3_v{number:05d}" for number in range(240)])


@pytest.mark.parametrize(
    ("read", "posts_count", "requests_count"),
    [
        (reddit.fetch_pages, 240, 3),
        (hot, 240, 3),
        (top_of_the_day, 240, 3),
        (search, 240, 3),
        (user, 270, 3),
        (tree, 31, 1),
        (by_id, 240, 3),
    ],
    ids=lambda value: getattr(value, "__name__", str(value)),
)
def test_a_reading_asks_once_a_page_and_for_nothing_besides(
    read: Reader, posts_count: int, requests_count: int
) -> None:
    posts = saying("lantern", minutely(240, until=NOON))
    comments = [comment(n, under=posts[-1], at=NOON - MINUTE / 2) for n in range(30)]
    with village([*posts, *comments]) as place:
        pages = list(read(place.client(), place.query()))
    assert len(ids(pages)) == len(set(ids(pages))) == posts_count
    assert place.requests_count == sum(page.requests_count for page in pages) == requests_count
    assert all(not reddit.parse_page(page).set_aside for page in pages)


# --- ranked listings -----------------------------------------------------------------------


@pytest.mark.parametrize("read", [hot, top_of_the_day])
def test_a_ranked_listing_claims_no_interval_and_moves_no_position(read: Reader) -> None:
    with village(minutely(250, until=NOON)) as place:
        pages = list(read(place.client(), place.query()))
    assert covered(pages) == []
    assert {page.position for page in pages} == {None}


def test_top_of_a_day_is_ordered_by_score_and_holds_nothing_older() -> None:
    posts = [
        submission(n, at=NOON - n * HOUR, reach=Reach(10 * n, 0, 0, 0.1, 0.9)) for n in range(1, 48)
    ]
    with village(posts) as place:
        [page] = top_of_the_day(place.client(), place.query())
    shown = reddit.parse_page(page).posts
    assert shown["native_id"].to_list() == [f"t3_v{n:05d}" for n in range(24, 0, -1)]
    assert shown["reddit_score"].is_sorted(descending=True)


def test_a_ranked_listing_is_read_whole_each_time_to_its_thousandth_item() -> None:
    with village(minutely(1_100, until=NOON)) as place:
        client = place.client()
        for _ in range(2):
            assert len(set(ids(list(hot(client, place.query()))))) == 1_000
    assert place.requests_count == 20


# --- search --------------------------------------------------------------------------------


def test_a_search_finds_words_inside_a_subreddit_or_over_the_site_and_nothing_adult() -> None:
    here = [*saying("lantern", minutely(3, until=NOON)), *minutely(4, until=NOON, first=10)]
    there = [
        replace(p, venue=OTHER.name) for p in saying("lantern", minutely(2, until=NOON, first=20))
    ]
    adult = [
        replace(p, venue=ADULT.name) for p in saying("lantern", minutely(2, until=NOON, first=30))
    ]
    with village([*here, *there, *adult], more_venues=[OTHER, ADULT]) as place:
        client, query = place.client(), place.query()
        found = [set(ids(list(search(client, q)))) for q in (query, asking(query, venue="all"))]
        everything = reddit.fetch_search_pages(
            client, asking(query, venue="all"), "lantern", with_adult=True
        )
        assert len(ids(list(everything))) == 7
    assert found[0] == {post.native_id for post in here[:3]}
    assert found[1] == {post.native_id for post in [*here[:3], *there]}


def test_a_search_that_ends_short_leaves_a_gap_of_unknown_size_and_no_venue() -> None:
    posts = saying("lantern", minutely(400, until=NOON))
    with village(posts) as place:
        pages = list(search(place.client(), place.query()))
    assert len(ids(pages)) == SEARCH_CAP
    [gap] = [interval for interval in covered(pages) if interval.kind == "gap"]
    assert gap == Coverage(place.query().since, gap.to_at, "gap", "search ends")
    assert posts[-SEARCH_CAP].created_at <= gap.to_at <= posts[-SEARCH_CAP].created_at + 10 * MINUTE
    assert {interval.venue for interval in covered(pages)} == {None}


def test_a_later_search_reads_back_a_day_over_what_it_saw() -> None:
    posts = saying("lantern", minutely(240, until=NOON))
    with village([*posts, *saying("lantern", minutely(5, until=NOON + HOUR, first=500))]) as place:
        client = place.client()
        position = list(search(client, place.query()))[-1].position
        place.now = NOON + HOUR
        pages = list(search(client, place.query(position=position)))
    assert len(ids(pages)) == 245  # four hours of posts, all within the day
    assert pages[-1].position is not None


# --- accounts ------------------------------------------------------------------------------


def test_an_account_s_submissions_and_comments_come_from_wherever_they_stand() -> None:
    posts = [
        *minutely(30, until=NOON),
        *(replace(p, venue=OTHER.name) for p in minutely(5, until=NOON, first=60)),
    ]
    comments = [comment(n, under=posts[0], at=NOON - MINUTE) for n in range(20)]
    with village([*posts, *comments], more_venues=[OTHER]) as place:
        client = place.client()
        pages = list(user(client, place.query()))
        again = list(user(client, place.query(position=pages[-1].position)))
    assert set(ids(pages)) == {post.native_id for post in [*posts, *comments]}
    assert place.requests_count == 2
    assert covered(pages)[-1] == Coverage(place.query().since, NOON - MINUTE)
    assert len(ids(again)) == 55


def test_an_account_that_wrote_more_than_its_page_shows_is_read_kind_by_kind() -> None:
    posts = minutely(900, until=NOON)
    comments = [comment(n, under=posts[0], at=NOON - (n + 0.5) * MINUTE) for n in range(700)]
    with village([*posts, *comments]) as place:
        pages = list(user(place.client(), place.query()))
    assert set(ids(pages)) == {post.native_id for post in [*posts, *comments]}
    assert [page.position for page in pages[:-1]] == [None] * (len(pages) - 1)
    assert pages[-1].position is not None
    assert place.requests_count == 10 + 9 + 7


def test_an_account_whose_every_listing_is_cut_leaves_a_gap_where_both_kinds_miss() -> None:
    posts = minutely(1_100, until=NOON)
    comments = [comment(n, under=posts[0], at=NOON - (n + 0.5) * MINUTE) for n in range(1_200)]
    with village([*posts, *comments]) as place:
        pages = list(user(place.client(), place.query()))
    assert len(set(ids(pages))) == 2_000
    [gap] = [interval for interval in covered(pages) if interval.kind == "gap"]
    assert gap.reason == "account's listing ends"
    assert gap.to_at >= posts[100].created_at
    assert all(one.from_at >= gap.to_at for one in covered(pages) if one.kind == "seen")


def left(status: Any) -> Person:
    return replace(WRITER, changes=(AccountChange(NOON - HOUR, status),))


def test_an_account_that_reddit_denies_twice_is_gone() -> None:
    with village(
        [submission(1, at=NOON - 2 * HOUR, author=left("deleted"))], people=[left("deleted")]
    ) as place:
        [page] = user(place.client(), place.query())
    parsed = reddit.parse_page(page)
    assert (parsed.posts.height, page.requests_count, page.position) == (0, 2, None)
    [removal] = parsed.removals.rows(named=True)
    assert (removal["author"], removal["native_id"]) == (WRITER.name, None)
    assert removal["reason"] == "account_deleted"


def test_a_suspended_account_is_refused_and_not_taken_for_gone() -> None:
    with village([], people=[left("takendown")]) as place:
        client = place.client()
        with pytest.raises(SourceRefused, match=r"^porch: ") as caught:
            list(user(client, place.query()))
    assert WRITER.name not in str(caught.value)


def test_a_listing_that_is_not_found_while_its_account_stands_is_no_removal() -> None:
    with village(minutely(3, until=NOON)) as place:
        place.faults.arm(Fault("status", status=404), nth=1, path=f"/user/{WRITER.name}/overview")
        client = place.client()
        with pytest.raises(SourceRefused, match="shows nothing"):
            list(user(client, place.query()))


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("moss-lantern", "moss-lantern"),
        (" u/moss_lantern ", "moss_lantern"),
        ("/u/moss", "moss"),
        ("@moss", "moss"),
        ("../r/secret", None),
        ("moss lantern", None),
        ("", None),
    ],
)
def test_an_account_is_named_as_people_write_it_or_not_at_all(written: str, name: str) -> None:
    assert reddit.account_name(written) == name


# --- closed doors --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "read", [reddit.fetch_pages, hot, search, tree], ids=lambda read: read.__name__
)
@pytest.mark.parametrize("state", ["private", "banned", "quarantined"])
def test_a_closed_subreddit_is_refused_whatever_is_read(read: Reader, state: VenueState) -> None:
    posts = minutely(240, until=NOON)
    with village(posts, venue=replace(VENUE, state=state)) as place:
        client = place.client()
        with pytest.raises(SourceRefused, match=f"^porch: the subreddit is {state}"):
            list(read(client, place.query()))
    assert "/api/quarantine_optin" not in place.faults.requests


def test_a_subreddit_for_paying_members_is_refused_by_its_name_for_it() -> None:
    closed = Fault("status", status=403, body=b'{"reason": "gold_only", "error": 403}')
    with village([]) as place:
        place.faults.arm(closed, nth=1, path=f"/r/{VENUE.name}/new")
        client = place.client()
        with pytest.raises(SourceRefused, match="paying members"):
            list(reddit.fetch_pages(client, place.query()))


def test_an_account_s_posts_in_closed_subreddits_are_not_shown() -> None:
    hidden = Venue("Hidden", "t5_hid", "private", 0.5, 1.0, 3, "Invented")
    posts = [*minutely(2, until=NOON), submission(9, at=NOON - HOUR, venue=hidden.name)]
    with village(posts, more_venues=[hidden]) as place:
        assert len(ids(list(user(place.client(), place.query())))) == 2


# --- listings that misbehave ---------------------------------------------------------------


def test_pages_that_show_items_again_give_each_once() -> None:
    with village(minutely(350, until=NOON)) as place:
        place.faults.repeats.extend([0, 7, 99, 30])
        pages = list(reddit.fetch_pages(place.client(), place.query()))
    assert len(ids(pages)) == len(set(ids(pages))) == 350


@pytest.mark.parametrize("vanish_count", [1, 2, 3, 30, 99])
def test_however_many_of_a_page_s_last_items_vanish_nothing_else_is_lost(vanish_count: int) -> None:
    posts = minutely(350, until=NOON)
    first = len(posts) - 100
    for place_in_list in range(first, first + vanish_count):
        gone = Gone(NOON + MINUTE, "deleted_by_author")
        posts[place_in_list] = replace(posts[place_in_list], gone=gone)
    with village(posts) as place:
        query = place.query()
        pages = reddit.fetch_pages(place.client(), query)
        got = [next(pages)]
        place.now = NOON + 2 * MINUTE
        got += pages
    assert set(ids(got)) == {post.native_id for post in posts}
    assert [interval.kind for interval in covered(got)].count("gap") == 0


def test_a_page_whose_every_item_vanished_ends_in_a_gap_and_not_in_a_claim() -> None:
    posts = minutely(350, until=NOON)
    for number in range(250, 350):
        gone = Gone(NOON + MINUTE, "deleted_by_author")
        posts[number] = replace(posts[number], gone=gone)
    with village(posts) as place:
        query = place.query()
        pages = reddit.fetch_pages(place.client(), query)
        got = [next(pages)]
        place.now = NOON + 2 * MINUTE
        got += pages
        client = place.client()
        later = list(reddit.fetch_pages(client, place.query(position=None)))
    [gap] = [interval for interval in covered(got) if interval.kind == "gap"]
    assert (gap.from_at, gap.reason) == (query.since, "listing ends")
    assert posts[250].created_at <= gap.to_at <= posts[252].created_at
    assert set(ids(later)) == {post.native_id for post in posts[:250]}


def test_empty_and_short_pages_that_go_on_are_followed() -> None:
    posts = [
        replace(p, gone=Gone(NOON - MINUTE / 2, "removed_by_moderator")) if 60 <= n < 290 else p
        for n, p in enumerate(minutely(350, until=NOON))
    ]
    with village(posts, options=RedditOptions(keeps_removed=True)) as place:
        pages = list(reddit.fetch_pages(place.client(), place.query()))
    assert [len(page.items) for page in pages] == [60, 0, 10, 50]
    assert covered(pages)[-1].from_at == place.query().since
    assert [interval.kind for interval in covered(pages)].count("gap") == 0


def test_a_listing_that_never_ends_is_given_up_and_says_so() -> None:
    with village(minutely(600, until=NOON)) as place:
        place.faults.repeats.extend([0, *[99] * 400])  # one new item an answer
        pages = list(reddit.fetch_pages(place.client(), place.query()))
    assert place.requests_count == ANSWERS_LIMIT
    assert covered(pages)[-1].kind == "gap"


@pytest.mark.parametrize("minutes", [-10, -3, 3, 10])
def test_a_server_whose_clock_is_off_loses_nothing_and_claims_nothing_unseen(minutes: int) -> None:
    posts = minutely(400, until=NOON + 3 * HOUR)
    with village(posts) as place:
        place.skew = minutes * MINUTE
        client, position, held = place.client(), None, set[str]()
        for step in range(4):
            place.now = NOON + step * 50 * MINUTE
            pages = list(reddit.fetch_pages(client, place.query(position=position)))
            position = pages[-1].position
            held |= set(ids(pages))
            shown = {p.native_id for p in posts if p.created_at <= place.now + place.skew}
            claimed = max(interval.to_at for interval in covered(pages))
            assert held == shown
            assert claimed <= place.now + place.skew + CLOCK_SLACK / 600
            assert {p.native_id for p in posts if p.created_at < claimed} <= held


def test_a_study_that_begins_earlier_now_is_read_back_to_its_new_beginning() -> None:
    with village(minutely(300, until=NOON)) as place:
        client = place.client()
        late = list(reddit.fetch_pages(client, place.query(since=NOON - HOUR)))
        wider = list(reddit.fetch_pages(client, place.query(position=late[-1].position)))
    assert len(ids(late)) == 100
    assert len(ids(wider)) == 300
    assert min(interval.from_at for interval in covered(wider)) == place.query().since


# --- trees within limits -------------------------------------------------------------------


def forked() -> tuple[Post, list[Post]]:
    """Grow 150 answers, each answered once, and once more."""
    root = submission(0, at=NOON - 5 * HOUR)
    first = [comment(n, under=root, at=NOON - 4 * HOUR) for n in range(150)]
    second = [comment(200 + n, under=one, at=NOON - 3 * HOUR) for n, one in enumerate(first)]
    third = [comment(400 + n, under=one, at=NOON - 2 * HOUR) for n, one in enumerate(second)]
    return root, [*first, *second, *third]


@pytest.mark.parametrize(
    ("depth", "limit", "requests_count"),
    [(1, 1_000, 2), (2, 1_000, 3), (3, 40, 1), (3, 120, 2), (1, 5, 1)],
)
def test_a_tree_is_read_to_its_stated_depth_and_count(
    depth: int, limit: int, requests_count: int
) -> None:
    root, comments = forked()
    with village([root, *comments], options=RedditOptions(tree_limit=100)) as place:
        limits = reddit.TreeLimits(depth, limit)
        [page] = reddit.fetch_threads(place.client(), place.query(), [root.native_id], limits)
    posts = reddit.parse_page(page).posts
    kept = posts.filter(posts["kind"] == "comment")
    by_id = {post.native_id: post for post in comments}

    def level(name: str) -> int:
        post = by_id[name]
        return 1 if post.parent_id == root.native_id else 1 + level(str(post.parent_id))

    assert kept.height == min(limit, 150 * depth)
    assert max(level(name) for name in kept["native_id"]) <= depth
    assert set(kept["parent_native_id"]) <= {root.native_id, *kept["native_id"]}
    assert page.requests_count == place.requests_count == requests_count


def test_children_of_many_stubs_without_answers_are_asked_for_together() -> None:
    root = submission(0, at=NOON - 5 * HOUR)
    first = [comment(n, under=root, at=NOON - 4 * HOUR) for n in range(60)]
    second = [comment(100 + n, under=one, at=NOON - 3 * HOUR) for n, one in enumerate(first)]
    with village([root, *first, *second], options=RedditOptions(tree_limit=60)) as place:
        [page] = reddit.fetch_threads(place.client(), place.query(), [root.native_id])
    assert len(page.items) == 121
    assert place.faults.requests["/api/info"] == 1
    assert place.requests_count == 2  # praw's own replace_more asks sixty times


def test_a_stub_that_leads_nowhere_is_no_removal_of_its_submission() -> None:
    root, comments = forked()
    with village([root, *comments]) as place:
        place.faults.arm(Fault("status", status=404), nth=1, path="/api/morechildren")
        client = place.client()
        with pytest.raises(SourceUnavailable, match="cannot be read"):
            list(reddit.fetch_threads(client, place.query(), [root.native_id]))
