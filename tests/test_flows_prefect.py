"""Prefect: with a server and without one, silent towards the outside, and told nothing of people.

What a run may leave in Prefect is the names of sources and rounds, and counts.
"""

import json
import os
import pickle
import subprocess
import sys
from base64 import b64decode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from flows.journal import NAME
from schema.errors import SourceUnavailable
from tests.support.appview_script import (
    HANDLE,
    OTHER,
    WRITER,
    Ask,
    entry,
    refused,
    scripted_appview,
    view,
)
from tests.support.command import NOWHERE, Place, place
from tests.support.prefect_server import PrefectServer
from tests.support.reddit_village import NOON, minutely, submission, village
from tests.support.reddit_village import WRITER as PORCH_WRITER
from tests.support.scanner import Names, scan
from warehouse import store

pytestmark = pytest.mark.prefect_server

ACCOUNTS = '[[source]]\nname = "accounts"\nkind = "bluesky_author"\nauthors_file = "{path}"\n'
GARBAGE = f"<html>@{HANDLE} alias {PORCH_WRITER.name} ({WRITER}) wrote: nobody knows the lantern"
SILENT = {
    "server.analytics_enabled": False,
    "server.ui.v2_enabled": False,
    "server.ui.show_promotional_content": False,
    "results.persist_by_default": False,
    "server.ephemeral.startup_timeout_seconds": 120,
}
SHOW = """
import json, os, sys
from pathlib import Path
from flows.environment import prepare
prepare(Path(sys.argv[1]))
from prefect.settings import get_current_settings
settings = get_current_settings().model_dump(mode="json")
settings["do_not_track"] = os.environ["DO_NOT_TRACK"]
settings["database"] = get_current_settings().server.database.connection_url.get_secret_value()
print(json.dumps(settings))
"""


@pytest.fixture
def study(tmp_path: Path, prefect_server: PrefectServer) -> Place:
    """Return the place of a study whose flows report to the session's server."""
    return place(tmp_path, **prefect_server.environment())


def following(study: Place, *dids: str, appview: str) -> None:
    """Write a study that follows some accounts."""
    names = study.config / "authors"
    names.touch(mode=0o600)
    names.write_text("\n".join(dids) + "\n", "utf-8")
    study.write_study(bluesky=appview, sources=ACCOUNTS.format(path=names))


def runs_since(server: PrefectServer, before: set[str]) -> list[dict[str, Any]]:
    """Read the flow runs that were not there before."""
    return [run for run in server.ask("flow_runs/filter") if run["id"] not in before]


@pytest.fixture
def known(prefect_server: PrefectServer) -> set[str]:
    """Return the ids of the runs that other tests left."""
    return {run["id"] for run in prefect_server.ask("flow_runs/filter")}


def settings(tmp_path: Path, **environment: str) -> Iterator[tuple[str, Any]]:
    """Read the settings that Prefect takes, flattened, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", SHOW, str(tmp_path)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    yield from flattened(json.loads(done.stdout))


def flattened(given: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def test_the_defaults_are_silent_and_stay_in_the_study(tmp_path: Path) -> None:
    found = dict(settings(tmp_path))
    assert {name: found[name] for name in SILENT} == SILENT
    assert found["do_not_track"] == "1"
    home = tmp_path / "var" / "prefect"
    assert found["home"] == str(home)
    assert home.stat().st_mode & 0o777 == 0o700
    assert found["database"] == f"sqlite+aiosqlite:///{home}/prefect:memory:.db"


def test_what_a_person_set_stays(tmp_path: Path) -> None:
    found = dict(settings(tmp_path, PREFECT_HOME=str(tmp_path / "mine")))
    assert found["home"] == str(tmp_path / "mine")


def test_flows_run_where_no_server_is_configured(tmp_path: Path) -> None:
    alone = place(tmp_path)
    with village(minutely(3, until=NOON)) as porch:
        alone.write_study(reddit=porch.url)
        told = alone.run("collect", "--json").succeeds()
    assert json.loads(told.out)["porch"]["new_count"] == 3
    assert (alone.folder / "var" / "prefect" / "prefect:memory:.db").exists()


def test_flows_report_to_the_server_that_is_configured(
    study: Place, prefect_server: PrefectServer, known: set[str]
) -> None:
    with village(minutely(3, until=NOON)) as porch:
        study.write_study(reddit=porch.url)
        for verb in (("collect",), ("refresh",), ("draw", "--roots", "1"), ("publish",)):
            study.invoke(*verb).succeeds()
    runs = runs_since(prefect_server, known)
    assert {run["state_name"] for run in runs} == {"Completed"}
    names = {flow["id"]: flow["name"] for flow in prefect_server.ask("flows/filter")}
    assert {names[run["flow_id"]] for run in runs} == {"collect", "refresh", "draw", "publish"}
    asked = {names[run["flow_id"]]: run["parameters"] for run in runs}
    assert asked["collect"] == {"sources": None}
    plan = dict.fromkeys(("replies", "timelines", "community_weeks"))
    assert asked["draw"] == {"wave": "W1", "round_": "R1", "roots": 1, **plan}
    assert not (study.folder / "var" / "prefect" / "prefect:memory:.db").exists()
    [read] = [run["id"] for run in runs if names[run["flow_id"]] == "collect"]
    with store.open_warehouse(study.folder / "warehouse.duckdb", now=NOON) as warehouse:
        kept = warehouse.execute("select flow_run, run_id from landed.collection_runs limit 1")
    lines = (study.folder / "var" / NAME).read_text("utf-8").splitlines()
    line = json.loads(lines[0])
    assert [(line["flow_run"], line["run_id"])] == kept
    assert (line["event"], line["flow"], line["flow_run"]) == ("run_began", "collect", read)


def test_a_refusal_is_not_tried_again(
    study: Place, prefect_server: PrefectServer, known: set[str]
) -> None:
    with scripted_appview(lambda _ask: refused(400, "InvalidRequest")) as appview:
        following(study, WRITER, appview=appview.url)
        study.invoke("collect").refuses(1, "accounts")
        assert [ask.method for ask in appview.asked] == ["getProfiles"]
    [run] = runs_since(prefect_server, known)
    assert run["state_name"] == "Failed"
    assert tries(prefect_server, run, expected=3)["collect-accounts"] == 1


def tries(server: PrefectServer, run: dict[str, Any], *, expected: int) -> dict[str, int]:
    """Map a flow run's tasks to how often each was tried."""
    tasks = server.task_runs(run["id"], expected=expected)
    return {task["name"]: task["run_count"] for task in tasks}


def test_a_try_after_a_failure_brings_everything(study: Place) -> None:
    fails = iter([True])

    def answer(ask: Ask) -> object:
        if next(fails, False):
            return refused(503, "NotEnoughResources")
        if ask.method == "getProfiles":
            return {"profiles": [{"did": did} for did in ask.params["actors"]]}
        return {"feed": [entry(view("one", at=NOON - timedelta(hours=1)))]}

    with scripted_appview(answer) as appview:
        following(study, WRITER, appview=appview.url)
        told = study.invoke("collect", "--json").succeeds()
    assert json.loads(told.out)["accounts"]["new_count"] == 1


def test_what_a_failing_platform_says_reaches_neither_prefect_nor_the_study(
    study: Place, prefect_server: PrefectServer, known: set[str]
) -> None:
    posts = [submission(1, at=NOON - timedelta(hours=2), title="Lantern seventeen")]
    garbage = scripted_appview(lambda _ask: PlainTextResponse(GARBAGE))
    with garbage as appview, village(posts) as porch:
        following(study, WRITER, OTHER, appview=appview.url)
        path = study.folder / "study.toml"
        reddit = '[[source]]\nname = "porch"\nkind = "reddit"\nsubreddit = "QuietPorch"\n'
        path.write_text(path.read_text().replace(NOWHERE, porch.url) + reddit)
        told = study.run("collect")
        assert [ask.method for ask in appview.asked] == ["getProfiles"] * 3
    told.refuses(1, "accounts: ")
    [run] = runs_since(prefect_server, known)
    tried = tries(prefect_server, run, expected=4)
    assert (tried["collect-accounts"], tried["collect-porch"]) == (3, 1)
    names = Names((HANDLE, WRITER, OTHER, PORCH_WRITER.name, "t3_v00001", "nobody knows the"))
    assert not [name for name in names.values if name in told.said]
    kept = [file for file in study.folder.iterdir() if file.name != "vault.sqlite"]
    assert list(prefect_server.folder.rglob("prefect:memory:.db"))
    assert scan([*kept, prefect_server.folder], names) == []
    # Prefect keeps the error that ended a flow, asked or not: it is our own sentence
    [error] = (study.folder / "var" / "prefect" / "storage").iterdir()
    failure = pickle.loads(b64decode(error.read_bytes()))
    assert isinstance(failure, SourceUnavailable)
    assert told.err == f"confide: {failure}\n"


def test_results_are_not_kept(study: Place, prefect_server: PrefectServer, known: set[str]) -> None:
    with village(minutely(2, until=NOON)) as porch:
        study.write_study(reddit=porch.url)
        study.invoke("collect").succeeds()
    [run] = runs_since(prefect_server, known)
    tasks = prefect_server.task_runs(run["id"], expected=3)
    for state in (run["state"], *(task["state"] for task in tasks)):
        kept = (state["data"] or {}).get("storage_key")
        assert kept is None or not Path(kept).exists()
    assert {str(task["task_inputs"]) for task in tasks} == {"{}", "{'source': []}"}
