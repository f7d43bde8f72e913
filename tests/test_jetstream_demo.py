"""Jetstream over the invented community's history: nothing lost, nothing twice, whatever breaks."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest

from connectors.bluesky import connect, fetch_profiles
from connectors.jetstream import EventFilter, fetch_event_pages, parse_events, post_authors
from demo.bluesky_server import bluesky_app
from demo.community import SMALL, invent
from demo.faults import Faults
from demo.history import exists, status
from demo.model import Community
from demo.serve import serving
from demo.timing import SINCE
from schema.pages import RawPage
from tests.support.appview_script import NOW
from tests.support.jetstream_script import query

MIDDLE = SINCE + timedelta(days=30)
HASTE = (0.01, 0.01, 0.01)


@pytest.fixture(scope="module")
def community() -> Community:
    return invent(3, size=SMALL)


@contextmanager
def network(community: Community, faults: Faults, now: datetime = NOW) -> Iterator[str]:
    with serving(bluesky_app(community, lambda: now, faults)) as url:
        yield url


def everybody(community: Community) -> EventFilter:
    people = [person for person in community.people if person.platform == "bluesky"]
    return EventFilter(dids=frozenset(person.native_id for person in people))


def read(url: str, wanted: EventFilter, position: str | None = None) -> list[RawPage]:
    return list(
        fetch_event_pages(
            [url],
            query(position),
            wanted=wanted,
            page_size=40,
            idle_seconds=0.3,
            backoff_seconds=HASTE,
        )
    )


def told(pages: list[RawPage]) -> Counter[str]:
    """Count every item of a pass by its whole content."""
    return Counter(json.dumps(item, sort_keys=True) for page in pages for item in page.items)


def test_the_whole_history_comes_once_in_order_and_ends_at_the_tip(community: Community) -> None:
    with network(community, Faults()) as url:
        pages = read(url, everybody(community))
        again = read(url, everybody(community), pages[-1].position)
    assert set(told(pages).values()) == {1}
    seqs = [item["seq"] for page in pages for item in page.items]
    assert seqs == sorted(seqs)
    assert len(pages) > 3
    assert all(page.notes == {} for page in pages)  # the frames came compressed
    assert [page.items for page in again] == [()]
    assert again[0].position == pages[-1].position


def test_every_post_that_was_written_is_a_post_a_removal_or_set_aside(
    community: Community,
) -> None:
    with network(community, Faults()) as url:
        pages = read(url, everybody(community))
        client = connect(url)
        frames = [
            parse_events(page, profiles=fetch_profiles(client, post_authors(page), source="words"))
            for page in pages
        ]
    found = {native for frame in frames for native in frame.posts["native_id"]}
    gone = {native for frame in frames for native in frame.removals["native_id"].drop_nulls()}
    aside = sum(fault.count for frame in frames for fault in frame.set_aside)
    written = {
        post.native_id
        for post in community.posts
        if post.platform == "bluesky"
        and exists(post, NOW)
        and status(post.author, NOW) != "deleted"  # a deleted account takes its events with it
    }
    stands = {native for native in written if community.by_id[native].gone is None}
    assert len(stands - found) <= aside
    assert gone <= written
    hidden = {p.native_id for p in community.people if p.is_hidden_logged_out}
    for frame in frames:
        shown = frame.posts.filter(frame.posts["is_visible_logged_out"])
        assert hidden.isdisjoint(shown["author"])


def test_closed_accounts_arrive_whatever_the_filter_lets_through(community: Community) -> None:
    with network(community, Faults()) as url:
        pages = read(url, EventFilter(keywords=("a phrase that nobody wrote",)))
    found = [parse_events(page) for page in pages]
    closed = {author for one in found for author in one.removals["author"].drop_nulls()}
    closed |= {author for one in found for author in one.accounts["author"]}
    changed = {p.native_id for p in community.people if p.platform == "bluesky" and p.changes}
    assert changed
    assert changed <= closed


@pytest.mark.parametrize("seed", range(5))
def test_a_line_that_is_cut_loses_nothing_and_repeats_nothing(
    community: Community, seed: int
) -> None:
    with network(community, faults := Faults()) as url:
        undisturbed = told(read(url, everybody(community)))
        faults.drop_after, faults.error_after = 7 + 13 * seed, 5 + 11 * seed
        disturbed = told(read(url, everybody(community)))
        assert all(after is None for after in (faults.drop_after, faults.error_after))
    assert disturbed == undisturbed


@pytest.mark.parametrize("pages_stored", [0, 1, 2, 3])
def test_a_crash_after_any_page_resumes_to_the_same_pages(
    community: Community, pages_stored: int
) -> None:
    with network(community, Faults()) as url:
        undisturbed = read(url, everybody(community))
        stored = undisturbed[:pages_stored]  # the next one was read and never stored
        resumed = read(url, everybody(community), stored[-1].position if stored else None)
    assert [page.items for page in stored + resumed] == [page.items for page in undisturbed]


def test_a_floor_that_rose_above_the_cursor_leaves_one_gap_row(community: Community) -> None:
    with network(community, Faults(), MIDDLE) as url:
        first = list(
            fetch_event_pages(
                [url],
                query(now=MIDDLE),
                wanted=everybody(community),
                idle_seconds=0.3,
            )
        )
    with network(community, faults := Faults()) as url:
        tip = json.loads(read(url, everybody(community))[-1].position or "")["seq"]
        stored = json.loads(first[-1].position or "") | {"host": url.removeprefix("http://")}
        faults.jetstream_floor = (stored["seq"] + tip) // 2
        pages = read(url, everybody(community), json.dumps(stored))
    [gap] = [row for page in pages for row in page.covered if row.kind == "gap"]
    assert gap.reason == "OutdatedCursor"
    assert gap.from_at == datetime.fromisoformat(stored["witnessed_at"])
    assert min(item["seq"] for item in pages[0].items) >= faults.jetstream_floor
