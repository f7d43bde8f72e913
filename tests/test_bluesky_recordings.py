"""Real recorded Bluesky answers and events, through the real client, sockets and warehouse.

What is expected is counted in the recordings themselves. Nothing of them is printed: assertions
compare counts, or sets behind `bool`.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from connectors.atproto_syntax import is_did, is_handle, record_uri, utc_time
from connectors.bluesky import connect, fetch_author_pages, fetch_posts, fetch_threads, parse_page
from connectors.jetstream import EventFilter, fetch_event_pages, parse_events
from schema.pages import CollectionQuery, ParsedPage, RawPage
from tests.support.appview_script import Ask, ScriptedAppView, page, scripted_appview, view
from tests.support.bluesky_replay import as_v2
from tests.support.jetstream_script import Wire, scripted_jetstream
from transforms.pseudonymize import engagement_snapshots, pseudonymize
from warehouse import store

pytestmark = pytest.mark.recordings

NOW = datetime(2026, 7, 5, tzinfo=UTC)
SINCE = datetime(2022, 1, 1, tzinfo=UTC)
KEY = bytes(range(32))
STAMP = store.SaveStamp(run_id="r", source="sky", stream="sky", route="fixture")
POSTS = "app.bsky.feed.post"

Body = Callable[[str], Any]


@pytest.fixture
def recordings(shared: Path) -> Path:
    return shared / "recordings" / "bluesky"


@pytest.fixture
def body(recordings: Path) -> Body:
    """Return a function that reads a recorded answer's body."""

    def read(name: str) -> Any:
        return json.loads((recordings / "api" / f"{name}-000.json").read_text())["body"]

    return read


@contextmanager
def replaying(recordings: Path) -> Iterator[ScriptedAppView]:
    """Serve recorded views: of every post by its at-uri, one thread, one feed."""
    bodies = [json.loads(path.read_text())["body"] for path in (recordings / "api").glob("*.json")]
    views = {
        post["uri"]: post
        for body in bodies
        for post in (*body.get("posts", ()), *(e["post"] for e in body.get("feed", ())))
    }
    thread = next(body for body in bodies if "thread" in body)
    feed = next(body["feed"] for body in bodies if "feed" in body)

    def answer(ask: Ask) -> Any:
        wanted = ask.params.get("uris", [])
        return {
            "getPosts": {"posts": [views[uri] for uri in wanted if uri in views]},
            "getPostThread": thread,
            "getAuthorFeed": {"feed": feed},
        }[ask.method]

    with scripted_appview(answer) as appview:
        yield appview


def query(**more: Any) -> CollectionQuery:
    return CollectionQuery("sky", "sky", "network", SINCE, NOW, **more)


def names(found: ParsedPage) -> set[str]:
    """List what leads to a person in a page's posts."""
    posts = found.posts
    own = set(posts["native_id"]) | set(posts["author"])
    listed = [*posts["author_names"].to_list(), *posts["mentions"].to_list()]
    return own | {name for some in listed for name in some if is_handle(name) or is_did(name)}


def land(pages: Sequence[RawPage], parsed: Sequence[ParsedPage], path: Path) -> tuple[int, bool]:
    """Store pages; return how many posts are held, and whether anybody's name is among them."""
    with store.open_warehouse(path, now=NOW) as warehouse:
        for one, found in zip(pages, parsed, strict=True):
            store.save_page(
                warehouse,
                pseudonymize(found.posts, key=KEY),
                engagement_snapshots(found.posts, key=KEY),
                STAMP,
                position=one.position,
                covered=one.covered,
                set_aside=found.set_aside,
            )
        [(held,)] = warehouse.execute("select count(*) from landed.post_versions")
        rows = str(warehouse.execute("select * from landed.post_versions"))
    return held, any(name in rows for found in parsed for name in names(found))


def test_recorded_posts_are_read_by_the_25_and_stored_without_a_name(
    recordings: Path, body: Body, tmp_path: Path
) -> None:
    posts = body("search")["posts"] + [entry["post"] for entry in body("get_list_feed")["feed"]]
    uris = [post["uri"] for post in posts]
    gone = "at://did:plc:n0b0dyn0b0dyn0b0dyn0b0dy/app.bsky.feed.post/gone"
    with replaying(recordings) as appview:
        pages = list(fetch_posts(connect(appview.url), query(), [*uris, gone]))
    assert [len(page.items) for page in pages] == [25, len(set(uris)) - 25]
    assert pages[-1].missing == (gone,)
    parsed = [parse_page(page) for page in pages]
    assert all(found.set_aside == () for found in parsed)
    assert bool({native for f in parsed for native in f.posts["native_id"]} == set(uris))
    assert land(pages, parsed, tmp_path / "w.duckdb") == (len(set(uris)), False)


def test_recorded_counts_dates_and_cards_are_read_as_they_stand(
    recordings: Path, body: Body
) -> None:
    posts = body("search")["posts"]
    with replaying(recordings) as appview:
        [one] = fetch_posts(connect(appview.url), query(), [post["uri"] for post in posts])
    frame = parse_page(one).posts
    assert frame["bluesky_likes_count"].sum() == sum(post["likeCount"] for post in posts)
    assert frame["replies_count"].sum() == sum(post["replyCount"] for post in posts)
    cards = [card for post in posts if (card := post.get("embed", {}).get("external"))]
    saying = sum(bool(card["title"] or card["description"]) for card in cards)
    read = frame["quoted_text"].drop_nulls().len()
    assert read == saying > 0
    assert bool({card["uri"] for card in cards} <= set(frame["links"].explode()))
    replies = sum("reply" in post["record"] for post in posts)
    answering = frame["parent_native_id"].drop_nulls().len()
    assert answering == replies
    assert bool(frame["is_created_at_plausible"].all())


def test_a_recorded_feed_and_thread_are_read_and_stored(
    recordings: Path, body: Body, tmp_path: Path
) -> None:
    [reference] = body("getposts")["posts"]
    with replaying(recordings) as appview:
        client = connect(appview.url)
        feed = list(fetch_author_pages(client, query(actor=reference["author"]["did"])))
        threads = list(fetch_threads(client, query(), [reference["uri"]], depth=6, parents=10))
    pages = feed + threads
    parsed = [parse_page(page) for page in pages]
    assert [found.posts.height for found in parsed] == [10, 1]
    assert land(pages, parsed, tmp_path / "w.duckdb") == (11, False)


def test_recorded_models_are_posts_or_say_what_they_lack(recordings: Path) -> None:
    def model(name: str) -> Any:
        return json.loads((recordings / "models" / f"{name}.json").read_text())

    thread = model("thread_view_post_with_embed_media")["thread"]["post"]
    found = parse_page(page(thread, view("k1", record=model("post_record"))))
    assert found.posts.height == 2
    assert not found.set_aside
    others = ("extended_post_record", "like_record", "feed_record", "did_doc")
    found = parse_page(page(*map(model, others)))
    assert found.posts.is_empty()
    assert sum(aside.count for aside in found.set_aside) == len(others)


@pytest.mark.parametrize("wire", ["v1", "v2"])
def test_recorded_events_become_posts_and_removals_and_are_stored_nameless(
    recordings: Path, tmp_path: Path, wire: Wire
) -> None:
    """The 75 and 10 events as a public v1 host sent them, and as v2 would frame them."""
    lines = [
        line
        for name in ("jetstream_v1_kinds", "jetstream_v1_events")
        for line in (recordings / f"{name}.jsonl").read_text().splitlines()
    ]
    commits = [event["commit"] for line in lines if "commit" in (event := json.loads(line))]
    posts = [commit for commit in commits if commit["collection"] == POSTS]
    written = [commit for commit in posts if commit["operation"] == "create"]
    everybody = EventFilter(dids=frozenset(json.loads(line)["did"] for line in lines))
    frames = lines if wire == "v1" else [as_v2(line, seq) for seq, line in enumerate(lines, 1)]
    with scripted_jetstream(frames, wires=[wire]) as host:
        pages = list(
            fetch_event_pages([host.url], query(), wanted=everybody, page_size=2, idle_seconds=0.1)
        )
    parsed = [parse_events(page) for page in pages]
    assert sum(page.scanned_count for page in pages) == len(lines)
    together = pl.concat([found.posts for found in parsed])
    assert together.height == len(written)
    assert sorted(together["text"].str.len_chars()) == sorted(
        len(c["record"]["text"]) for c in written
    )
    assert sum(found.removals.height for found in parsed) == len(posts) - len(written)
    assert all(found.set_aside == () for found in parsed)
    assert bool(together["is_created_at_plausible"].all())
    assert land(pages, parsed, tmp_path / "w.duckdb") == (len(written), False)


def lines(recordings: Path, name: str) -> list[str]:
    """Read a table of the protocol's own syntax cases; blanks belong to a case."""
    path = recordings / "syntax" / f"{name}.txt"
    return [
        line for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")
    ]


@pytest.mark.parametrize(("name", "is_valid"), [("did", is_did), ("handle", is_handle)])
def test_the_protocol_s_own_names_are_told_apart(
    recordings: Path, name: str, is_valid: Callable[[object], bool]
) -> None:
    assert [
        n for n, case in enumerate(lines(recordings, f"{name}_syntax_valid")) if not is_valid(case)
    ] == []
    assert [
        n for n, case in enumerate(lines(recordings, f"{name}_syntax_invalid")) if is_valid(case)
    ] == []


def test_the_protocol_s_own_times_are_told_apart(recordings: Path) -> None:
    assert all(utc_time(case) is not None for case in lines(recordings, "datetime_syntax_valid"))
    for name in ("datetime_syntax_invalid", "datetime_parse_invalid"):
        assert [n for n, case in enumerate(lines(recordings, name)) if utc_time(case)] == []


def test_no_at_uri_of_the_protocol_s_own_breaks_a_page(recordings: Path) -> None:
    cases = [
        case for kind in ("valid", "invalid") for case in lines(recordings, f"aturi_syntax_{kind}")
    ]
    items: list[Any] = [view("k1") | {"uri": case} for case in cases]
    items += [
        view(f"r{n}", record={"reply": {"root": {"uri": case}, "parent": {"uri": case}}})
        for n, case in enumerate(cases)
    ]
    found = parse_page(page(*items))
    assert found.posts.height + sum(aside.count for aside in found.set_aside) == len(items)
    invalid = lines(recordings, "aturi_syntax_invalid")
    assert [n for n, case in enumerate(invalid) if record_uri(case)] == []
