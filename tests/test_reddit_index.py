"""All recorded Reddit scenarios, whatever INDEX.tsv lists: each item ends in exactly one count.

Every recorded answer is served by itself, through the reading that fits it, the parser and the
gate into one warehouse; every recorded refusal becomes one of our sentences. Nothing of the
recordings is printed: assertions compare counts.
"""

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import reddit
from connectors.reddit_page import page_of
from flows.gate import land
from schema.errors import CorpusError
from schema.pages import CollectionQuery, RawPage
from tests.support.budget import fresh_budget
from tests.support.command import PORCH
from tests.support.needs import REPOSITORY
from tests.support.passes import Passes, passes
from tests.support.reddit_replay import TOKEN_PATH, Replay, answering, recorded
from tests.test_reddit_flows import COUNTED
from warehouse import store

pytestmark = pytest.mark.recordings

NOW = datetime(2026, 7, 5, tzinfo=UTC)
SOMEBODY = "somebody"
Interaction = Mapping[str, Any]


def folder() -> Path:
    return Path(os.environ.get("CONFIDE_SHARED") or REPOSITORY / ".." / "shared")


def scenarios() -> list[str]:
    """Read the scenarios' names; where there are no recordings, one that is skipped."""
    index = folder() / "recordings" / "reddit" / "INDEX.tsv"
    if not index.is_file():
        return ["no recordings"]
    with index.open(encoding="utf-8", newline="") as lines:
        return [row["scenario"] for row in csv.DictReader(lines, delimiter="\t")]


@dataclass(slots=True)
class Book:
    """The one study that all scenarios are read into, and what they came to."""

    study: Passes
    tallies: list[dict[str, int]] = field(default_factory=list)
    refusals: int = 0

    def enter(self, pages: list[RawPage]) -> dict[str, int]:
        """Land pages; return the counts, summed."""
        stamp = store.SaveStamp("run", "porch", "porch", "fixture")
        sums = dict.fromkeys((*COUNTED, "items"), 0)
        with self.study.workspace() as workspace:
            for page in pages:
                tally = land(workspace, page, reddit.parse_page(page), stamp)
                sums["items"] += len(page.items)
                for name in COUNTED:
                    sums[name] += getattr(tally, name)
        self.tallies.append(sums)
        return sums


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Book:
    """Make the study."""
    root = tmp_path_factory.mktemp("index")
    made = passes(root, reddit="http://127.0.0.1:9", now=NOW, sources=PORCH)
    path = made.place.folder / "study.toml"
    path.write_text(path.read_text("utf-8").replace("since = 2026-01-01", "since = 2005-07-01"))
    return Book(made)


def query() -> CollectionQuery:
    since = datetime(2005, 7, 1, tzinfo=UTC)
    return CollectionQuery("porch", "porch", "anything", since, NOW, actor=SOMEBODY)


def things(node: Any) -> Iterator[dict[str, Any]]:
    """Yield every submission, comment, account and subreddit in a body, answers below included."""
    if isinstance(node, list):
        for one in node:
            yield from things(one)
    elif isinstance(node, Mapping):
        if node.get("kind") in ("t1", "t2", "t3", "t5") and isinstance(node.get("data"), Mapping):
            yield dict(node)
        for value in node.values():
            yield from things(value)


def is_listing(body: Any) -> bool:
    return isinstance(body, Mapping) and body.get("kind") == "Listing"


def alone(one: Interaction) -> Interaction:
    """End a listing where this answer ends: what follows is served by itself."""
    if not is_listing(one["body"]):
        return one
    data = {**one["body"]["data"], "after": None}
    return {**one, "body": {**one["body"], "data": data}}


def read(one: Interaction) -> list[RawPage]:
    """Read a recorded answer the way that fits its path."""
    path = str(one["path"]).rstrip("/") or "/"
    body, kind = one["body"], path.split("/")[1:2]
    stand_ins = {"/r/anything/hot": path, "/r/anything/search": path}
    for listing in ("overview", "submitted", "comments"):
        stand_ins[f"/user/{SOMEBODY}/{listing}"] = path
    if kind == ["comments"]:
        stand_ins[f"/comments/{path.split('/')[2]}"] = path
    with answering(Replay([alone(one)], stand_ins)) as replay:
        credentials = reddit.RedditCredentials("x", "y", "confide (tests)", replay.url, replay.url)
        client = reddit.connect(credentials, fresh_budget())
        if path == "/api/info" and "id" in one["query"]:
            return list(reddit.fetch_posts(client, query(), one["query"]["id"].split(",")))
        if is_listing(body) and kind == ["user"]:
            return list(reddit.fetch_user_pages(client, query()))
        if is_listing(body) and path.endswith("/search"):
            return list(reddit.fetch_search_pages(client, query(), "anything"))
        if is_listing(body) and one["method"] == "GET":
            return list(reddit.fetch_ranked_pages(client, query(), "hot"))
        if kind == ["comments"] and one["method"] == "GET":
            shown = sum(thing["kind"] == "t1" for thing in things(body))
            limits = reddit.TreeLimits(count=max(shown, 1))
            return list(reddit.fetch_threads(client, query(), [path.split("/")[2]], limits))
    return [page_of(query(), list(things(body)))]  # an answer of a kind that is not collected


def is_refusal(one: Interaction) -> bool:
    return one["status"] != 200 or one["body_kind"] != "json"


def is_read(one: Interaction) -> bool:
    """Tell whether we ever make such a request: nothing is posted but for a token."""
    return one["method"] == "GET" or str(one["path"]).rstrip("/") == TOKEN_PATH


def refuse(one: Interaction) -> None:
    """Serve a recorded refusal to a listing; one of a token meets the client's first request."""
    path = str(one["path"]).rstrip("/") or "/"
    replay = Replay([one], {"/r/anything/hot": path})
    with answering(replay):
        credentials = reddit.RedditCredentials("x", "y", "confide (tests)", replay.url, replay.url)
        client = reddit.connect(credentials, fresh_budget())
        with pytest.raises(CorpusError, match=r"^porch: ") as caught:
            list(reddit.fetch_ranked_pages(client, query(), "hot"))
    assert "UnexpectedFailure" not in type(caught.value).__name__


@pytest.mark.parametrize("scenario", scenarios())
def test_each_item_of_a_scenario_is_stored_set_aside_or_counted_out(
    book: Book, shared: Path, scenario: str
) -> None:
    interactions = recorded(shared / "recordings" / "reddit" / scenario)
    refused: set[tuple[str, int]] = set()
    for one in interactions:
        if is_refusal(one):
            if (key := (one["path"], one["status"])) not in refused and is_read(one):
                refuse(one)
                refused.add(key)
            continue
        if str(one["path"]).rstrip("/") == TOKEN_PATH:
            continue
        pages = read(one)
        wanted = [thing["data"].get("name") for thing in things(one["body"])]
        got = [item["data"].get("name") for page in pages for item in page.items]
        sums = book.enter(pages)
        assert len(got) == sums["items"] == sum(sums[name] for name in COUNTED)
        assert len(set(got) ^ set(wanted)) == 0
        assert len(got) >= len(set(wanted))
    book.refusals += len(refused)


def test_the_scenarios_together_are_the_recorded_ones(book: Book, shared: Path) -> None:
    with (shared / "recordings" / "reddit" / "INDEX.tsv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    if len(book.tallies) < 50:
        pytest.skip("the scenarios were not all run before")
    assert len(rows) == 61
    sums = {name: sum(tally[name] for tally in book.tallies) for name in (*COUNTED, "items")}
    told = sum(int(row["posts"]) + int(row["comments"]) for row in rows)
    assert sums["items"] >= told
    assert sums["new_count"] == len(book.study.held())
    assert book.refusals >= 14
