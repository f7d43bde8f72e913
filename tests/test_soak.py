"""Ten minutes of a study at sixty times our speed, disturbed every minute (`make soak`).

`confide up` on a clock that runs: twenty sources of both platforms, a stream, refreshes, a round
coded in the real Label Studio, publishes, five analysts who read. Every minute something is killed
(SIGKILL) or an answer spoilt, drawn from a seed. In the end the study holds what one holds that was
collected once, with nobody disturbing it, and what the invented community itself says is up.

`CONFIDE_SOAK_MINUTES`: ten where nothing is said, sixty in `make long`.
"""

import json
import os
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from demo.history import is_public
from demo.model import Community
from flows.clock import Clock
from flows.simulated_coders import code_round
from flows.workspace import open_workspace
from tests.support.command import Outcome, environment
from tests.support.ports import free_port
from tests.support.prefect_server import running
from tests.support.raised import QUICK, Raised, wait_for
from tests.support.scanner import Names, scan
from tests.support.soak import Mischief, analysts, coders, disturb
from tests.support.soak_study import (
    SETTLED,
    SINCE,
    SPEED,
    START,
    VENUES,
    Servers,
    serving_soak,
    soak_community,
    soak_study,
)
from tests.support.study import DemoStudy
from transforms.pseudonymize import post_keys
from warehouse import store
from warehouse.fingerprint import held_rows

MINUTES: Final = float(os.environ.get("CONFIDE_SOAK_MINUTES", "10"))
pytestmark = [
    pytest.mark.soak,
    pytest.mark.prefect_server,
    pytest.mark.label_studio,
    pytest.mark.timeout(MINUTES * 60 + 1800),
]

EVERY_SECONDS: Final = min(60.0, MINUTES * 60 / 8)
DEPLOYMENTS: Final = 22  # the stream has none; refresh, retain and publish do
SAME: Final = ("edges", "links", "duplicates", "hidden", "interactions", "wishes")
Rows = dict[str, Counter[str]]


@dataclass
class Soaked:
    """A study after its ten minutes and a quiet pass, and one that nobody disturbed."""

    study: DemoStudy
    end: datetime
    rows: Rows
    undisturbed: Rows
    strikes: Counter[str]
    reads: list[int]
    answers_count: int
    ended: tuple[int, str, str]
    runs: list[dict[str, Any]]


@pytest.fixture(scope="module")
def soaked(
    tmp_path_factory: pytest.TempPathFactory,
    label_studio_program: Path,
    label_studio_template: Path,
) -> Iterator[Soaked]:
    root, community = tmp_path_factory.mktemp("soak"), soak_community()
    variables = {"CONFIDE_LABEL_STUDIO": str(label_studio_program)}
    with serving_soak(community, Clock(START)) as (servers, reddit, bluesky):
        for name in ("disturbed", "quiet"):
            (root / name).mkdir()
        study = soak_study(root / "disturbed", community, reddit, bluesky, **variables)
        shutil.copytree(label_studio_template, study.folder / "var" / "label-studio")
        try:
            done = live(study, servers)
            end = settle(study, servers)
            quiet = soak_study(root / "quiet", community, reddit, bluesky)
            pass_quietly(quiet, end, "collect", "refresh", "publish")
            rows, undisturbed = (held(each, end) for each in (study, quiet))
            yield Soaked(study, end, rows, undisturbed, *done)
        finally:
            study.run("label-studio", "stop")
            study.stop_orphans()


def live(
    study: DemoStudy, servers: Servers
) -> tuple[Counter[str], list[int], int, tuple[int, str, str], list[dict[str, Any]]]:
    """Bring a study up and disturb it for its minutes, on a clock that runs from now on."""
    servers.clock = Clock(START, SPEED, datetime.now(UTC))
    study.place = study.place.having(CONFIDE_NOW=str(servers.clock), **QUICK)
    up = Raised.up(study, free_port())
    wait_for(lambda: len(up.deployments()) == DEPLOYMENTS)
    mischief = Mischief(up, servers, random.Random(29))
    with analysts(study) as reads:
        try:
            with coders(study) as answers:
                disturb(mischief, seconds=MINUTES * 60, every_seconds=EVERY_SECONDS)
            runs = up.ended_runs()
        finally:
            ended = up.end()
    told = Counter(run["state_type"] for run in runs)
    print(f"runs {dict(told)}; analysts read {sum(reads)} times, coders answered {sum(answers)}")
    return mischief.done, reads, sum(answers), ended, runs


def settle(study: DemoStudy, servers: Servers) -> datetime:
    """Pass over everything once more, days later, when all that is held is looked at again."""
    for faults in (servers.reddit, servers.bluesky):
        faults.calm()
    end = servers.now() + SETTLED
    servers.clock = Clock(end)
    pass_quietly(study, end, "collect", "refresh")
    pass_quietly(study, end, "push")
    with environment(study.place.variables()):
        code_round(open_workspace(study.folder), study.community, "W1", "R1")
    pass_quietly(study, end, "pull", "publish")
    return end


def pass_quietly(study: DemoStudy, now: datetime, *verbs: str) -> list[Outcome]:
    """Run verbs on a clock that stands, each to its end, which is a good one."""
    study.at(now)
    folder = study.folder.parent / "server"
    folder.mkdir(exist_ok=True)
    with running(folder) as server:
        study.place = study.place.having(**server.environment())
        done = [study.run(verb).succeeds() for verb in verbs]
    study.place = study.place.without("PREFECT_API_URL")
    return done


def held(study: DemoStudy, now: datetime) -> Rows:
    with store.open_warehouse(study.folder / "warehouse.duckdb", now=now) as warehouse:
        return {name: Counter(rows) for name, rows in held_rows(warehouse).items()}


def keys_of(study: DemoStudy, native_ids: list[str]) -> set[int]:
    with environment(study.place.variables()):
        key = open_workspace(study.folder).key
        reddit = [one for one in native_ids if not one.startswith("at://")]
        bluesky = [one for one in native_ids if one.startswith("at://")]
        return {
            *post_keys("reddit", reddit, key=key.pseudonym_key("reddit")),
            *post_keys("bluesky", bluesky, key=key.pseudonym_key("bluesky")),
        }


def test_it_holds_what_an_undisturbed_study_holds(soaked: Soaked) -> None:
    assert sum(soaked.rows["posts"].values()) > 100
    # whether a Bluesky post says that it was edited hangs on who saw its new wording first: the
    # stream tells, the AppView does not
    assert wordings(soaked.rows) == wordings(soaked.undisturbed)
    for part in SAME:
        assert soaked.rows[part] == soaked.undisturbed[part], part


def wordings(rows: Rows) -> set[str]:
    told = [json.loads(row) for row in rows["posts"]]
    return {json.dumps({**row, "is_edited": None}) for row in told}


def test_it_knows_of_more_wordings_and_removals_than_one_who_came_late(soaked: Soaked) -> None:
    assert soaked.rows["versions"] >= soaked.undisturbed["versions"]
    assert max(soaked.rows["versions"].values()) == 1
    counts = [json.loads(row)["posts_count"] for row in soaked.rows["removals"]]
    late = [json.loads(row)["posts_count"] for row in soaked.undisturbed["removals"]]
    assert sum(counts) >= sum(late)


def test_it_holds_what_the_community_itself_says_is_up(soaked: Soaked) -> None:
    up, gone = ledger(soaked.study.community, soaked.end)
    posts = [int(json.loads(row)["post_key"]) for row in soaked.rows["posts"]]
    assert len(posts) == len(set(posts))
    assert keys_of(soaked.study, gone).isdisjoint(posts)
    assert keys_of(soaked.study, up) <= set(posts)


def ledger(community: Community, now: datetime) -> tuple[list[str], list[str]]:
    """List what must be held, submissions of the three venues, and what must not."""
    window = [post for post in community.posts if SINCE <= post.created_at <= now]
    plain = [post for post in window if not post.distortions and post.claimed_at is None]
    up = [
        post.native_id
        for post in plain
        if post.kind == "submission"
        and post.venue in VENUES
        and post.languages == ("en",)
        and is_public(post, now)
    ]
    return up, [post.native_id for post in window if not is_public(post, now)]


def test_no_time_is_missing(soaked: Soaked) -> None:
    coverage = [json.loads(row) for row in soaked.rows["coverage"]]
    assert [row for row in coverage if row["kind"] == "gap"] == []


def test_everything_struck_and_no_analyst_failed(soaked: Soaked) -> None:
    assert sum(soaked.strikes.values()) >= 5
    assert min(soaked.reads) > 5


def test_every_answer_of_a_coder_counts_once(soaked: Soaked) -> None:
    assert soaked.answers_count > 0
    with store.open_warehouse(
        soaked.study.folder / "warehouse.duckdb", now=soaked.end
    ) as warehouse:
        rows = warehouse.execute(
            "select unit_key, count(distinct coder) from intermediate.latest_codings group by all"
        )
    assert len(rows) > 0
    assert {coders for _, coders in rows} == {3}


def test_it_ended_well_and_nothing_was_lost_or_reported_as_ours(soaked: Soaked) -> None:
    code, _, err = soaked.ended
    assert (code, err) == (0, "")
    done = Counter(run["state_type"] for run in soaked.runs)
    assert done["COMPLETED"] > 0
    told = " ".join(str(run["state"]["message"]) for run in soaked.runs)
    assert "please report it" not in told
    assert "locked" not in told


def test_logs_hold_no_text_no_name_and_no_locked_database(soaked: Soaked) -> None:
    var = soaked.study.folder / "var"
    logs = [*var.glob("up-*.log"), *var.glob("journal.ndjson*")]
    for log in logs:
        assert not re.search("database is locked|please report it", log.read_text("utf-8")), log
    people = {post.author for post in soaked.study.community.posts}
    names = {name for person in people for name in (person.name, person.native_id)}
    texts = {post.text for post in soaked.study.community.posts if len(post.text) > 40}
    native_ids = {post.native_id for post in soaked.study.community.posts}
    assert scan([*logs, var / "prefect"], Names((*names, *native_ids, *texts))) == []
