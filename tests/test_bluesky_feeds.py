"""Custom feeds, lists and search: what a pass reads, what it may claim, where it ends."""

import json
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from connectors.bluesky import (
    connect,
    fetch_list_pages,
    fetch_ranked_pages,
    fetch_search_pages,
    parse_found,
    parse_page,
    resolve_feeds,
)
from schema.errors import SourceRefused, SourceUnavailable
from schema.pages import Coverage, RawPage
from tests.support.appview_script import (
    DEFS,
    HANDLE,
    NOW,
    OTHER,
    SINCE,
    Ask,
    entry,
    iso,
    page,
    query,
    refused,
    scripted_appview,
    uri,
    view,
)
from tests.support.sky import Sky, private_file, under

HOUR = timedelta(hours=1)
FEED = f"at://{OTHER}/app.bsky.feed.generator/weather"
LIST = f"at://{OTHER}/app.bsky.graph.list/neighbours"
FEEDS = '[[source]]\nname = "feeds"\nkind = "bluesky_feed"\nuri_file = "{path}"\n'
SEARCH = '[[source]]\nname = "words"\nkind = "bluesky_search"\nquery = "kettle"\n'


def natives(pages: list[RawPage]) -> list[str]:
    return [native for one in pages for native in parse_page(one).posts["native_id"]]


def paged(key: str, *pages: list[Any], last_cursor: str | None = None) -> Any:
    """Answer with these pages in turn; the cursor is the page's number."""

    def answer(ask: Ask) -> Any:
        number = int(ask.one("cursor") or 0)
        following = str(number + 1) if number + 1 < len(pages) else last_cursor
        return {key: pages[number]} | ({"cursor": following} if following else {})

    return answer


def notes(*hours: int) -> list[Any]:
    return [entry(view(f"h{hour}", at=NOW - hour * HOUR)) for hour in hours]


# --- lists and custom feeds -----------------------------------------------------------------


def test_a_list_is_read_to_its_watermark_and_covers_its_venue() -> None:
    answer = paged("feed", notes(1), [], notes(20, 25), notes(26))
    with scripted_appview(answer) as appview:
        client = connect(appview.url)
        first = list(fetch_list_pages(client, query(venue=LIST), LIST))
        again = list(fetch_list_pages(client, query(first[-1].position, venue=LIST), LIST))
    assert natives(first) == [uri(f"h{hour}") for hour in (1, 20, 25, 26)]
    assert first[-1].covered == (Coverage(SINCE, NOW - 25 * HOUR, venue=LIST),)
    assert natives(again) == [uri(f"h{hour}") for hour in (1, 20, 25)]
    assert [one.position is None for one in again] == [True, True, False]


def test_a_custom_feed_is_a_ranking_and_covers_nothing() -> None:
    pin = entry(view("pin"), reason={"$type": f"{DEFS}#reasonPin"})
    passed_on = entry(view("hers"), reason={"$type": f"{DEFS}#reasonRepost", "indexedAt": iso(NOW)})
    with scripted_appview(paged("feed", [pin, passed_on], [], notes(900, 3))) as appview:
        pages = list(fetch_ranked_pages(connect(appview.url), query(), FEED, limit=1000))
    assert natives(pages) == [uri("pin"), uri("h900"), uri("h3")]
    assert {(one.position, one.covered) for one in pages} == {(None, ())}
    assert [one.requests_count for one in pages] == [1, 1, 1]


def test_a_feed_without_end_is_read_as_far_as_the_study_says() -> None:
    def endless(ask: Ask) -> Any:
        number = ask.number("cursor")
        size = ask.number("limit")
        return {"feed": notes(*range(number, number + size)), "cursor": str(number + size)}

    with scripted_appview(endless) as appview:
        pages = list(fetch_ranked_pages(connect(appview.url), query(), FEED, limit=130))
    assert len(natives(pages)) == 130
    assert [ask.number("limit") for ask in appview.asked] == [100, 30]


@pytest.mark.parametrize("fetch", [fetch_list_pages, fetch_ranked_pages])
def test_a_bad_view_costs_no_page_and_a_cursor_in_circles_ends_the_pass(fetch: Any) -> None:
    bad = entry(view("bad") | {"author": None, "indexedAt": []})
    answer = paged("feed", [*notes(1), bad, "x", {}], notes(2), last_cursor="1")
    limit = {"limit": 1000} if fetch is fetch_ranked_pages else {}
    read: list[RawPage] = []
    with (
        scripted_appview(answer) as appview,
        pytest.raises(SourceUnavailable, match="repeats a page's cursor"),
    ):
        read.extend(fetch(connect(appview.url), query(), LIST, **limit))
    assert natives(read)[:2] == [uri("h1"), uri("h2")]
    assert sum(aside.count for aside in parse_page(read[0]).set_aside) == 3


def test_feeds_are_named_by_address_or_by_the_app_s_page() -> None:
    def profiles(ask: Ask) -> Any:
        return {"profiles": [{"did": OTHER, "handle": HANDLE}]}

    lines = [
        FEED,
        f"https://bsky.app/profile/{HANDLE}/feed/weather",
        f"https://bsky.app/profile/{OTHER}/lists/neighbours",
        f"at://{HANDLE}/app.bsky.graph.list/neighbours",
    ]
    strays = [uri("post"), "at://nobody.invented.example/app.bsky.feed.generator/x", "weather"]
    with scripted_appview(profiles) as appview:
        found = resolve_feeds(connect(appview.url), [*lines, *strays], source="sky")
    assert found == dict(zip(lines, [FEED, FEED, LIST, LIST], strict=True))


def test_feeds_are_collected_each_as_a_venue_that_names_nobody(tmp_path: Path) -> None:
    sky = Sky()
    for number in range(4):
        sky.write(f"p{number}")
    sky.lists = {FEED: ["p0", "p1"], LIST: ["p2", "p3"]}
    path = private_file(tmp_path / "feeds.uris", FEED, LIST, FEED.replace("weather", "gone"))
    with under(tmp_path, sky, FEEDS.format(path=path)) as at:
        tally = at.collect("feeds")
        assert (tally["new_count"], at.held()) == (4, at.keys("p0", "p1", "p2", "p3"))
        rows = at.study.sql(
            "select community_key, stream, count(*) as n from landed.post_versions group by all"
        )
        assert rows["n"].to_list() == [2, 2]
        for community, stream, _ in rows.iter_rows():
            assert community.startswith("bluesky/feed_")
            assert stream == f"feeds/{community.partition('/')[2]}"
        covered = at.study.sql("select kind, community_key, stream from landed.coverage")
        assert covered.height == 1  # the list alone covers an interval
        assert set(covered["community_key"]) <= set(rows["community_key"])
        assert at.collect("feeds")["new_count"] == 0


def test_a_file_whose_feeds_are_all_gone_is_told_without_an_address(tmp_path: Path) -> None:
    path = private_file(tmp_path / "feeds.uris", FEED)
    with under(tmp_path, Sky(), FEEDS.format(path=path)) as at:
        with pytest.raises(SourceRefused, match="none of its 1 feeds can be read") as told:
            at.collect("feeds")
        assert OTHER not in str(told.value)


# --- search -------------------------------------------------------------------------------


def results(*hours: float, text: str = "the kettle is on") -> list[Any]:
    return [
        view(f"s{hour:g}", at=NOW - hour * HOUR, record={"text": text}, indexedAt=iso(NOW))
        for hour in hours
    ]


def search_of(found: list[Any], *, cap: int = 10_000, page_size: int = 3) -> Any:
    """Answer as a search does: by window, so many a page, `cap` results at most."""

    def answer(ask: Ask) -> Any:
        since, until = (ask.one(name) or "" for name in ("since", "until"))
        inside = [
            one
            for one in found
            if one["record"]["createdAt"] >= since[:23]
            and (not until or datetime.fromisoformat(one["record"]["createdAt"])
                 < datetime.fromisoformat(until))
        ][:cap]  # fmt: skip
        start = ask.number("cursor")
        more = {"cursor": str(start + page_size)} if start + page_size < len(inside) else {}
        return {"posts": inside[start : start + page_size]} | more

    return answer


def search(answer: Any, terms: str = "kettle", position: str | None = None) -> list[RawPage]:
    with scripted_appview(answer) as appview:
        return list(fetch_search_pages(connect(appview.url), query(position), terms))


def test_a_search_is_read_on_in_windows_behind_its_cap() -> None:
    found = results(*range(1, 40))
    pages = search(search_of(found, cap=10))
    assert set(natives(pages)) == {one["uri"] for one in found}
    assert not [row for one in pages for row in one.covered if row.kind == "gap"]
    assert json.loads(pages[-1].position or "")["watermark"] == iso(NOW)[:-1] + "000Z"
    assert {row.venue for one in pages for row in one.covered} == {None}  # it holds none whole
    spans = sorted((row.from_at, row.to_at) for one in pages for row in one.covered)
    assert (spans[0][0], spans[-1][1]) == (SINCE, NOW)
    assert all(a[1] == b[0] for a, b in pairwise(spans))


def test_a_second_page_that_is_refused_leaves_a_gap_with_its_bounds() -> None:
    whole = search_of(results(1, 2, 3, 4, 5))

    def signed_out(ask: Ask) -> Any:
        return Response("Forbidden", 403) if ask.one("cursor") else whole(ask)

    pages = search(signed_out)
    assert natives(pages) == [uri("s1"), uri("s2"), uri("s3")]
    [gap] = [row for one in pages for row in one.covered if row.kind == "gap"]
    assert (gap.from_at, gap.to_at) == (SINCE, NOW - 3 * HOUR)
    assert gap.reason == "search shows its first page alone to readers who are signed out"
    assert pages[-1].position is not None  # the next pass does not try the same again


def test_more_results_in_one_instant_than_a_search_shows_leave_a_gap() -> None:
    same = [one | {"uri": uri(f"x{n}")} for n in range(9) for one in results(5)]
    turn = iter(range(9))

    def fickle(ask: Ask) -> Any:
        """Show other ones of them each time."""
        return {"posts": [same[next(turn)]]}

    pages = search(fickle)
    [gap] = [row for one in pages for row in one.covered if row.kind == "gap"]
    assert (gap.to_at, gap.reason) == (NOW - 5 * HOUR, "search cannot be paged further")


def test_a_refusal_far_down_is_the_search_s_end() -> None:
    whole = search_of(results(1, 2, 3, 4, 5))

    def answer(ask: Ask) -> Any:
        return refused(400, "InvalidRequest") if ask.one("cursor") else whole(ask)

    [gap] = [row for one in search(answer) for row in one.covered if row.kind == "gap"]
    assert gap.reason == "search ends"


@pytest.mark.parametrize("status", [401, 403])
def test_a_search_that_is_closed_says_what_opens_it(status: int) -> None:
    with pytest.raises(SourceRefused, match=r"^sky: .*CONFIDE_BLUESKY_HANDLE"):
        search(lambda ask: Response("no", status))


def test_the_next_pass_reads_a_day_over() -> None:
    found = results(1, 20, 30)
    first = search(search_of(found))
    with scripted_appview(search_of(found)) as appview:
        pages = list(fetch_search_pages(connect(appview.url), query(first[-1].position), "kettle"))
    assert natives(pages) == [uri("s1"), uri("s20")]
    assert appview.asked[0].one("since") == "2026-02-28T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("terms", "text", "is_kept"),
    [
        ('"can\'t cope"', "I just CAN\u2019T  cope any more", True),
        ('"can\'t cope"', "I can not cope", False),
        ("struggling", "it is a struggle", True),
        ("struggling", "all is well", False),
        ("kettle from:someone lang:en -tea", "the kettle", True),
        ("#sleepless", "sleepless again", True),
        ("* https://x.example", "whatever", True),
    ],
)
def test_what_does_not_hold_the_words_it_was_found_by_is_set_aside(
    terms: str, text: str, is_kept: bool
) -> None:
    parsed = parse_found(page(*results(1, text=text), {"uri": 7}), terms)
    assert parsed.posts.height == is_kept
    rules = [one.rule for one in parsed.set_aside]
    assert ("search: the words it was found by are not in it" in rules) == (not is_kept)
    assert len(rules) == 2 - is_kept


def test_words_of_pictures_and_cards_count_as_the_post_s() -> None:
    card = {"external": {"uri": "https://x.example", "title": "A kettle", "description": ""}}
    shown = view("c", record={"text": "", "embed": card})
    assert parse_found(page(shown), "kettle").posts.height == 1


def test_a_search_is_collected_and_its_gap_stored(tmp_path: Path) -> None:
    sky = Sky()
    for number in range(3):
        sky.write(f"k{number}")
    sky.write("odd", text="nothing of the kind")
    with under(tmp_path, sky, SEARCH) as at:
        tally = at.collect("words")
        assert (tally["new_count"], tally["set_aside_count"]) == (3, 1)
        route = at.study.sql("select distinct route from landed.post_versions").item()
        assert route == "synthetic"
        kinds = at.study.sql("select distinct kind, community_key from landed.coverage")
        assert kinds.rows() == [("seen", None)]
