"""What surrounds a collected post: root, parents, sampled replies, quotes, what is not shown."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.bluesky import (
    ReplySample,
    connect,
    fetch_quotes,
    fetch_surroundings,
    fetch_threads,
    parse_page,
)
from schema.pages import ContextFact
from tests.support.appview_script import DEFS, OTHER, WRITER, Ask, query, scripted_appview, view
from tests.support.sky import PANEL, THREADS, Sky, did, private_file, under
from warehouse import store

READER = did("reader")
QUOTE = "app.bsky.embed.record"


def conversation() -> Sky:
    """A stranger's root, four posts down to the writer's reply, and an answer to that."""
    sky = Sky()
    sky.write("root", by=OTHER)
    for number, above in enumerate(("root", "r0", "r1", "r2")):
        sky.write(f"r{number}", by=READER, to=above)
    sky.write("mine", to="r3")
    sky.write("below", by=OTHER, to="mine")
    return sky


def test_a_collected_reply_brings_its_parents_its_root_and_the_replies(tmp_path: Path) -> None:
    with under(tmp_path, conversation()) as at:
        at.collect("panel", "threads")
        assert at.held() == at.keys("root", "r0", "r1", "r2", "r3", "mine", "below")
        edges = at.study.sql("select depth from reply_edge order by depth")
        assert edges["depth"].to_list() == [1, 2, 3, 4, 5, 6]
        assert at.contexts() == set()


@pytest.mark.long
def test_a_root_far_above_comes_however_few_parents_are_wanted(tmp_path: Path) -> None:
    sky = conversation()
    path = private_file(tmp_path / "panel.dids", WRITER)
    sources = PANEL.format(path=path) + THREADS + "parents = 1\ndepth = 0\n"
    with under(tmp_path, sky, sources) as at:
        at.collect("panel", "threads")
        assert at.held() == at.keys("root", "r3", "mine")
        assert sky.asked("getPostThread") == 3  # the reply, its root, the root's replies


def test_what_was_read_is_not_asked_for_again_until_it_moves(tmp_path: Path) -> None:
    sky = conversation()
    with under(tmp_path, sky) as at:
        at.collect("panel", "threads")
        asked = sky.asked("getPostThread")
        assert at.collect("threads")["requests_count"] == 0
        sky.write("late", by=READER, to="root")
        at.study.now += timedelta(days=2)
        at.study.refresh("bluesky")  # looks at counts, then at threads that grew
        assert at.key("late") in at.held()
        assert sky.asked("getPostThread") == asked + 1


def test_who_wants_signed_in_readers_is_not_read_and_what_is_held_goes(tmp_path: Path) -> None:
    sky = Sky()
    sky.write("mine")
    with under(tmp_path, sky) as at:
        assert at.collect("panel")["requests_count"] == 2  # the profile, and the feed
        sky.profiles = [{"did": WRITER, "labels": [{"val": "!no-unauthenticated"}]}]
        asked = sky.asked("getAuthorFeed")
        tally = at.collect("panel")
        assert (tally["removed_count"], at.held()) == (1, set())
        assert sky.asked("getAuthorFeed") == asked
        sky.profiles = []
        assert at.collect("panel")["new_count"] == 1  # a wish may end


@pytest.mark.long
def test_a_root_whose_reply_count_nobody_told_is_read_once(tmp_path: Path) -> None:
    """An event of the stream tells no counts."""
    sky = Sky()
    sky.write("root")
    sky.write("answer", by=OTHER, to="root")
    with under(tmp_path, sky) as at:
        at.collect("panel")
        at.study.write("delete from landed.engagement_snapshots")
        at.collect("threads")
        assert at.held() == at.keys("root", "answer")
        at.study.write("delete from landed.engagement_snapshots")
        assert at.collect("threads")["requests_count"] == 0


@pytest.mark.parametrize(("state", "fate"), [("not_found", "gone"), ("blocked", "blocked")])
def test_a_parent_that_is_not_shown_is_said_so(tmp_path: Path, state: str, fate: str) -> None:
    sky = conversation()
    getattr(sky, fate).add("r3")
    with under(tmp_path, sky) as at:
        at.collect("panel", "threads")
        assert at.held() == at.keys("root", "r0", "r1", "r2", "mine")
        assert at.contexts() == {(at.key("mine"), "parent", state)}
        assert at.collect("threads")["requests_count"] == 0


def test_a_root_that_is_gone_is_said_so_and_leaves_what_stands_below(tmp_path: Path) -> None:
    sky = Sky()
    sky.write("mine", to="never")
    with under(tmp_path, sky) as at:
        at.collect("panel", "threads")
        relations = {(relation, state) for _, relation, state in at.contexts()}
        assert relations == {("parent", "not_found"), ("root", "not_found")}
        assert at.held() == at.keys("mine")
        assert sky.asked("getPostThread") == 1  # its root is the parent that is not there


@pytest.mark.long
def test_a_parent_that_comes_back_is_no_longer_said_to_be_hidden(tmp_path: Path) -> None:
    sky = Sky()
    sky.write("root", by=OTHER)
    sky.write("mine", to="root")
    sky.blocked.add("root")
    with under(tmp_path, sky) as at:
        at.collect("panel", "threads")
        assert {relation for _, relation, _ in at.contexts()} == {"parent", "root"}
        sky.blocked.clear()
        at.study.write("delete from landed.thread_reads")
        at.collect("threads")
        assert at.contexts() == set()


def test_what_was_removed_later_counts_as_not_found(tmp_path: Path) -> None:
    sky = conversation()
    with under(tmp_path, sky) as at:
        at.collect("panel", "threads")
        sky.gone.add("r3")
        at.study.now += timedelta(days=2)
        at.study.refresh("bluesky")
        assert at.contexts() == {(at.key("mine"), "parent", "not_found")}


def test_a_coder_is_told_that_the_post_above_is_gone(tmp_path: Path) -> None:
    sky = conversation()
    sky.gone.add("r3")
    with under(tmp_path, sky) as at:
        at.collect("panel", "threads")
        at.study.write(
            "insert into landed.units select 'w', 'R1', 'reply', post_key, version_key, 's', 1, 1, "
            f"observed_at from landed.post_versions where post_key = {at.key('mine')}"
        )
        path = at.study.place.folder / "warehouse.duckdb"
        with store.open_warehouse(path, now=at.study.now) as warehouse:
            [task] = store.coding_tasks(warehouse, "w", "R1", "reply")
        turns = task.thread
        assert [turn.text for turn in turns] == [
            "The kettle is on again, root",
            "The post that this one answers was deleted.",
        ]
        assert turns[-1].author == "—"


def test_no_more_replies_are_kept_than_the_study_wants(tmp_path: Path) -> None:
    sky = Sky()
    sky.write("root")
    for number in range(30):
        sky.write(f"a{number}", by=READER, to="root")
        sky.write(f"b{number}", by=OTHER, to=f"a{number}")
    path = private_file(tmp_path / "panel.dids", WRITER)
    sources = PANEL.format(path=path) + THREADS + "replies_per_thread = 7\n"
    with under(tmp_path, sky, sources) as at:
        at.collect("panel", "threads")
        assert len(at.held()) == 8
        orphans = at.study.sql("select count(*) from reply_edge where depth is null").item()
        assert orphans == 0  # each kept reply hangs on kept ones


REPLIES = st.dictionaries(st.integers(1, 40), st.integers(0, 40), max_size=40).map(
    lambda tree: {str(n): str(above) for n, above in tree.items() if above < n}
)


@given(replies=REPLIES, order=st.randoms(), size=st.integers(1, 12), seed=st.integers(0, 9))
def test_the_same_replies_are_drawn_in_whatever_order_they_came(
    replies: dict[str, str | None], order: Any, size: int, seed: int
) -> None:
    shuffled = list(replies.items())
    order.shuffle(shuffled)
    drawn = ReplySample(seed, size).draw(replies)
    assert drawn == ReplySample(seed, size).draw(dict(shuffled))
    assert len(drawn) <= size
    for reply in drawn:  # the way up is whole
        assert replies[reply] in drawn or replies[reply] not in replies
    if len(replies) <= size:
        assert drawn == set(replies)


@pytest.mark.long
def test_another_seed_draws_other_replies() -> None:
    replies: dict[str, str | None] = {f"at://x/{n}": "root" for n in range(100)}
    drawn = [ReplySample(seed, 10).draw(replies) for seed in range(5)]
    assert len({frozenset(one) for one in drawn}) == 5


def quoting(kind: str, *, beside_pictures: bool = False) -> dict[str, Any]:
    """Write a view that quotes a post in some state."""
    record: dict[str, Any] = {
        "$type": f"{QUOTE}#{kind}",
        "uri": f"at://{OTHER}/app.bsky.feed.post/q",
    }
    embed: dict[str, Any] = {"$type": f"{QUOTE}#view", "record": record}
    if beside_pictures:
        embed = {"$type": "app.bsky.embed.recordWithMedia#view", "record": {"record": record}}
    return view("k", embed=embed)


@pytest.mark.parametrize("beside_pictures", [False, True])
@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("viewRecord", None),
        ("viewNotFound", "not_found"),
        ("viewBlocked", "blocked"),
        ("viewDetached", "detached"),
    ],
)
def test_the_state_of_what_a_post_quotes_is_read_on_every_route(
    kind: str, state: Any, beside_pictures: bool
) -> None:
    shown = quoting(kind, beside_pictures=beside_pictures)
    with scripted_appview(lambda ask: {"posts": [shown, view("plain"), {"uri": 7}]}) as appview:
        [page] = fetch_quotes(connect(appview.url), query(), shown["uri"], limit=9)
    assert parse_page(page).contexts == (ContextFact(shown["uri"], "quoted", state),)


def test_a_detached_quote_is_stored_as_such(tmp_path: Path) -> None:
    sky = Sky()
    sky.write("mine", embed=quoting("viewDetached")["embed"])
    with under(tmp_path, sky) as at:
        at.collect("panel")
        assert at.contexts() == {(at.key("mine"), "quoted", "detached")}


def test_who_quotes_a_collected_root_is_read_when_the_count_moves(tmp_path: Path) -> None:
    sky = Sky()
    mine = sky.write("mine")
    sky.posts["mine"]["quoteCount"] = 5
    for number in range(5):
        sky.write(f"q{number}", by=OTHER)
        sky.posts[f"q{number}"]["quoteCount"] = 1
    sky.lists[f"quotes {mine}"] = [f"q{number}" for number in range(5)]
    sky.write("under", by=READER, to="q4")
    sky.page_size = 2
    path = private_file(tmp_path / "panel.dids", WRITER)
    with under(tmp_path, sky, PANEL.format(path=path) + THREADS + "quotes = 3\n") as at:
        at.collect("panel", "threads")
        assert at.held() == at.keys("mine", "q4", "q3", "q2")  # the newest, and no further
        assert sky.asked("getQuotes") == 2
        assert at.collect("threads")["requests_count"] == 0


def test_an_invalid_record_costs_no_page_of_quotes_and_no_thread() -> None:
    bad = view("bad") | {"author": None, "indexedAt": 7}

    def answer(ask: Ask) -> Any:
        if ask.method == "getQuotes":
            return {"posts": [bad, view("good"), "x"]}
        tree = {"$type": f"{DEFS}#threadViewPost", "post": view("good"), "replies": [{"post": bad}]}
        return {"thread": tree}

    with scripted_appview(answer) as appview:
        client = connect(appview.url)
        good = view("good")["uri"]
        pages = [
            *fetch_quotes(client, query(), good, limit=9),
            *fetch_threads(client, query(), [good], depth=3, parents=0),
            fetch_surroundings(client, query(), good, parents=3),
        ]
    found = [parse_page(page) for page in pages]
    assert [parsed.posts["native_id"].to_list() for parsed in found] == [[good]] * 3
    assert [sum(one.count for one in parsed.set_aside) for parsed in found] == [2, 1, 1]
