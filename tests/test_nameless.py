"""Promise 1: after any run no file outside the vault names anybody that the input held."""

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import bluesky, reddit
from demo.model import Community, Person
from flows.demo_study import NAME
from flows.gate import land
from flows.new_study import write_key
from flows.simulated_coders import code_round
from flows.workspace import Workspace, key_file, open_workspace
from schema.pages import CollectionQuery, RawPage
from schema.vocabulary import PLATFORMS
from tests.support.budget import fresh_budget
from tests.support.command import KEY, Outcome, environment
from tests.support.prefect_server import running
from tests.support.reddit_replay import replaying
from tests.support.scanner import Finding, Names, scan
from tests.support.study import FIRST, SECOND, DemoStudy, demo_study, small_community
from transforms.pseudonymize import author_pseudonyms, post_keys
from warehouse import store
from warehouse.publish import publish

CODING = datetime(2026, 3, 31, 12, tzinfo=UTC)
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
    root = tmp_path_factory.mktemp("nameless")
    community = small_community()
    with demo_study(root, community) as study:
        (study.folder / "var").mkdir(exist_ok=True)
        shutil.copytree(label_studio_template, study.folder / "var" / "label-studio")
        with running(study.folder) as server:  # whose database lies in the study, as always
            study.place = study.place.having(**server.environment())
            try:
                said = list(the_whole_job(study))
            finally:
                study.run("label-studio", "stop")
        for number, outcome in enumerate(said):
            outcome.succeeds()
            (study.folder / f"said-{number}.txt").write_text(outcome.said, "utf-8")
        yield study


def the_whole_job(study: DemoStudy) -> Iterator[Outcome]:
    """Run every verb of the main job, coders included."""
    yield study.run("collect")
    study.at(SECOND)
    yield from (study.run(verb) for verb in ("collect", "refresh"))
    study.at(CODING)
    yield from (study.run(verb) for verb in ("refresh", "draw", "push"))
    variables = {"XDG_CONFIG_HOME": str(study.place.config), "CONFIDE_NOW": CODING.isoformat()}
    with environment(variables):
        assert code_round(open_workspace(study.folder), study.community, "W1", "R1") > 0
    yield from (study.run(verb) for verb in ("pull", "agree", "publish", "verdicts", "status"))


@pytest.mark.label_studio
@pytest.mark.prefect_server
def test_the_whole_main_job_leaves_no_name_at_rest(worked_on: DemoStudy) -> None:
    folder = worked_on.folder
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    for part in STORES:  # what must not be missed is there to be looked at
        assert any(part in path for path in present), part
    found = scan(files_but_the_vault(folder), names_of(worked_on.community))
    assert told(found, folder) == []


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


def chosen(study: DemoStudy, workspace: Workspace) -> list[tuple[Person, str]]:
    """Pick six authors whom coders had tasks of, with their pseudonyms; of both platforms."""
    with store.open_warehouse(workspace.warehouse, now=CODING) as warehouse:
        rows = warehouse.execute(
            "select distinct author_pseudonym from landed.post_versions "
            "where post_key in (select unit_key from landed.units)"
        )
    drawn = {name for (name,) in rows}
    picked = []
    for platform in PLATFORMS:
        people = [p for p in study.community.people if p.platform == platform]
        accounts = [p.name if platform == "reddit" else p.native_id for p in people]
        key = workspace.key.pseudonym_key(platform)
        named = zip(people, author_pseudonyms(platform, accounts, key=key), strict=True)
        picked += [(person, pseudonym) for person, pseudonym in named if pseudonym in drawn][:3]
    assert len(picked) == 6
    return picked


def traces(study: DemoStudy, workspace: Workspace, picked: list[tuple[Person, str]]) -> Names:
    """List what leads to them: pseudonyms, keys as Label Studio has them, and their own words.

    Words are runs of eight that nobody else wrote: templates and copies are other people's, too.
    """
    mine = {person.native_id for person, _ in picked}
    own, others, keys = set[str](), set[str](), list[str]()
    for post in study.community.posts:
        runs = own if post.author.native_id in mine else others
        for text in (post.title or "", *(wording.text for wording in post.wordings)):
            for line in text.splitlines():
                words = line.split()
                runs |= {" ".join(words[n : n + 8]) for n in range(len(words) - 7)}
        if post.author.native_id in mine:
            key = workspace.key.pseudonym_key(post.platform)
            keys += [
                f"{found:016x}" for found in post_keys(post.platform, [post.native_id], key=key)
            ]
    runs_of_theirs = sorted(run for run in own - others if run.replace(" ", "").isalpha())
    assert len(runs_of_theirs) > 20
    return Names((*(pseudonym for _, pseudonym in picked), *keys, *runs_of_theirs))


def met_in(folder: Path, names: Names) -> set[str]:
    """Name the stores in which anything is met."""
    found = {str(finding.path.relative_to(folder)) for finding in scan([folder], names)}
    return {part for part in (*STORES, "vault.sqlite") if any(part in path for path in found)}


@pytest.mark.label_studio
@pytest.mark.prefect_server
def test_whoever_is_forgotten_is_in_no_file_any_more(worked_on: DemoStudy, tmp_path: Path) -> None:
    folder = worked_on.folder
    variables = {"XDG_CONFIG_HOME": str(worked_on.place.config), "CONFIDE_NOW": CODING.isoformat()}
    with environment(variables):
        workspace = open_workspace(folder)
        picked = chosen(worked_on, workspace)
        names = traces(worked_on, workspace, picked)
    assert met_in(folder, names) >= {"published/corpus.duckdb", "warehouse.duckdb", "label-studio/"}
    asked = tmp_path / "asked"
    asked.touch(mode=0o600)
    lines = [f"u/{p.name}" if p.platform == "reddit" else f"@{p.name}" for p, _ in picked]
    asked.write_text("\n".join(lines), "utf-8")
    with running(folder) as server:
        place = worked_on.place.having(**server.environment())
        told = place.run("forget", "--json", "--file", str(asked)).succeeds()
    counts = json.loads(told.out)
    assert (counts["accounts_count"], counts["not_done_count"]) == (6, 0)
    assert counts["removed_count"] > 6
    assert met_in(folder, names) == set()
    found = scan(files_but_the_vault(folder), names_of(worked_on.community))
    assert [f.path.name for f in found] == []


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
