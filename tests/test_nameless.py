"""Promise 1: after any run no file outside the vault names anybody that the input held."""

import json
import random
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from annotation.codebook import load_codebook
from connectors import bluesky, reddit
from demo.community import Size, invent
from demo.model import Community, Person, Post
from flows.demo_study import NAME
from flows.gate import land
from flows.new_study import write_key
from flows.simulated_coders import code_round
from flows.workspace import Workspace, key_file, open_workspace
from schema.pages import CollectionQuery, RawPage
from schema.vocabulary import PLATFORMS
from tests.support.budget import fresh_budget
from tests.support.command import KEY, Outcome, environment, outcome
from tests.support.prefect_server import running
from tests.support.reddit_replay import replaying
from tests.support.scanner import Finding, Names, scan
from tests.support.six_routes import (
    DUMPS,
    LAST,
    LATER,
    POLICY,
    ROUTES,
    TEXT_MONTHS,
    Going,
    account,
    archived,
    fated,
    is_plain,
    traces,
    write_dump,
)
from tests.support.study import FIRST, SECOND, SEED, DemoStudy, demo_study
from transforms.pseudonymize import author_pseudonyms, post_keys
from warehouse import store
from warehouse.publish import publish

AFTER_THE_JOB = pytest.mark.timeout(1200)  # what is tested comes after the whole job
CODING = datetime(2026, 3, 31, 12, tzinfo=UTC)
CHANCE = "minimum_probability = 0.01\n"
PATIENT_SECONDS = 3_000.0  # what thousands of posts may take


@dataclass(frozen=True, slots=True)
class Scale:
    """How many people and posts there are, how many of them go, how often a run is killed."""

    size: Size
    opting_out: int
    people: int  # of each platform
    least: int  # posts by each route
    kills: int
    seconds: float  # until a kill, at most
    least_chance: float  # of a post in the frame to be drawn


QUICK = Scale(  # a thousand posts
    Size(people=110, submissions=130, comments=470, bluesky_posts=150, bluesky_replies=250),
    opting_out=12,
    people=3,
    least=10,
    kills=3,
    seconds=8,
    least_chance=0.01,
)
LONG = Scale(
    Size(people=900, submissions=1500, comments=5000, bluesky_posts=1500, bluesky_replies=2500),
    opting_out=500,
    people=120,
    least=500,
    kills=20,
    seconds=40,
    least_chance=0.001,
)
STORES = ("published/corpus.duckdb", "warehouse.duckdb", "label-studio/", "prefect/")
RECORDED = (
    "praw-SubredditListings-new",
    "praw-Submission-hide_multiple_in_batches",
    "praw-SubredditListings-comments",
    "praw-Reddit-info",
    "praw-CommentForest-replace__all",
    "praw-Inbox-comment_reply__refresh",
    "praw-SubredditStreams-comments",
)


def names_of(community: Community) -> Names:
    return Names(tuple(name.value for name in community.planted_names()))


def told(findings: list[Finding], folder: Path) -> list[str]:
    """Say where names were met, never which."""
    return [f"{f.path.relative_to(folder)}: {f.where} ({f.kind})" for f in findings]


def files_but_the_vault(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if path.name != "vault.sqlite"]


# --- the demo's input ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def worked_on(
    tmp_path_factory: pytest.TempPathFactory, label_studio_template: Path
) -> Iterator[DemoStudy]:
    """Return a study after the whole main job, with everything stopped."""
    with worked(tmp_path_factory.mktemp("nameless"), label_studio_template, QUICK) as study:
        yield study


@contextmanager
def worked(root: Path, label_studio_template: Path, scale: Scale) -> Iterator[DemoStudy]:
    """Do the whole main job on an invented community of some size, and stop everything."""
    community = fated(invent(SEED, size=scale.size))
    with demo_study(root, community) as study:
        toml = study.folder / "study.toml"
        text = toml.read_text("utf-8").replace("[policy]\n", POLICY, 1)
        text = text.replace(CHANCE, CHANCE.replace("0.01", str(scale.least_chance)))
        toml.write_text(text + DUMPS, "utf-8")
        (study.folder / "var").mkdir(exist_ok=True)
        shutil.copytree(label_studio_template, study.folder / "var" / "label-studio")
        with running(study.folder) as server:  # whose database lies in the study, as always
            study.place = study.place.having(**server.environment())
            try:
                said = [done.succeeds() for done in the_whole_job(study)]
            finally:
                study.run("label-studio", "stop")
        for number, done in enumerate(said):
            (study.folder / f"said-{number}.txt").write_text(done.said, "utf-8")
        yield study


def the_whole_job(study: DemoStudy) -> Iterator[Outcome]:
    """Run every verb of the main job, coders included; the first as a process of its own."""
    yield outcome(study.place.start("collect"), seconds=PATIENT_SECONDS)
    study.at(SECOND)
    yield from (study.place.invoke(verb) for verb in ("collect", "refresh"))
    study.at(CODING)
    yield from (study.place.invoke(verb) for verb in ("refresh", "draw", "push"))
    variables = {"XDG_CONFIG_HOME": str(study.place.config), "CONFIDE_NOW": CODING.isoformat()}
    with environment(variables):
        assert code_round(open_workspace(study.folder), study.community, "W1", "R1") > 0
    verbs = ("pull", "agree", "publish", "verdicts", "status")
    yield from (study.place.invoke(verb) for verb in verbs)


@AFTER_THE_JOB
@pytest.mark.label_studio
@pytest.mark.prefect_server
def test_the_whole_main_job_leaves_no_name_at_rest(worked_on: DemoStudy) -> None:
    folder = worked_on.folder
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    for part in STORES:  # what must not be missed is there to be looked at
        assert any(part in path for path in present), part
    found = scan(files_but_the_vault(folder), names_of(worked_on.community))
    assert told(found, folder) == []


@AFTER_THE_JOB
@pytest.mark.label_studio
@pytest.mark.prefect_server
def test_a_name_planted_in_a_real_store_is_found(worked_on: DemoStudy, tmp_path: Path) -> None:
    name = worked_on.community.people[0].native_id
    copy = tmp_path / "warehouse.duckdb"
    shutil.copy(worked_on.folder / "warehouse.duckdb", copy)
    with store.open_warehouse(copy, now=FIRST) as warehouse:
        warehouse.execute("update landed.post_versions set flair = ? where rowid = 0", [name])
    assert told(scan([copy], names_of(worked_on.community)), tmp_path)


# --- what is taken back -----------------------------------------------------------------------


def chosen(study: DemoStudy, workspace: Workspace, count: int) -> list[Person]:
    """Pick so many authors of each platform, those first whom coders had tasks of."""
    with store.open_warehouse(workspace.warehouse, now=CODING) as warehouse:
        rows = warehouse.execute(
            "select distinct author_pseudonym from landed.post_versions "
            "where post_key in (select unit_key from landed.units)"
        )
    drawn = {name for (name,) in rows}
    picked = []
    for platform in PLATFORMS:
        people = [p for p in study.community.people if p.platform == platform]
        key = workspace.key.pseudonym_key(platform)
        named = zip(people, author_pseudonyms(platform, map(account, people), key=key), strict=True)
        first = sorted(named, key=lambda pair: pair[1] not in drawn)
        picked += [person for person, _ in first[:count]]
    return picked


def held(workspace: Workspace) -> dict[int, str]:
    """Map the key of each post that is held to its words."""
    with store.open_warehouse(workspace.warehouse, now=CODING) as warehouse:
        return dict(warehouse.execute("select post_key, text from landed.post_versions"))


def keyed(workspace: Workspace, posts: Sequence[Post]) -> dict[int, Post]:
    """Map the posts' keys to them."""
    found = dict[int, Post]()
    for platform in PLATFORMS:
        mine = [post for post in posts if post.platform == platform]
        key = workspace.key.pseudonym_key(platform)
        names = [post.native_id for post in mine]
        found |= zip(post_keys(platform, names, key=key), mine, strict=True)
    return found


def plan(study: DemoStudy, workspace: Workspace, scale: Scale) -> tuple[dict[str, Going], set[int]]:
    """Say what goes by which route, and which of the posts that are held stay as they are."""
    here = held(workspace)
    people = chosen(study, workspace, scale.people)
    named = {person.native_id for person in people}
    told = {post.native_id for post in archived(study.community)}
    with store.open_warehouse(workspace.warehouse, now=LAST) as warehouse:
        old = set(store.old_texts(warehouse, now=LAST, months=TEXT_MONTHS))
    by_route: dict[str, list[Post]] = {route: [] for route in ROUTES}
    whole = set[int]()
    for number, post in keyed(workspace, study.community.posts).items():
        if number not in here:
            continue
        if post.author.native_id in named:
            by_route["forget"].append(post)
        elif post.gone is not None and post.gone.at > CODING:
            by_route["refresh" if post.platform == "reddit" else "stream"].append(post)
        elif post.native_id in told:
            by_route["archive"].append(post)
        elif is_plain(post) and len(by_route["opt-out"]) < scale.opting_out:
            by_route["opt-out"].append(post)
        elif number in old:
            by_route["retention"].append(post)
        elif is_plain(post):
            whole.add(number)
    going = {route: Going(tuple(posts)) for route, posts in by_route.items()}
    going["forget"] = replace(going["forget"], people=tuple(people))
    going["retention"] = replace(going["retention"], is_text_alone=True)
    return going, whole


def others_words(study: DemoStudy, going: dict[str, Going]) -> list[str]:
    """List the words of every post that does not go, and of the codebook's examples."""
    gone = {post.native_id for one in going.values() for post in one.posts}
    examples = [code.examples for code in load_codebook().codes]
    theirs = [one.text for both in examples for one in (*both.positive, *both.near_miss)]
    return theirs + [
        text
        for post in study.community.posts
        if post.native_id not in gone
        for text in (post.title or "", *(wording.text for wording in post.wordings))
    ]


def met_in(folder: Path, names: Names, routes: list[str]) -> dict[str, set[str]]:
    """Name the stores in which anything is met of what goes by each route."""
    found: dict[str, set[str]] = {route: set() for route in ROUTES}
    for finding in scan([folder], names):
        path = str(finding.path.relative_to(folder))
        parts = [part for part in (*STORES, "vault.sqlite") if part in path] or [path]
        found[routes[finding.name]].update(parts)
    return found


def go_by_six_routes(
    study: DemoStudy, going: dict[str, Going], scale: Scale, draw: random.Random
) -> int:
    """Let posts go, run by run; kills fall on runs by chance, each is done again.

    Returns how many runs were still at work when they were killed.
    """
    config = study.place.config
    told = write_dump(config / "RS_b.ndjson", archived(study.community), at=LATER, is_gone=True)
    asked = config / "asked"
    asked.touch(mode=0o600)
    lines = [*map(address, going["opt-out"].posts), *map(account_line, going["forget"].people)]
    asked.write_text("\n".join(lines), "utf-8")
    runs = (
        (LATER, "backfill", str(told), "--source", "dumps"),
        (LATER, "collect", "words"),
        (LATER, "refresh"),
        (LATER, "forget", "--file", str(asked)),
        (LAST, "retain"),
    )
    kills = Counter(draw.choices(range(len(runs)), k=scale.kills))
    killed = 0
    for number, (at, *words) in enumerate(runs):
        study.at(at)
        for _ in range(kills[number]):
            killed += is_killed(study.place.start(*words), draw.uniform(2, scale.seconds))
        study.place.invoke(*words).succeeds()
    return killed


def is_killed(process: subprocess.Popen[str], seconds: float) -> bool:
    """Kill a process (SIGKILL) after a while; tell whether it was still at work."""
    with process:
        try:
            process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return True
    return False


def address(post: Post) -> str:
    """Write a post as somebody would who asks for it to go."""
    if post.platform == "reddit":
        return post.native_id
    return f"https://bsky.app/profile/{post.author.name}/post/{post.native_id.rsplit('/', 1)[-1]}"


def account_line(person: Person) -> str:
    return f"u/{person.name}" if person.platform == "reddit" else f"@{person.name}"


@AFTER_THE_JOB
@pytest.mark.label_studio
@pytest.mark.prefect_server
def test_what_goes_by_six_routes_is_in_no_file_any_more(
    worked_on: DemoStudy, tmp_path: Path
) -> None:
    nothing_is_left(worked_on, tmp_path, QUICK)


@pytest.mark.long
@pytest.mark.label_studio
@pytest.mark.prefect_server
def test_what_goes_by_six_routes_out_of_thousands_is_in_no_file_any_more(
    label_studio_template: Path, tmp_path: Path
) -> None:
    with worked(tmp_path / "long", label_studio_template, LONG) as study:
        nothing_is_left(study, tmp_path, LONG)


def nothing_is_left(study: DemoStudy, scratch: Path, scale: Scale) -> None:
    """Let posts go by six routes, killed on the way; read every source again; look everywhere."""
    folder = study.folder
    variables = {"XDG_CONFIG_HOME": str(study.place.config), "CONFIDE_NOW": CODING.isoformat()}
    with environment(variables):
        workspace = open_workspace(folder)
        going, whole = plan(study, workspace, scale)
        names, routes = traces(workspace, going, others_words(study, going))
    before = held(workspace)
    assert all(len(going[route].posts) >= scale.least for route in ROUTES)
    found = met_in(folder, names, routes)
    assert all("warehouse.duckdb" in stores for stores in found.values()), found
    assert set().union(*found.values()) >= {"published/corpus.duckdb", "label-studio/"}
    with running(folder) as server:
        study.place = study.place.having(**server.environment())
        study.place.invoke("label-studio", "start").succeeds()
        try:
            assert go_by_six_routes(study, going, scale, random.Random(6)) > 0
            dumped = [post for post in study.community.posts if post.platform == "reddit"]
            again = write_dump(scratch / "RS_c.ndjson", dumped, at=FIRST)
            for verb in (("collect",), ("refresh",), ("backfill", str(again), "--source", "dumps")):
                study.place.invoke(*verb).succeeds()
        finally:
            study.place.invoke("label-studio", "stop")
    after = held(workspace)
    assert whole
    assert {key: after.get(key) for key in whole} == {key: before[key] for key in whole}
    assert met_in(folder, names, routes) == {route: set() for route in ROUTES}
    left = scan(files_but_the_vault(folder), names_of(study.community))
    assert told(left, folder) == []


# --- the recordings' input --------------------------------------------------------------------


def recorded_names(node: Any) -> Iterator[str]:
    """Walk a recorded answer and yield accounts, ids, handles, DIDs and permalinks."""
    if isinstance(node, list):
        for one in node:
            yield from recorded_names(one)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if isinstance(value, str) and key in NAMING and value not in ("[deleted]", ""):
            yield value
        yield from recorded_names(value)


NAMING = frozenset({"author", "name", "author_fullname", "permalink", "did", "handle", "uri"})


@pytest.fixture
def fixture_study(tmp_path: Path) -> Iterator[Workspace]:
    """Return a study whose loopback rows are recorded test data."""
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.toml").write_text(
        f'[study]\nname = "{NAME}"\nsince = 2005-07-01\n[policy]\nallow_loopback = true\n'
        'loopback_route = "fixture"\nnsfw = true\nreasons = { nsfw = "recorded test data" }\n'
    )
    variables = {
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "CONFIDE_NOW": "2026-07-05T00:00:00+00:00",
    }
    with environment(variables):
        write_key(key_file(NAME), KEY)
        yield open_workspace(folder)


def stamp(stream: str) -> store.SaveStamp:
    return store.SaveStamp(run_id="r", source=stream, stream=stream, route="fixture")


def query(workspace: Workspace, venue: str) -> CollectionQuery:
    return CollectionQuery("replayed", "replayed", venue, workspace.since, workspace.now())


def raw_page(workspace: Workspace, items: list[Any]) -> RawPage:
    return RawPage("reddit", "replayed", "replayed", "x", workspace.now(), tuple(items))


@pytest.mark.recordings
def test_recorded_reddit_leaves_no_name_at_rest(shared: Path, fixture_study: Workspace) -> None:
    folder = shared / "recordings" / "reddit"
    names: set[str] = set()
    stored = 0
    for scenario in RECORDED:
        for path in sorted((folder / scenario).glob("*.json")):
            names |= set(recorded_names(json.loads(path.read_text())["body"]))
        with replaying(folder / scenario) as replay:
            client = reddit.connect(
                reddit.RedditCredentials("x", "y", "confide (tests)", replay.url, replay.url),
                fresh_budget(),
            )
            pages = (
                reddit.fetch_threads(client, query(fixture_study, "x"), ["t3_3hahrw"])
                if "CommentForest" in scenario
                else [raw_page(fixture_study, things(replay))]
            )
            for page in pages:
                tally = land(fixture_study, page, reddit.parse_page(page), stamp("replayed"))
                stored += tally.new_count
    assert stored > 500
    publish(fixture_study.warehouse, fixture_study.published, now=fixture_study.now())
    found = scan(files_but_the_vault(fixture_study.directory), Names(tuple(sorted(names))))
    assert told(found, fixture_study.directory) == []


def things(replay: Any) -> list[Any]:
    return [
        {"kind": kind, "data": dict(data)}
        for kind in ("t3", "t1")
        for data in replay.things(kind).values()
    ]


@pytest.mark.recordings
def test_recorded_bluesky_leaves_no_name_at_rest(shared: Path, fixture_study: Workspace) -> None:
    names: set[str] = set()
    views: dict[str, Any] = {}
    for path in sorted((shared / "recordings" / "bluesky" / "api").glob("*.json")):
        body = json.loads(path.read_text())["body"]
        names |= set(recorded_names(body))
        views |= {view["uri"]: view for view in recorded_views(body)}
    page = RawPage(
        "bluesky", "replayed", "replayed", "network", fixture_study.now(), tuple(views.values())
    )
    tally = land(fixture_study, page, bluesky.parse_page(page), stamp("replayed"))
    kept_out = tally.other_language_count + tally.outside_policy_count
    assert tally.new_count + kept_out == len(views) > 30
    publish(fixture_study.warehouse, fixture_study.published, now=fixture_study.now())
    found = scan(files_but_the_vault(fixture_study.directory), Names(tuple(sorted(names))))
    assert told(found, fixture_study.directory) == []


def recorded_views(node: Any) -> Iterator[dict[str, Any]]:
    """Walk a recorded answer and yield every post view in it."""
    if isinstance(node, list):
        for one in node:
            yield from recorded_views(one)
    if isinstance(node, dict):
        if {"uri", "cid", "author", "record", "indexedAt"} <= set(node):
            yield node
        for value in node.values():
            yield from recorded_views(value)
