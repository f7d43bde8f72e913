"""Bluesky's own server software behind every pull source: what each one reads of the same posts.

The search is the network's stand-in (`--search`), so what is said of its ends is shown against
scripted servers alone. Every test has accounts of its own: the network is shared by the session.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from atproto import Client

from connectors.bluesky import (
    BlueskyCredentials,
    connect,
    fetch_author_pages,
    fetch_list_pages,
    fetch_profiles,
    fetch_quotes,
    fetch_ranked_pages,
    fetch_repository_pages,
    fetch_search_pages,
    fetch_surroundings,
    find_server,
    parse_account,
    parse_found,
    parse_page,
    sign_in,
)
from schema.errors import CredentialMissing
from schema.pages import CollectionQuery, RawPage
from tests.support.bluesky_network import BlueskyNetwork, Seeded
from tests.support.budget import fresh_budget
from tests.support.passes import Passes, passes
from tests.support.sky import PANEL, THREADS, private_file

pytestmark = pytest.mark.bluesky_network

SINCE = datetime(2022, 1, 1, tzinfo=UTC)
UNTOLD = ("indexed_at", "observed_at", "replies_count", "author_names", "mentions")
COUNTS = ("bluesky_likes_count", "bluesky_reposts_count", "bluesky_quotes_count")


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


def posts(pages: Iterator[RawPage]) -> pl.DataFrame:
    return pl.concat([parse_page(page).posts for page in pages])


def texts(pages: Iterator[RawPage]) -> list[str]:
    return posts(pages)["text"].to_list()


@pytest.fixture(scope="module")
def village(bluesky_network: BlueskyNetwork) -> Seeded:
    """Seed two accounts' talk, a list of one of them, and a feed that ranks in its own order."""
    return bluesky_network.seed(
        act("account", author="xaver"),
        act("profile", author="willa", displayName="Willa W."),
        post("willa", "the gate creaked 👩\u200d👩\u200d👧 de\u0301ja vu @xaver.test #rain",
             id="w1", langs=["en", "fr"], labels=["porn"]),
        post("xaver", "so it did", id="x1", reply_to="w1"),
        post("willa", "and again", id="w2", reply_to="x1"),
        post("xaver", "I quote", id="x2", quote="w1", images=[{"alt": "a gate"}]),
        post("xaver", "and quote", id="x3", quote="w1"),
        post("willa", "long ago", id="w3", created_at="1999-01-01T00:00:00.000Z"),
        act("repost", author="willa", subject="x1"),
        act("list", author="willa", name="watch", members=["xaver"], id="l1"),
        act("feed", author="xaver", name="gates", items=["w1", "x1", "w2"], id="f1"),
    )  # fmt: skip


def test_a_list_shows_what_its_members_wrote(client: Client, village: Seeded) -> None:
    uri = village.uri("l1")
    assert set(texts(fetch_list_pages(client, query(), uri))) == {
        "so it did",
        "I quote",
        "and quote",
    }


def test_a_custom_feed_is_read_in_its_own_order(client: Client, village: Seeded) -> None:
    frame = posts(fetch_ranked_pages(client, query(), village.uri("f1"), limit=100))
    assert frame["native_id"].to_list() == [village.uri(name) for name in ("w1", "x1", "w2")]
    frame = posts(fetch_ranked_pages(client, query(), village.uri("f1"), limit=2))
    assert frame.height == 2


@pytest.mark.long
def test_who_quotes_a_post_is_read(client: Client, village: Seeded) -> None:
    pages = fetch_quotes(client, query(), village.uri("w1"), limit=100)
    assert set(texts(pages)) == {"I quote", "and quote"}


def test_a_search_finds_within_its_window(client: Client, village: Seeded) -> None:
    found = fetch_search_pages(client, query(), '"the gate creaked"')
    frame = pl.concat([parse_found(page, '"the gate creaked"').posts for page in found])
    assert frame["native_id"].to_list() == [village.uri("w1")]
    later = query(since=datetime.now(UTC) + timedelta(days=1), now=datetime.now(UTC))
    assert texts(fetch_search_pages(client, later, '"the gate creaked"')) == []


# --- repositories ---------------------------------------------------------------------------


def repository(network: BlueskyNetwork, did: str, **more: Any) -> list[RawPage]:
    plc = str(network.addresses["plc"])
    server = find_server(connect(plc), did, plc, source="sky", is_local=True)
    profile = fetch_profiles(connect(network.appview), [did], source="sky").get(did)
    return list(fetch_repository_pages(connect(server), query(actor=did, **more), profile))


def written(pages: list[RawPage], did: str) -> pl.DataFrame:
    return pl.concat([parse_account(page, did=did).posts for page in pages])


def test_a_repository_holds_the_very_posts_of_its_author_s_feed(
    bluesky_network: BlueskyNetwork, client: Client, village: Seeded
) -> None:
    for name in ("willa", "xaver"):
        did = village.did(name)
        told = written(repository(bluesky_network, did), did).sort("native_id")
        shown = posts(fetch_author_pages(client, query(actor=did))).sort("native_id")
        assert told.drop(*UNTOLD, *COUNTS).equals(shown.drop(*UNTOLD, *COUNTS))
        assert told.select(*COUNTS, "replies_count", "indexed_at").null_count().row(0) == (
            (told.height,) * 5
        )
        assert told["author_names"].to_list() == shown["author_names"].to_list()


@pytest.mark.long
def test_a_repository_is_read_on_from_its_last_revision(bluesky_network: BlueskyNetwork) -> None:
    notes = [{"id": f"y{n}", "text": f"note {n}"} for n in range(700)]
    made = bluesky_network.seed(act("bulk", author="ylva", posts=notes))
    did = made.did("ylva")
    first = repository(bluesky_network, did)
    assert [len(page.items) for page in first] == [500, 200, 0]
    assert sorted(written(first, did)["text"]) == sorted(note["text"] for note in notes)
    bluesky_network.seed(post("ylva", "one more"), act("delete", subject="y3"))
    again = repository(bluesky_network, did, position=first[-1].position)
    assert written(again, did)["text"].to_list() == ["one more"]
    whole = repository(bluesky_network, did)
    assert written(whole, did).height == 700


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (act("deactivate", author="zelda"), "account_inactive"),
        (act("takedown", author="zelda", at=["pds"]), "taken_down"),
    ],
)
def test_a_closed_account_s_server_says_so(
    bluesky_network: BlueskyNetwork, end: dict[str, Any], reason: str
) -> None:
    did = bluesky_network.seed(post("zelda", "soon gone")).did("zelda")
    bluesky_network.seed(end)
    [page] = repository(bluesky_network, did)
    [gone] = parse_account(page, did=did).removals.rows(named=True)
    assert (gone["author"], gone["reason"]) == (did, reason)
    undo = {"deactivate": act("activate", author="zelda")}
    bluesky_network.seed(undo.get(end["op"], end | {"applied": False}))


# --- signed in ------------------------------------------------------------------------------


def test_an_account_reads_through_its_own_server_and_logs_in_once(
    bluesky_network: BlueskyNetwork, village: Seeded, tmp_path: Path
) -> None:
    account = village.accounts["xaver"]
    pds = str(bluesky_network.addresses["pds"])
    who = BlueskyCredentials(account["handle"], account["password"], pds)
    for _ in range(2):
        signed_in = sign_in(who, tmp_path / "kept.json", fresh_budget())
        assert "the gate creaked" in texts(fetch_search_pages(signed_in, query(), "creaked"))[0]
    assert '"logins":[' in (tmp_path / "kept.json").read_text("utf-8")
    wrong = BlueskyCredentials(account["handle"], "not-this-one", pds)
    with pytest.raises(CredentialMissing):
        sign_in(wrong, tmp_path / "other.json")


# --- what surrounds a post ------------------------------------------------------------------


@pytest.mark.long
def test_what_blocks_deletions_and_detachments_hide_is_told(
    bluesky_network: BlueskyNetwork, client: Client
) -> None:
    made = bluesky_network.seed(
        post("arlo", "a root", id="a1"),
        post("edna", "between", id="b1", reply_to="a1"),
        post("cora", "an answer", id="c1", reply_to="b1"),
        post("bela", "the other one", id="b2", reply_to="a1"),
        post("cora", "another", id="c2", reply_to="b2"),
        post("dana", "quoted", id="d1"),
        post("cora", "look at that", id="c3", quote="d1"),
        act("delete", subject="b1"),
        act("block", author="cora", subject="bela"),
    )
    gate = {
        "$type": "app.bsky.feed.postgate",
        "post": made.uri("d1"),
        "createdAt": "2026-02-01T10:00:00Z",
        "detachedEmbeddingUris": [made.uri("c3")],
    }
    where = {"collection": gate["$type"], "rkey": made.uri("d1").rpartition("/")[2]}
    bluesky_network.seed(act("record", author="dana", record=gate, **where))
    told = {}
    for name in ("c1", "c2", "c3"):
        page = fetch_surroundings(client, query(), made.uri(name), parents=5)
        told[name] = {
            (fact.relation, fact.state)
            for fact in parse_page(page).contexts
            if fact.native_id == made.uri(name)
        }
    assert told == {
        "c1": {("parent", "not_found"), ("root", None)},
        "c2": {("parent", "blocked"), ("root", None)},
        "c3": {("quoted", "detached")},
    }


def test_a_study_holds_a_conversation_whole_however_it_met_it(
    bluesky_network: BlueskyNetwork, tmp_path: Path
) -> None:
    made = bluesky_network.seed(
        post("egon", "Has anybody seen the key to the shed?", id="e1"),
        post("fern", "It hung by the door yesterday.", id="f1", reply_to="e1"),
        post("egon", "Not any more, I have looked there.", id="e2", reply_to="f1"),
        post("gita", "Then look under the blue pot.", id="g1", reply_to="e2"),
        post("hugo", "Or ask at the bakery across the street.", id="h1", reply_to="e1"),
        post("gita", "My own root, with nothing under it.", id="g2"),
        act("like", author="hugo", subject="e1"),
    )
    path = private_file(tmp_path / "panel.dids", made.did("gita"))
    sources = PANEL.format(path=path) + 'history = "repository"\n' + THREADS
    study = on(bluesky_network, tmp_path, sources)
    study.collect("panel")
    study.collect("threads")
    natives = [made.uri(name) for name in ("e1", "f1", "e2", "g1", "h1", "g2")]
    assert set(study.held()) == study.keys(natives, platform="bluesky")
    likes = study.sql(
        "select max(bluesky_likes_count) from landed.engagement_snapshots where post_key = ?",
        list(study.keys([made.uri("e1")], platform="bluesky")),
    )
    assert likes.item() == 1
    assert study.collect("threads")["new_count"] == 0


def on(network: BlueskyNetwork, folder: Path, sources: str) -> Passes:
    """Point a study at the network, an hour from now: its clock and ours differ a little."""
    now = datetime.now(UTC) + timedelta(hours=1)
    study = passes(folder, bluesky=network.appview, now=now, sources=sources)
    path = study.place.folder / "study.toml"
    lines = f'pds = "{network.addresses["pds"]}"\nplc = "{network.addresses["plc"]}"'
    path.write_text(re.sub(r"^pds = .*$", lines, path.read_text("utf-8"), flags=re.M), "utf-8")
    return study
