"""`confide up`: schedules, stream, Prefect's pages and Label Studio, run and ended as one.

One study of the invented community is brought up for all tests here, on real servers, with a
source that is due every half minute. The last tests kill it, raise it again and end it.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import sync_playwright

from flows.environment import DRAWN_FILE, UP_FILE
from tests.support.command import SECONDS, place
from tests.support.needs import needs_program
from tests.support.ports import free_port
from tests.support.prefect_server import SERVE, PrefectServer
from tests.support.raised import Raised, wait_for
from tests.support.scanner import Names, scan
from tests.support.soak import PARTS, killed
from tests.support.study import SECOND, demo_study, small_community

pytestmark = [pytest.mark.prefect_server, pytest.mark.label_studio]

LEFT_OUT: Final = ("smallhours", "accounts", "threads")
OFTEN: Final = 'name = "deskplants"\nevery = "30s"\n'
QUIET: Final = (
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
)


@pytest.fixture(scope="module")
def raised(
    tmp_path_factory: pytest.TempPathFactory,
    label_studio_program: Path,
    label_studio_template: Path,
) -> Iterator[Raised]:
    root = tmp_path_factory.mktemp("up")
    program = {"CONFIDE_LABEL_STUDIO": str(label_studio_program)}
    with demo_study(root, small_community(), **program) as study:
        study.at(SECOND)
        path = study.folder / "study.toml"
        text = path.read_text("utf-8").replace('name = "deskplants"\n', OFTEN)
        blocks = re.split(r"(?m)^(?=\[)", text)
        kept = [each for each in blocks if not any(f'"{name}"' in each for name in LEFT_OUT)]
        path.write_text("".join(kept), "utf-8")
        shutil.copytree(label_studio_template, study.folder / "var" / "label-studio")
        up = Raised.up(study, free_port())
        try:
            yield up
        finally:
            if up.process.poll() is None:
                up.end()
            study.stop_orphans()


def test_everything_runs_that_the_study_asks_for(raised: Raised) -> None:
    deployments = wait_for(lambda: len(raised.deployments()) == 5 and raised.deployments())
    assert set(deployments) == {"heavypockets", "deskplants", "refresh", "retain", "publish"}
    assert deployments["deskplants"]["parameters"] == {"sources": ["deskplants"]}
    assert deployments["heavypockets"]["schedules"][0]["schedule"]["interval"] == 1800
    assert deployments["publish"]["schedules"][0]["schedule"]["cron"] == "0 4 * * *"
    for name in deployments:  # none ever ran, so each is due at once
        wait_for(partial(raised.runs, "COMPLETED", deployment=name))
    assert (raised.study.folder / "published" / "corpus.duckdb").is_file()
    assert wait_for(lambda: [run for run in raised.runs("RUNNING") if not run["deployment_id"]])


def test_a_run_that_would_overlap_is_skipped_and_says_why(raised: Raised) -> None:
    wait_for(lambda: "heavypockets" in raised.deployments())
    for _ in range(3):
        raised.order("heavypockets")
    skipped = wait_for(lambda: raised.runs("CANCELLED", deployment="heavypockets"))
    assert skipped[0]["state"]["message"] == "Deployment concurrency limit reached."
    assert skipped[0]["run_count"] == 0


def test_a_verb_by_hand_shows_on_the_same_pages(raised: Raised) -> None:
    told = raised.study.run("collect", "heavypockets").succeeds()
    assert told.out.startswith("heavypockets: ")
    by_hand = [run for run in raised.runs("COMPLETED") if not run["deployment_id"]]
    assert [run["parameters"] for run in by_hand] == [{"sources": ["heavypockets"]}]


def test_a_run_leaves_a_table_of_what_it_did(raised: Raised) -> None:
    def tables() -> dict[str, str]:
        return {each["key"]: each["data"] for each in raised.ask("artifacts/filter")}

    wait_for(lambda: {"collect-deskplants", "refresh", "publish"} <= set(tables()))
    table = tables()["collect-deskplants"]
    assert re.search(r"\| deskplants( \| \d+){7} \|", table), table
    assert "Next run: 2" in table
    assert "verdicts" in tables()["publish"]


def test_a_second_one_is_refused(raised: Raised) -> None:
    told = raised.study.place.invoke("up", "--port", str(free_port()))
    told.refuses(2, f"up already, at http://127.0.0.1:{raised.port}")


def test_another_study_does_not_take_its_port(raised: Raised, tmp_path: Path) -> None:
    other = place(tmp_path)
    other.write_study()
    other.invoke("up", "--port", str(raised.port)).refuses(
        2, f"port {raised.port}", "Prefect server of another study", "--port"
    )


def test_pages_of_other_sites_may_not_ask_it(raised: Raised) -> None:
    asked = {"Origin": "http://lantern.example", "Access-Control-Request-Method": "POST"}
    url = f"http://127.0.0.1:{raised.port}/api/flow_runs/filter"
    assert httpx.options(url, headers=asked, timeout=60).status_code == 400


def test_label_studio_is_there(raised: Raised) -> None:
    text = (raised.study.folder / "study.toml").read_text("utf-8")
    [url] = re.findall(r'url = "(http://127.0.0.1:\d+)"\n', text.split("[label_studio]")[1])

    def is_healthy() -> bool:
        try:
            return httpx.get(f"{url}/health", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    wait_for(is_healthy)


@pytest.mark.browser
def test_people_see_deployments_and_what_a_run_did(raised: Raised, artifacts: Path) -> None:
    program = needs_program("chromium", package="chromium")
    wait_for(lambda: "collect-deskplants" in {a["key"] for a in raised.ask("artifacts/filter")})
    shown = [a for a in raised.ask("artifacts/filter") if a["key"] == "collect-deskplants"]
    hosts: set[str] = set()
    ui = f"http://127.0.0.1:{raised.port}"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(program), args=list(QUIET))
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(f"{ui}/deployments")
        page.get_by_text("heavypockets").first.wait_for()
        page.screenshot(path=artifacts / "up-deployments.png")
        page.goto(f"{ui}/artifacts/artifact/{shown[0]['id']}")
        page.get_by_role("cell", name="deskplants").first.wait_for()
        page.screenshot(path=artifacts / "up-artifact.png")
        browser.close()
    assert hosts - {""} == {f"127.0.0.1:{raised.port}"}  # without one: data inside the page


def test_a_source_runs_again_on_its_schedule(raised: Raised) -> None:
    wait_for(lambda: len(raised.runs("COMPLETED", deployment="deskplants")) > 1)


def test_what_prefect_keeps_names_nobody(raised: Raised) -> None:
    community = raised.study.community
    people = {post.author for post in community.posts}
    names = Names(
        tuple({name for person in people for name in (person.name, person.native_id)})
        + tuple(post.native_id for post in community.posts)
    )
    var = raised.study.folder / "var"
    assert scan([var / "prefect", *var.glob("up-*.log")], names) == []


def test_a_stream_whose_process_was_killed_is_marked_when_it_is_started_again(
    raised: Raised,
) -> None:
    [stream] = wait_for(lambda: [r for r in raised.runs("RUNNING") if not r["deployment_id"]])
    assert killed(f"CONFIDE_STUDY={raised.study.folder.resolve()}".encode(), PARTS["the stream"])
    wait_for(lambda: stream["id"] in {run["id"] for run in raised.runs("CRASHED")})
    [again] = wait_for(lambda: [r for r in raised.runs("RUNNING") if not r["deployment_id"]])
    assert again["id"] != stream["id"]


def test_what_a_crash_leaves_is_ended_and_marked(raised: Raised) -> None:
    [stream] = wait_for(lambda: [r for r in raised.runs("RUNNING") if not r["deployment_id"]])
    raised.process.kill()
    raised.process.communicate(timeout=SECONDS)
    again = Raised.up(raised.study, raised.port)
    assert re.match(r"ended \d+ processes that an earlier", again.said[0])
    raised.process = again.process
    [crashed] = wait_for(lambda: [r for r in raised.runs("CRASHED") if r["id"] == stream["id"]])
    assert crashed["state"]["message"].startswith("Its process was gone when `confide up` began")
    wait_for(lambda: [r for r in raised.runs("RUNNING") if not r["deployment_id"]])
    wait_for(lambda: len(raised.deployments()) == 5)


def test_a_round_that_was_drawn_is_followed(raised: Raised) -> None:
    (raised.study.folder / "var" / DRAWN_FILE).touch()
    wait_for(lambda: len([r for r in raised.runs("RUNNING") if not r["deployment_id"]]) == 2)


def test_it_ends_with_everything_it_started(raised: Raised) -> None:
    raised.order("heavypockets")
    wait_for(lambda: raised.runs("PENDING", "RUNNING", deployment="heavypockets"))
    code, _, err = raised.end()
    assert (code, err) == (0, "")
    assert raised.study.stop_orphans() == 0
    assert not (raised.study.folder / "var" / UP_FILE).exists()
    told = json.loads(raised.study.run("status", "--json").succeeds().out)
    assert {row["state"] for row in told["streams"]} == {"stopped"}


def test_prefect_accepts_the_yaml(tmp_path: Path, prefect_server: PrefectServer) -> None:
    study = place(tmp_path)
    study.write_study()
    told = study.invoke("up", "--prefect-yaml").succeeds().out
    (tmp_path / "prefect.yaml").write_text(told, "utf-8")
    for words in (
        ("work-pool", "create", "confide", "--type", "process"),
        ("--no-prompt", "deploy", "--all", "--prefect-file", "prefect.yaml"),
    ):
        subprocess.run(
            [sys.executable, "-c", SERVE, str(study.folder), *words],
            env={**study.variables(), **prefect_server.environment(), "PATH": "/usr/bin:/bin"},
            cwd=tmp_path,
            check=True,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    made = {each["name"]: each for each in prefect_server.ask("deployments/filter")}
    assert set(made) >= {"porch", "refresh", "retain", "publish"}
    assert made["porch"]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert made["porch"]["work_pool_name"] == "confide"
