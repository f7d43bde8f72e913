"""Bluesky's own server software, read by our connectors: what it does, not what we think it does.

The servers keep real time, so these tests alone read the machine's clock. Every test has accounts
of its own: the network is shared by the session.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import httpx
import polars as pl
import pytest
from atproto import Client

from connectors.bluesky import (
    connect,
    fetch_author_pages,
    fetch_posts,
    fetch_profiles,
    fetch_threads,
    parse_page,
    resolve_actors,
)
from connectors.jetstream import EventFilter, fetch_event_pages, parse_events, post_authors
from schema.errors import SourceRefused
from schema.pages import CollectionQuery, Coverage, RawPage
from tests.support.bluesky_network import BlueskyNetwork, Seeded

pytestmark = pytest.mark.bluesky_network

SINCE = datetime(2022, 1, 1, tzinfo=UTC)


@pytest.fixture
def began() -> datetime:
    """Tell when the test began: its stream need not go further back."""
    return datetime.now(UTC)


@pytest.fixture
def client(bluesky_network: BlueskyNetwork) -> Client:
    return connect(bluesky_network.appview)


def query(**more: Any) -> CollectionQuery:
    given: dict[str, Any] = {"since": SINCE, "now": datetime.now(UTC)}
    return CollectionQuery("sky", "sky/0a", "network", **given | more)


def post(author: str, text: str, **more: Any) -> dict[str, Any]:
    return {"op": "post", "author": author, "text": text} | more


def act(op: str, **more: Any) -> dict[str, Any]:
    return {"op": op} | more


def feed(client: Client, did: str) -> pl.DataFrame:
    pages = list(fetch_author_pages(client, query(actor=did)))
    return pl.concat([parse_page(page).posts for page in pages])


def streamed(network: BlueskyNetwork, *dids: str, since: datetime, **more: Any) -> list[RawPage]:
    """Read what happened to some accounts since the test began."""
    return list(events(network, *dids, since=since, **more))


def events(
    network: BlueskyNetwork, *dids: str, since: datetime, url: str | None = None, **more: Any
) -> Iterator[RawPage]:
    return fetch_event_pages(
        [url or network.jetstream],
        query(since=since, **more),
        wanted=EventFilter(dids=frozenset(dids)),
        page_size=3,
        idle_seconds=0.5,
        backoff_seconds=(0.05,) * 5,
    )


def removals(pages: list[RawPage]) -> list[tuple[str | None, str | None, str]]:
    found = pl.concat([parse_events(page).removals for page in pages])
    return found.select("native_id", "author", "reason").rows()


def states(pages: list[RawPage], did: str | None = None) -> list[str]:
    """Return what the stream told of accounts, in order; of one where it is named."""
    found = pl.concat([parse_events(page).accounts for page in pages])
    return [row["status"] for row in found.to_dicts() if did in (None, row["author"])]


def posts_of(pages: list[RawPage]) -> pl.DataFrame:
    return pl.concat([parse_events(page).posts for page in pages])


@pytest.fixture(scope="module")
def rich(bluesky_network: BlueskyNetwork) -> Seeded:
    """Seed one conversation with everything a post can carry."""
    return bluesky_network.seed(
        act("profile", author="moss", displayName="Moss Lantern"),
        act("account", author="wren"),
        post("moss", "Über den Fluss #schlaf https://news.invented.example/a @wren.test", id="r1",
             langs=["de", "zz-bad"], created_at="2026-02-01T10:00:00.123456+02:00"),
        post("wren", "one", id="r2", reply_to="r1"),
        post("moss", "two", id="r3", reply_to="r2"),
        post("wren", "three", id="r4", reply_to="r3"),
        post("moss", "", id="pic", images=[{"alt": "a grey sea"}, {"alt": ""}]),
        post("moss", "a card", id="card",
             external={"uri": "https://fund.invented.example/x", "title": "T", "description": "D"}),
        post("moss", "I quote", id="quote", quote="r2", images=[{"alt": "a chair"}]),
        post("moss", "for adults", id="nsfw", labels=["porn"]),
        post("moss", "long ago", id="old", created_at="1970-01-01T00:00:00.000Z"),
        post("moss", "far away", id="far", created_at="2031-01-01T00:00:00.000Z"),
        act("like", author="wren", subject="r1"),
        act("repost", author="moss", subject="r4"),
    )  # fmt: skip


def test_a_feed_is_read_with_all_that_its_posts_carry(client: Client, rich: Seeded) -> None:
    frame = feed(client, rich.did("moss"))
    by_name = {name: frame.row(by_predicate=pl.col("native_id") == rich.uri(name), named=True)
               for name in ("r1", "r3", "pic", "card", "quote", "nsfw", "old", "far")}  # fmt: skip
    assert frame.height == len(by_name)  # what was passed on is another's
    first = by_name["r1"]
    assert first["created_at"] == datetime(2026, 2, 1, 8, 0, 0, 123456, tzinfo=UTC)
    assert first["author_names"] == ["moss.test", "Moss Lantern"]
    assert first["mentions"] == ["wren.test", rich.did("wren")]
    assert first["links"] == ["https://news.invented.example/a"]
    assert (first["hashtags_count"], first["declared_languages"]) == (1, ["de", "zz"])
    assert (first["bluesky_likes_count"], first["replies_count"]) == (1, 1)
    assert by_name["pic"]["alt_text"] == "a grey sea"
    assert by_name["card"]["quoted_text"] == "T\nD"
    assert by_name["card"]["links"] == ["https://fund.invented.example/x"]
    assert rich.did("wren") in by_name["quote"]["mentions"]
    assert by_name["quote"]["alt_text"] == "a chair"
    assert [name for name, row in by_name.items() if row["is_nsfw"]] == ["nsfw"]
    odd = [name for name, row in by_name.items() if not row["is_created_at_plausible"]]
    assert odd == ["old", "far"]
    assert by_name["r3"]["root_native_id"] == rich.uri("r1")
    assert by_name["r3"]["parent_native_id"] == rich.uri("r2")


@pytest.mark.parametrize(("depth", "names"), [(1, "r1 r2"), (2, "r1 r2 r3"), (9, "r1 r2 r3 r4")])
def test_a_thread_is_read_to_the_depth_asked_for(
    client: Client, rich: Seeded, depth: int, names: str
) -> None:
    [page] = fetch_threads(client, query(), [rich.uri("r1")], depth=depth, parents=0)
    assert set(parse_page(page).posts["native_id"]) == {rich.uri(name) for name in names.split()}


def test_a_thread_is_read_upwards_too(client: Client, rich: Seeded) -> None:
    [page] = fetch_threads(client, query(), [rich.uri("r4")], depth=0, parents=2)
    found = set(parse_page(page).posts["native_id"])
    assert found == {rich.uri(name) for name in ("r2", "r3", "r4")}


def test_the_stream_carries_the_same_posts_as_the_feed(
    bluesky_network: BlueskyNetwork, client: Client, rich: Seeded
) -> None:
    did = rich.did("moss")
    pages = streamed(bluesky_network, did, since=SINCE)
    profiles = fetch_profiles(client, [did], source="sky")
    told = pl.concat([parse_events(page, profiles=profiles).posts for page in pages])
    assert {did for page in pages for did in post_authors(page)} == {did}
    columns = ["native_id", "text", "created_at", "alt_text", "links", "is_nsfw", "author_names"]
    columns += ["hashtags_count", "root_native_id", "parent_native_id", "declared_languages"]
    expected = feed(client, did)
    assert told.select(columns).sort("native_id").equals(expected.select(columns).sort("native_id"))


def test_a_deleted_post_is_missing_everywhere_and_a_removal_in_the_stream(
    bluesky_network: BlueskyNetwork, client: Client, began: datetime
) -> None:
    made = bluesky_network.seed(
        post("delma", "soon gone", id="d1"),
        post("delma", "an answer", id="d2", reply_to="d1"),
        act("delete", subject="d1"),
    )
    [page] = fetch_posts(client, query(), [made.uri("d1"), made.uri("d2")])
    assert page.missing == (made.uri("d1"),)
    [gone, rest] = fetch_threads(
        client, query(), [made.uri("d1"), made.uri("d2")], depth=6, parents=6
    )
    assert (gone.items, gone.missing) == ((), (made.uri("d1"),))
    assert rest.missing == (made.uri("d1"),)
    assert parse_page(rest).posts["native_id"].to_list() == [made.uri("d2")]
    pages = streamed(bluesky_network, made.did("delma"), since=began)
    assert removals(pages) == [(made.uri("d1"), None, "deleted_by_author")]


def test_a_post_that_moderators_take_down_is_missing_and_the_stream_says_nothing(
    bluesky_network: BlueskyNetwork, client: Client, began: datetime
) -> None:
    made = bluesky_network.seed(
        post("takma", "taken down", id="t1"), post("takma", "stays", id="t2"),
        act("takedown", subject="t1"),
    )  # fmt: skip
    [page] = fetch_posts(client, query(), [made.uri("t1"), made.uri("t2")])
    assert page.missing == (made.uri("t1"),)
    assert feed(client, made.did("takma"))["text"].to_list() == ["stays"]
    assert removals(streamed(bluesky_network, made.did("takma"), since=began)) == []


def test_an_account_that_closes_goes_and_comes_back(
    bluesky_network: BlueskyNetwork, client: Client, began: datetime
) -> None:
    made = bluesky_network.seed(post("dora", "hello", id="a1"), act("deactivate", author="dora"))
    did = made.did("dora")
    with pytest.raises(SourceRefused):
        feed(client, did)
    [page] = fetch_posts(client, query(), [made.uri("a1")])
    assert page.missing == (made.uri("a1"),)
    assert states(streamed(bluesky_network, did, since=began), did)[-1] == "deactivated"
    bluesky_network.seed(act("activate", author="dora"))
    assert feed(client, did)["text"].to_list() == ["hello"]
    pages = streamed(bluesky_network, did, since=began)
    assert states(pages, did)[-2:] == ["deactivated", "active"]
    assert (None, did) not in [row[:2] for row in removals(pages)]


def test_a_deleted_account_is_one_removal_of_all_it_wrote(
    bluesky_network: BlueskyNetwork, client: Client, began: datetime
) -> None:
    made = bluesky_network.seed(
        post("gonda", "first", id="g1"), post("gonda", "second", id="g2"),
        act("delete_account", author="gonda"),
    )  # fmt: skip
    assert resolve_actors(client, ["gonda.test"]) == {}
    [page] = fetch_posts(client, query(), [made.uri("g1"), made.uri("g2")])
    assert set(page.missing) == {made.uri("g1"), made.uri("g2")}
    gone = removals(streamed(bluesky_network, made.did("gonda"), since=began))
    assert gone == [(None, made.did("gonda"), "account_deleted")]


def test_an_author_who_wants_signed_in_readers_is_marked_by_every_route(
    bluesky_network: BlueskyNetwork, client: Client, began: datetime
) -> None:
    made = bluesky_network.seed(
        act("profile", author="shyla", labels=["!no-unauthenticated"]),
        post("shyla", "for members", id="s1"),
    )
    did = made.did("shyla")
    assert feed(client, did)["is_visible_logged_out"].to_list() == [False]
    [page] = fetch_posts(client, query(), [made.uri("s1")])
    assert parse_page(page).posts["is_visible_logged_out"].to_list() == [False]
    pages = streamed(bluesky_network, did, since=began)
    assert removals(pages) == [(None, did, "outside_policy")]
    profiles = fetch_profiles(client, [did], source="sky")
    [row] = pl.concat([parse_events(p, profiles=profiles).posts for p in pages]).rows(named=True)
    assert not row["is_visible_logged_out"]


def test_an_edit_in_place_is_the_same_post_in_other_words(
    bluesky_network: BlueskyNetwork, client: Client, began: datetime
) -> None:
    made = bluesky_network.seed(post("edda", "first thoughts", id="e1"))
    changed = {"$type": "app.bsky.feed.post", "text": "second thoughts",
               "createdAt": "2026-02-01T10:00:00Z"}  # fmt: skip
    bluesky_network.seed(act("put", author="edda", subject="e1", record=changed))
    assert feed(client, made.did("edda"))["text"].to_list() == ["second thoughts"]
    frame = posts_of(streamed(bluesky_network, made.did("edda"), since=began))
    [row] = frame.filter(pl.col("is_edited")).rows(named=True)
    assert (row["native_id"], row["text"]) == (made.uri("e1"), "second thoughts")
    assert row["edited_at"] > began


@pytest.mark.parametrize("claimed", ["garbage", "2026-01-20", "2026-01-20T10:00:00", None])
def test_a_date_that_is_none_goes_out_on_the_stream_alone_and_is_set_aside(
    bluesky_network: BlueskyNetwork, client: Client, began: datetime, claimed: str | None
) -> None:
    made = bluesky_network.seed(act("account", author="dateless"))
    account = made.accounts["dateless"]
    record = {"$type": "app.bsky.feed.post", "text": "when?"}
    write_unchecked(bluesky_network, account, record | ({"createdAt": claimed} if claimed else {}))
    bluesky_network.seed(post("dateless", "a good one"))
    assert set(feed(client, account["did"])["text"]) == {"a good one"}
    pages = streamed(bluesky_network, account["did"], since=began)
    assert posts_of(pages)["text"].to_list() == ["a good one"]
    [aside] = [row for page in pages for row in parse_events(page).set_aside]
    assert aside.rule == "createdAt is no time with a zone"


def write_unchecked(network: BlueskyNetwork, account: Any, record: dict[str, Any]) -> None:
    """Write a record that the lexicon forbids, as a broken client would."""
    with httpx.Client(base_url=f"{network.addresses['pds']}/xrpc/") as pds:
        login = {"identifier": account["handle"], "password": account["password"]}
        session = pds.post("com.atproto.server.createSession", json=login).json()
        answer = pds.post(
            "com.atproto.repo.createRecord",
            json={
                "repo": account["did"],
                "collection": "app.bsky.feed.post",
                "record": record,
                "validate": False,
            },
            headers={"authorization": f"Bearer {session['accessJwt']}"},
        )
        answer.raise_for_status()


def test_what_a_block_hides_is_left_out_and_the_rest_is_read(
    bluesky_network: BlueskyNetwork, client: Client
) -> None:
    made = bluesky_network.seed(
        post("blanca", "a root", id="b1"),
        post("blocko", "unwelcome", id="b2", reply_to="b1"),
        post("blumen", "welcome", id="b3", reply_to="b1"),
        act("block", author="blanca", subject="blocko"),
    )
    [down, up] = fetch_threads(
        client, query(), [made.uri("b1"), made.uri("b2")], depth=6, parents=6
    )
    assert set(parse_page(down).posts["text"]) == {"a root", "welcome"}
    found = parse_page(up)
    assert found.posts["text"].to_list() == ["unwelcome"]
    assert [aside.rule for aside in found.set_aside] == ["thread: post blocked"]
    assert (down.missing, up.missing) == ((), ())


def test_a_handle_changes_its_owner_keeps_the_did(
    bluesky_network: BlueskyNetwork, client: Client
) -> None:
    made = bluesky_network.seed(post("hanna", "hello", id="h1"))
    bluesky_network.seed(act("handle", author="hanna", handle="hannelore.test"))
    assert resolve_actors(client, ["@Hannelore.test"]) == {"@Hannelore.test": made.did("hanna")}
    [row] = feed(client, made.did("hanna")).rows(named=True)
    assert (row["author"], row["author_names"]) == (made.did("hanna"), ["hannelore.test"])


def test_long_feeds_and_lists_are_read_to_their_end(
    bluesky_network: BlueskyNetwork, client: Client
) -> None:
    notes = [{"id": f"n{n}", "text": f"note {n}"} for n in range(230)]
    made = bluesky_network.seed(act("bulk", author="viela", posts=notes))
    pages = list(fetch_author_pages(client, query(actor=made.did("viela"))))
    texts = [text for page in pages for text in parse_page(page).posts["text"]]
    assert sorted(texts) == sorted(note["text"] for note in notes)
    assert len(pages) >= 3
    assert [page.position is None for page in pages[:-1]] == [True] * (len(pages) - 1)
    uris = [made.uri(note["id"]) for note in notes]
    answers = list(fetch_posts(client, query(), uris))
    assert [len(page.items) for page in answers] == [25] * 9 + [5]


def test_a_line_cut_after_any_page_loses_nothing_and_repeats_nothing(
    bluesky_network: BlueskyNetwork, began: datetime
) -> None:
    texts = [f"line {n}" for n in range(30)]
    made = bluesky_network.seed(*(post("cutta", text) for text in texts))
    stored: list[RawPage] = []
    position = None
    for _ in range(3):  # a run that dies, and is started again
        for page in islice(
            events(bluesky_network, made.did("cutta"), since=began, position=position), 2
        ):
            stored.append(page)
            position = page.position
            assert bluesky_network.drop_streams() <= 1
    told = [text for page in stored for text in parse_events(page).posts["text"]]
    assert told == texts[: len(told)]
    rest = streamed(bluesky_network, made.did("cutta"), since=began, position=position)
    assert told + posts_of(rest)["text"].to_list() == texts
    assert not [row for page in stored + rest for row in page.covered if row.kind == "gap"]


def test_events_that_the_host_forgot_leave_a_gap_row(
    bluesky_network: BlueskyNetwork, began: datetime
) -> None:
    made = bluesky_network.seed(post("gappa", "before"))
    first = streamed(bluesky_network, made.did("gappa"), since=began)
    bluesky_network.seed(post("gappa", "never seen"))
    bluesky_network.forget_events()
    bluesky_network.seed(post("gappa", "after"))
    position = first[-1].position
    pages = streamed(bluesky_network, made.did("gappa"), since=began, position=position)
    assert posts_of(pages)["text"].to_list() == ["after"]
    [gap] = [row for page in pages for row in page.covered if row.kind == "gap"]
    witnessed = datetime.fromisoformat(json.loads(position or "")["witnessed_at"])
    assert gap.from_at == witnessed
    assert timedelta() < gap.to_at - gap.from_at < datetime.now(UTC) - began


def gaps(pages: list[RawPage]) -> list[Coverage]:
    return [row for page in pages for row in page.covered if row.kind == "gap"]


def test_both_wires_tell_the_same(bluesky_network: BlueskyNetwork, began: datetime) -> None:
    changed = {"$type": "app.bsky.feed.post", "text": "b", "createdAt": "2026-02-01T10:00:00Z"}
    made = bluesky_network.seed(
        act("profile", author="wirea", labels=["!no-unauthenticated"]),
        post("wirea", "a", id="w1", langs=["de"]),
        post("wireb", "an answer", id="w2", reply_to="w1"),
        act("put", author="wirea", subject="w1", record=changed),
        act("delete", subject="w2"),
        act("like", author="wireb", subject="w1"),
        act("deactivate", author="wireb"),
        act("activate", author="wireb"),
    )
    dids = [made.did("wirea"), made.did("wireb")]
    told = [
        streamed(bluesky_network, *dids, since=began, url=url)
        for url in (bluesky_network.jetstream, bluesky_network.jetstream_v1)
    ]
    first, second = ([parse_events(page) for page in pages] for pages in told)
    columns = ["native_id", "text", "is_edited", "indexed_at", "root_native_id"]
    one, other = (pl.concat([p.posts.select(columns) for p in pages]) for pages in (first, second))
    assert one.equals(other)
    assert one.height == 3
    assert removals(told[0]) == removals(told[1])
    assert [reason for _, _, reason in removals(told[0])] == ["outside_policy", "deleted_by_author"]
    for told_by in (first, second):
        states = [state for parsed in told_by for state in parsed.accounts["status"]]
        assert states == ["active", "active", "deactivated", "active"]  # made, made, away, back


def test_a_v1_line_that_is_cut_loses_nothing_and_repeats_nothing(
    bluesky_network: BlueskyNetwork, began: datetime
) -> None:
    texts = [f"line {n}" for n in range(20)]
    made = bluesky_network.seed(*(post("cuttb", text) for text in texts))
    did, url = made.did("cuttb"), bluesky_network.jetstream_v1
    stored: list[RawPage] = []
    for page in events(bluesky_network, did, since=began, url=url):
        stored.append(page)
        if len(stored) in (2, 4):
            assert bluesky_network.drop_streams() <= 1
        if len(stored) == 5:
            break  # the run dies, and is started again
    rest = streamed(bluesky_network, did, since=began, url=url, position=stored[-1].position)
    told = [*posts_of(stored)["text"], *posts_of(rest)["text"]]
    assert told == texts
    assert not gaps(stored[1:] + rest)


def test_events_that_a_v1_host_forgot_in_silence_leave_a_gap_row(
    bluesky_network: BlueskyNetwork, began: datetime
) -> None:
    url = bluesky_network.jetstream_v1
    made = bluesky_network.seed(post("gappb", "before"))
    first = streamed(bluesky_network, made.did("gappb"), since=began, url=url)
    bluesky_network.seed(post("gappb", "never seen"))
    bluesky_network.forget_events()
    bluesky_network.seed(post("gappb", "after"))
    position = first[-1].position
    pages = streamed(bluesky_network, made.did("gappb"), since=began, url=url, position=position)
    assert posts_of(pages)["text"].to_list() == ["after"]
    [gap] = gaps(pages)
    assert gap.from_at == datetime.fromisoformat(json.loads(position or "")["witnessed_at"])
    assert gap.reason == "clamped without notice"
