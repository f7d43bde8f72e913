"""A real study of recorded answers, by the real command: what it holds, covers and never names.

Reddit's listings and trees of 2016 to 2026 and Bluesky's views and events come from loopback
servers that replay them. What is expected is counted in the recordings; no assertion shows a name.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from demo.reddit_server import CLIENT_ID, CLIENT_SECRET
from flows.new_study import write_key
from flows.workspace import REDDIT_VARIABLES
from tests.support.bluesky_replay import Places, Recorded, read_recorded, replaying_bluesky
from tests.support.command import KEY, Outcome, Place
from tests.support.prefect_server import PrefectServer
from tests.support.reddit_replay import Replay, answering, recorded
from tests.support.scanner import Names, scan

pytestmark = [pytest.mark.recordings, pytest.mark.prefect_server]

NOW: Final = "2026-07-05T00:00:00+00:00"
STUDY: Final = """[study]
name = "recorded"
since = 2005-07-01

[policy]
allow_loopback = true
loopback_route = "fixture"

[platforms.reddit]
url = "{reddit}"
oauth_url = "{reddit}"

[platforms.bluesky]
appview = "{bluesky.appview}"
pds = "{bluesky.appview}"
jetstream = ["{bluesky.jetstream}"]
"""
SUBREDDIT: Final = """
[[source]]
name = "{name}"
kind = "reddit"
subreddit = "{name}"
comments = "{comments}"
"""
BLUESKY: Final = """
[[source]]
name = "accounts"
kind = "bluesky_author"
authors_file = "{accounts}"

[[source]]
name = "events"
kind = "bluesky_stream"
authors_file = "{writers}"

[[source]]
name = "threads"
kind = "bluesky_thread"
"""
LISTINGS: Final = {  # source and subreddit, the recording, the path that was recorded
    "askreddit": ("praw-SubredditListings-new", "/r/askreddit/new"),
    "popular": ("praw-Submission-hide_multiple_in_batches", "/r/popular/hot"),
    "longlist": ("praw-ListingGenerator-exhaust_items", "/user/spez"),
}
TREES: Final = {
    "3hahrw": "praw-CommentForest-replace__all",
    "c27k6l": "praw-Submission-crosspost__flair",
    "1khu9tf": "praw-Subreddit-submit_gallery__selftext",
    "1kh2top": "praw-Subreddit-submit_image__selftext",
    "ga3hiq": "praw-Subreddit-submit_poll",
}
FOREST: Final = "/r/forest/new"  # a listing of the recorded trees' roots
MARKS: Final = {"[deleted]", "[removed]"}
EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]*\w")


def interactions(folder: Path, name: str) -> list[Mapping[str, Any]]:
    return [one for one in recorded(folder / name) if "access_token" not in one["path"]]


def ended(recording: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """End a listing where its recording ends: no page that nobody recorded is promised."""
    *pages, last = recording
    data = {**last["body"]["data"], "after": None}
    return [*pages, {**last, "body": {**last["body"], "data": data}}]


def things(recording: list[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Map full names to the submissions and comments of a recording."""
    replay = Replay(recording, {})
    return replay.things("t3") | replay.things("t1")


def is_gone(thing: Mapping[str, Any]) -> bool:
    words = thing.get("body", thing.get("selftext"))
    went = thing.get("removed_by_category") or words in MARKS
    return bool(went or thing["author"] == "[deleted]")


@dataclass(frozen=True)
class Input:
    """What the study is to read, and what it may hold of it, by source."""

    reddit: Replay = field(repr=False)
    bluesky: Recorded = field(repr=False)
    standing: Mapping[str, list[Mapping[str, Any]]] = field(repr=False)

    def names(self) -> Names:
        """List accounts, ids and links of everybody in the input."""
        found = {name for one in self.reddit.interactions for name in reddit_names(one["body"])}
        for body in (*self.bluesky.bodies, *self.bluesky.events):
            found |= set(bluesky_names(body))
        return Names(tuple(sorted(found - MARKS - {""})))


def reddit_names(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from reddit_names(one)
    if not isinstance(node, dict):
        return
    if "author" in node and node.keys() & {"permalink", "link_id"}:  # old ones lack the first
        keys = ("author", "author_fullname", "name", "id", "permalink", "link_id", "parent_id")
        yield from (str(node[key]) for key in keys if node.get(key))
        yield from EMAIL.findall(f"{node.get('selftext')} {node.get('body')}")
    for value in node.values():
        yield from reddit_names(value)


def bluesky_names(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from bluesky_names(one)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if not isinstance(value, str):
            yield from bluesky_names(value)
        elif key in ("did", "handle", "rkey"):
            yield value
        elif key == "uri" and value.startswith("at://"):
            yield from (value, value.rpartition("/")[2])
        elif key == "text":
            yield from EMAIL.findall(value)


@pytest.fixture(scope="module")
def given(shared: Path) -> Input:
    """Read the recordings and put the trees' roots into a listing."""
    reddit = shared / "recordings" / "reddit"
    listings = {n: ended(interactions(reddit, folder)) for n, (folder, _) in LISTINGS.items()}
    trees = [one for folder in TREES.values() for one in interactions(reddit, folder)]
    found = things(trees)
    roots = [{"kind": "t3", "data": found[f"t3_{root}"]} for root in TREES]
    listing = {
        "method": "GET",
        "path": FOREST,
        "query": {"limit": "100"},
        "form": None,
        "status": 200,
        "headers": {"content-type": "application/json"},
        "body_kind": "json",
        "body": {"kind": "Listing", "data": {"children": roots, "after": None, "before": None}},
    }
    asked = {f"/r/{name}/new": path for name, (_, path) in LISTINGS.items()}
    everything = [one for recording in listings.values() for one in recording]
    of_the_trees = {f"t3_{root}" for root in TREES}
    forest = {n: t for n, t in found.items() if t.get("link_id", n) in of_the_trees}
    held = {name: things(recording) for name, recording in listings.items()} | {"forest": forest}
    return Input(
        Replay([*everything, *trees, listing], asked),
        read_recorded(shared / "recordings" / "bluesky"),
        {name: [t for t in of.values() if not is_gone(t)] for name, of in held.items()},
    )


@dataclass(frozen=True)
class Worked:
    """The study after it was collected and published, and what the command said."""

    place: Place
    collected: Mapping[str, Mapping[str, int]]
    said: tuple[Outcome, ...] = field(repr=False)

    def sql(self, query: str) -> list[dict[str, Any]]:
        """Ask the published file."""
        rows: list[dict[str, Any]] = json.loads(self.place.invoke("sql", query, "--json").out)
        return rows


def write_study(place: Place, reddit: str, bluesky: Places, given: Input) -> None:
    place.folder.mkdir()
    write_key(place.config / "confide" / "recorded.key", KEY)
    accounts, writers = place.config / "accounts.dids", place.config / "writers.dids"
    dids = sorted({event["did"] for event in given.bluesky.events})
    for path, names in ((accounts, given.bluesky.authors), (writers, dids)):
        path.touch(mode=0o600)
        path.write_text("\n".join(names), "utf-8")
    text = STUDY.format(reddit=reddit, bluesky=bluesky)
    text += "".join(SUBREDDIT.format(name=name, comments="none") for name in LISTINGS)
    text += SUBREDDIT.format(name="forest", comments="all")
    text += BLUESKY.format(accounts=accounts, writers=writers)
    (place.folder / "study.toml").write_text(text, "utf-8")


@pytest.fixture(scope="module")
def worked(
    given: Input, tmp_path_factory: pytest.TempPathFactory, prefect_server: PrefectServer
) -> Worked:
    """Collect twice and publish, each by a process of its own."""
    root = tmp_path_factory.mktemp("recorded")
    variables = dict(zip(REDDIT_VARIABLES, (CLIENT_ID, CLIENT_SECRET), strict=True))
    variables |= {"CONFIDE_NOW": NOW, **prefect_server.environment()}
    place = Place(root / "study", root / "config", variables)
    with ExitStack() as stack:
        reddit = stack.enter_context(answering(given.reddit))
        bluesky = stack.enter_context(replaying_bluesky(given.bluesky))
        write_study(place, reddit.url, bluesky, given)
        first = place.run("collect", "--json").succeeds()
        before = place.table_hash()
        second = place.run("collect").succeeds()
        assert place.table_hash() == before
    published = place.run("publish").succeeds()
    status = place.run("status").succeeds()
    return Worked(place, json.loads(first.out), (first, second, published, status))


@pytest.mark.parametrize("source", [*LISTINGS, "forest"])
def test_every_recorded_thing_that_stands_is_held_or_counted_out(
    given: Input, worked: Worked, source: str
) -> None:
    tally = worked.collected[source]
    standing = given.standing[source]
    adult = sum(bool(thing.get("over_18")) for thing in standing)
    assert tally["new_count"] + tally["other_language_count"] == len(standing) - adult
    assert tally["outside_policy_count"] == adult
    assert tally["new_count"] > 0
    assert tally["removed_count"] == 0  # nothing that was held before went


def test_the_whole_tree_of_541_comments_is_held(given: Input, worked: Worked) -> None:
    [big] = worked.sql(
        "select count(*) as posts, count(*) filter (where is_root) as roots from post "
        "where thread_key = (select thread_key from post group by all order by count(*) desc "
        "limit 1)"
    )
    gone_or_foreign = worked.collected["forest"]["other_language_count"]
    recorded_ones = [t for t in given.standing["forest"] if t.get("link_id") == "t3_3hahrw"]
    assert big["roots"] == 1
    assert big["posts"] >= len(recorded_ones) + 1 - gone_or_foreign > 400


def test_recorded_views_and_events_are_held_or_counted_out(given: Input, worked: Worked) -> None:
    closed = given.bluesky.for_signed_in_readers
    readable = [v for v in given.bluesky.views.values() if v["author"]["did"] not in closed]
    expected = {"accounts": len(readable), "events": len(given.bluesky.written)}
    for source, count in expected.items():
        tally = worked.collected[source]
        out = tally["other_language_count"] + tally["outside_policy_count"]
        assert tally["new_count"] + out == count
        assert tally["new_count"] > 0
        assert tally["set_aside_count"] == 0
    assert worked.collected["threads"]["set_aside_count"] == 0
    assert given.reddit.unrecorded_count == 0


def test_every_row_says_that_it_is_a_fixture(worked: Worked) -> None:
    rows = worked.sql("select platform, source_route, count(*) as posts from post group by all")
    assert {row["source_route"] for row in rows} == {"fixture"}
    new = sum(tally["new_count"] for tally in worked.collected.values())
    assert sum(row["posts"] for row in rows) == new
    assert {row["platform"] for row in rows} == {"reddit", "bluesky"}


def test_what_was_read_and_what_was_not_is_covered(given: Input, worked: Worked) -> None:
    rows = worked.sql("select source, stream, kind, reason, from_at, to_at from coverage")
    seen = {row["source"] for row in rows if row["kind"] == "seen"}
    assert seen == {*LISTINGS, "forest", "accounts", "events"}
    readable = set(given.bluesky.authors) - given.bluesky.for_signed_in_readers
    assert sum(row["source"] == "accounts" for row in rows) == len(readable)
    gaps = {row["source"]: row["reason"] for row in rows if row["kind"] == "gap"}
    assert gaps["longlist"] == "listing ends"
    assert all(row["from_at"] < row["to_at"] for row in rows)


def test_a_name_planted_in_this_study_s_stores_is_found(
    given: Input, worked: Worked, tmp_path: Path
) -> None:
    names = given.names()
    (tmp_path / "safety.jsonl").write_text(json.dumps({"who": next(iter(names.anywhere))}))
    assert scan([tmp_path], names)


def test_no_file_of_the_study_names_anybody_recorded(
    given: Input, worked: Worked, prefect_server: PrefectServer, tmp_path: Path
) -> None:
    for number, outcome in enumerate(worked.said):
        (tmp_path / f"said-{number}.txt").write_text(outcome.said, "utf-8")
    folder = worked.place.folder
    files = [path for path in folder.iterdir() if path.name != "vault.sqlite"]
    names = given.names()
    names_count = len(names.anywhere)
    found = scan([*files, prefect_server.folder, tmp_path], names)
    assert names_count > 2_000
    assert sorted({(f.path.name, f.where, f.kind) for f in found}) == []
