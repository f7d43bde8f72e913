"""Alerts: what stands against a study reaches a webhook once, and again when it happens again."""

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import uuid4

import pytest
from filelock import FileLock
from prefect import Flow, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.context import TagsContext
from prefect.settings import PREFECT_API_URL, temporary_settings
from prefect.states import Completed, Crashed, Failed, Running

from connectors.vault import PendingRemoval, VaultEntry, open_vault
from flows import alerts
from flows.alerts import HOOKS, PASS_HOOKS, tell_dead, tell_pass
from flows.backfill import backfill
from flows.collect import collect
from flows.crashes import in_its_place
from flows.environment import PART_VARIABLE
from flows.journal import NAME
from flows.publish import publish
from flows.refresh import refresh
from flows.status import size_of
from flows.stream import stream
from tests.support.passes import Passes, passes
from tests.support.prefect_server import PrefectServer
from tests.support.warehouse_rows import NOW, post, save
from warehouse import store

PORCH = '[[source]]\nname = "porch"\nkind = "reddit"\nsubreddit = "QuietPorch"\n'
STREAM = '[[source]]\nname = "words"\nkind = "bluesky_stream"\nkeywords = ["umbrella"]\n'
DUMPS = """[[source]]
name = "dumps"
kind = "reddit_archive"
permission = { reference = "x", covers = "x", expires = 2027-01-01 }
"""
DAY = timedelta(days=1)
WORDS = {"sources": ["words"]}


class Receiver(HTTPServer):
    """Keeps what it is told; answers `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status, self.told = 200, list[dict[str, Any]]()

    def kinds(self) -> list[str]:
        """Name what came since the last asking."""
        told, self.told = self.told, []
        return [f"{message['kind']} {message['about']}" for message in told]


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if self.server.status == 200:
            self.server.told.append(body)
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def study(tmp_path: Path, receiver: Receiver) -> Passes:
    """Return a study that tells the receiver."""
    webhook = tmp_path / "study.webhook"
    webhook.touch(mode=0o600)
    webhook.write_text(f"http://127.0.0.1:{receiver.server_port}/hook\n", "utf-8")
    made = passes(tmp_path / "here", now=NOW, sources=PORCH)
    path = made.place.folder / "study.toml"
    path.write_text(f'{path.read_text("utf-8")}\n[alerts]\nwebhook_file = "{webhook}"\n', "utf-8")
    with made.workspace() as workspace, open_vault(workspace.vault, workspace.key.vault_keys()):
        return made  # a warehouse that holds posts has a vault beside it


def tell(study: Passes, *, failed: dict[str, str] | None = None) -> None:
    """End a pass over the porch."""
    with study.workspace():
        tell_pass([] if failed else ["porch"], failed or {})


def brought(study: Passes, per_day: dict[int, int]) -> None:
    """Let the porch have brought so many posts so many days ago."""
    rows = [
        post(1000 * days + number, observed_at=study.now - days * DAY - timedelta(hours=1))
        for days, count in per_day.items()
        for number in range(1, count + 1)
    ]
    stamp = store.SaveStamp("run-1", "porch", "porch", "synthetic")
    with store.open_warehouse(study.place.folder / "warehouse.duckdb", now=NOW) as warehouse:
        store.begin_run(warehouse, stamp, started_at=study.now - max(per_day) * DAY - DAY / 2)
        save(warehouse, *rows, stamp=stamp)


def test_a_failure_is_told_once_until_it_is_over(study: Passes, receiver: Receiver) -> None:
    for _ in range(2):
        tell(study, failed={"porch": "Reddit answers 503: it is tried again at the next turn"})
    [told] = receiver.told
    assert told["text"] == (
        "Confide, study porch-study: porch: Reddit answers 503: it is tried again at the next turn"
    )
    assert receiver.kinds() == ["failure porch"]
    tell(study)
    tell(study, failed={"porch": "Reddit answers 503"})
    assert receiver.kinds() == ["failure porch"]


def test_a_source_that_dries_up_is_told(study: Passes, receiver: Receiver) -> None:
    brought(study, {0: 4, 1: 12, 2: 14, 3: 10, 4: 300})
    tell(study)
    assert [message["sentence"] for message in receiver.told] == [
        "porch: 4 new posts in the last 24 hours, usually 13: see whether it still exists and is "
        "still read (`confide status`)"
    ]


@pytest.mark.parametrize(
    "per_day",
    [
        pytest.param({0: 7, 1: 12, 2: 14, 3: 10}, id="more than half of the usual"),
        pytest.param({0: 0, 1: 3, 2: 2, 3: 9}, id="few are usual"),
        pytest.param({0: 0, 1: 90, 2: 90}, id="too short a time to say what is usual"),
    ],
)
def test_an_ordinary_day_is_not_told(
    study: Passes, receiver: Receiver, per_day: dict[int, int]
) -> None:
    brought(study, per_day)
    tell(study)
    assert receiver.kinds() == []


def test_a_gap_is_told_and_told_again_when_it_grows(study: Passes, receiver: Receiver) -> None:
    brought(study, {0: 1})
    gap = (
        "insert into landed.coverage by name select 'porch' as stream, 'porch' as source, "
        "timestamp '2026-02-0{0} 12:00' as from_at, timestamp '2026-02-0{0} 15:00' as to_at, "
        "'gap' as kind, 200 as at_most_count, 'run-1' as run_id"
    )
    study.write(gap.format(1))
    tell(study)
    [told] = receiver.told
    assert told["sentence"].startswith(
        "porch: 1 gap between 2026-02-01 12:00 and 2026-02-01 15:00 UTC, 200 posts at most: "
    )
    tell(study)
    assert receiver.kinds() == ["gap porch"]
    study.write(gap.format(2))
    tell(study)
    assert receiver.kinds() == ["gap porch"]


def test_a_source_that_was_deleted_from_the_study_is_no_trouble(
    study: Passes, receiver: Receiver
) -> None:
    brought(study, {0: 4, 1: 12, 2: 14, 3: 10})
    study.write(
        "insert into landed.coverage by name select 'porch' as stream, 'porch' as source, "
        "timestamp '2026-02-01 12:00' as from_at, timestamp '2026-02-01 15:00' as to_at, "
        "'gap' as kind, 200 as at_most_count, 'run-1' as run_id"
    )
    path = study.place.folder / "study.toml"
    whole = path.read_text("utf-8")
    path.write_text(whole.replace('"porch"', '"attic"'), "utf-8")
    tell(study)
    assert receiver.kinds() == []
    path.write_text(whole, "utf-8")
    tell(study)
    assert receiver.kinds() == ["gap porch", "volume porch"]


def test_overdue_looks_are_told(study: Passes, receiver: Receiver) -> None:
    brought(study, {0: 1})
    due_at = NOW - 3 * DAY
    with study.workspace() as workspace:
        with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
            vault.remember([VaultEntry("reddit", "t3_invented", 1001, "porch", due_at)])
        tell_pass(["porch"], {})
    assert receiver.kinds() == ["overdue reddit"]


def test_what_could_not_be_delivered_is_told_by_the_next_run(
    study: Passes, receiver: Receiver
) -> None:
    receiver.status = 500
    tell(study, failed={"porch": "Reddit answers 503"})
    receiver.status = 200
    tell(study, failed={"porch": "Reddit answers 503"})
    assert receiver.kinds() == ["failure porch"]
    events = [line["event"] for line in journal(study)]
    assert events == ["trouble", "alert_undelivered"]


def test_a_webhook_file_that_others_may_read_ends_no_run(
    study: Passes, receiver: Receiver, tmp_path: Path
) -> None:
    (tmp_path / "study.webhook").chmod(0o644)
    tell(study, failed={"porch": "Reddit answers 503"})
    assert receiver.kinds() == []
    found = json.loads(study.place.invoke("check", "--json").out)
    [alerts] = [finding for finding in found if finding["rule"] == "alerts"]
    assert alerts["verdict"] == "fail"
    assert alerts["why"] == "alerts.webhook_file is readable by others: chmod 600 it"


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:port/hook", "http://127.0.0.1:700000", "https://", "lantern"]
)
def test_an_address_that_is_none_is_refused_and_ends_no_run(
    study: Passes, tmp_path: Path, address: str
) -> None:
    (tmp_path / "study.webhook").write_text(f"{address}\n", "utf-8")
    tell(study, failed={"porch": "Reddit answers 503"})
    assert [line["event"] for line in journal(study)] == ["trouble", "alert_undelivered"]
    study.place.invoke("up", "--check").refuses(2, "alerts.webhook_file holds no address")


@pytest.mark.parametrize("in_the_way", ["alerts.new", "alerts.json"])
def test_what_keeps_an_alert_from_being_kept_ends_no_run(
    study: Passes, receiver: Receiver, in_the_way: str
) -> None:
    (study.place.folder / "var").mkdir(exist_ok=True)
    (study.place.folder / "var" / in_the_way).mkdir()
    tell(study, failed={"porch": "Reddit answers 503"})
    assert journal(study)[-1]["event"] == "alert_undelivered"


def test_a_lock_that_another_run_holds_ends_no_run(
    study: Passes, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "LOCK_SECONDS", 0.1)
    (study.place.folder / "var").mkdir(exist_ok=True)
    with FileLock(study.place.folder / "var" / f"{alerts.FILE}.lock"):
        tell(study, failed={"porch": "Reddit answers 503"})
        assert receiver.kinds() == []
    assert [line["error"] for line in journal(study)] == ["Timeout"]
    tell(study, failed={"porch": "Reddit answers 503"})
    assert receiver.kinds() == ["failure porch"]


def test_a_flow_whose_process_died_is_told(study: Passes, receiver: Receiver) -> None:
    [hook] = HOOKS["on_crashed"]
    with study.workspace():
        hook(publish, None, Crashed(message="killed"))
        hook(publish, None, Crashed(message="killed"))
        HOOKS["on_completion"][0](publish, None, Completed())
        hook(publish, None, Failed(message="the disk is full"))
    assert [message["sentence"] for message in receiver.told] == [
        "publish: its process died; see var/",
        "publish: the disk is full",
    ]


def pass_of(source: str) -> FlowRun:
    """Return a run of `collect` that reads one source."""
    return FlowRun(flow_id=uuid4(), parameters={"sources": [source]})


def test_a_pass_whose_process_died_is_told_again_after_one_that_ended(
    study: Passes, receiver: Receiver
) -> None:
    [died], [ended] = collect.on_crashed_hooks, collect.on_completion_hooks
    with study.workspace():
        for _ in range(2):
            died(collect, pass_of("porch"), Crashed(message="killed"))
        assert receiver.kinds() == ["failure collect porch"]
        died(collect, pass_of("attic"), Crashed(message="killed"))
        assert receiver.kinds() == ["failure collect attic"]
        ended(collect, pass_of("porch"), Completed())
        for source in ("attic", "porch"):
            died(collect, pass_of(source), Crashed(message="killed"))
    assert receiver.kinds() == ["failure collect porch"]


def test_a_failure_that_a_pass_told_is_not_told_twice(study: Passes, receiver: Receiver) -> None:
    [failed] = collect.on_failure_hooks
    ran, why = pass_of("porch"), "Reddit answers 503"
    raised = Failed(message=f"Flow run encountered an exception: SourceUnavailable: {why}")
    with study.workspace():
        tell_pass([], {"porch": why})
        failed(collect, ran, raised)
        assert receiver.kinds() == ["failure porch"]
        tell_pass(["porch"], {})
        for _ in range(2):
            failed(collect, ran, raised)
    [told] = receiver.told
    assert told["sentence"] == f"collect porch: {why}"


BROKEN = {
    "duplicates": "drop table landed.duplicate_sketches",
    "refresh": "alter table landed.post_versions rename column scrubber_version to scrubber",
}


@pytest.mark.prefect_server
@pytest.mark.parametrize("about", BROKEN)
def test_what_fails_beside_the_parts_of_a_pass_is_told(
    study: Passes, receiver: Receiver, prefect_server: PrefectServer, about: str
) -> None:
    brought(study, {0: 1})
    study.write(BROKEN[about])
    here = study.place.having(CONFIDE_NOW=NOW.isoformat(), **prefect_server.environment())
    assert here.run("refresh").code == 1
    told = [message for message in receiver.told if message["kind"] == "failure"]
    assert [message["about"] for message in told if message["about"] != "reddit"] == [about]
    assert "failed with" in told[-1]["sentence"]
    assert "exception" not in told[-1]["sentence"]
    tables = [artifact["data"] for artifact in prefect_server.ask("artifacts/filter")]
    is_shown = any("**duplicates** failed: " in str(table) for table in tables)
    assert is_shown or about != "duplicates"


@pytest.mark.prefect_server
def test_nothing_is_read_while_a_removal_that_was_begun_cannot_be_completed(
    study: Passes, receiver: Receiver, prefect_server: PrefectServer
) -> None:
    brought(study, {0: 1})
    with (
        study.workspace() as workspace,
        open_vault(workspace.vault, workspace.key.vault_keys()) as vault,
    ):
        begun = PendingRemoval("reddit", 1, None, "opted_out")
        vault.suppress("reddit", pending=[begun])
    study.write("alter table landed.removals_audit rename to elsewhere")
    here = study.place.having(CONFIDE_NOW=NOW.isoformat(), **prefect_server.environment())
    assert here.run("collect").code == 1
    told = receiver.kinds()
    assert "failure clear-up" in told
    assert "failure porch" not in told
    assert not [kind for kind in told if "collect" in kind]


@pytest.mark.prefect_server
def test_the_table_of_a_pass_counts_duplicates(
    study: Passes, prefect_server: PrefectServer
) -> None:
    text = "The kettle clicked off at two, and whoever had promised to come had gone home long ago."
    rows = [post(key, text=text, title=text) for key in (1, 2, 3)]
    stamp = store.SaveStamp("run-1", "porch", "porch", "synthetic")
    with store.open_warehouse(study.place.folder / "warehouse.duckdb", now=NOW) as warehouse:
        store.begin_run(warehouse, stamp, started_at=NOW)
        save(warehouse, *rows, stamp=stamp)
    known = {artifact["id"] for artifact in prefect_server.ask("artifacts/filter")}
    here = study.place.having(CONFIDE_NOW=NOW.isoformat(), **prefect_server.environment())
    here.run("refresh")
    tables = [each for each in prefect_server.ask("artifacts/filter") if each["id"] not in known]
    marked = study.sql("select count(*) as n from landed.duplicate_marks")["n"].item()
    assert marked > 0
    assert f"\nDuplicates among all posts held: {marked}." in tables[0]["data"]


@pytest.mark.parametrize("flow", [collect, refresh, backfill])
def test_every_pass_tells_how_it_ended(flow: Flow[..., Any]) -> None:
    assert flow.on_crashed_hooks == PASS_HOOKS["on_crashed"]
    assert flow.on_completion_hooks == PASS_HOOKS["on_completion"]
    assert flow.on_failure_hooks == PASS_HOOKS["on_failure"]


def test_a_stream_that_dies_again_and_again_is_told_once_a_day(
    study: Passes, receiver: Receiver
) -> None:
    for day in (0, 0, 1):
        study.now = NOW + day * DAY
        with study.workspace():
            tell_dead(["stream words"])
    assert receiver.kinds() == 2 * ["failure stream words"]
    with study.workspace():
        HOOKS["on_completion"][0](stream, FlowRun(flow_id=uuid4(), parameters=WORDS), Completed())
        tell_dead(["stream words"])
    assert receiver.kinds() == ["failure stream words"]


@pytest.mark.prefect_server
def test_what_a_dead_part_left_is_marked_and_told(
    study: Passes,
    receiver: Receiver,
    prefect_server: PrefectServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(PART_VARIABLE, "stream")
    server = temporary_settings({PREFECT_API_URL: prefect_server.api})
    with server, study.workspace(), get_client(sync_client=True) as client:
        left = client.create_flow_run(stream, parameters=WORDS, tags=["up-stream"])
        by_hand = client.create_flow_run(stream, parameters={"sources": ["other"]})
        for run in (left, by_hand):
            client.set_flow_run_state(run.id, Running(), force=True)
        with in_its_place():
            assert TagsContext.get().current_tags == {"up-stream"}
        found = {run.id: client.read_flow_run(run.id).state_name for run in (left, by_hand)}
        client.set_flow_run_state(by_hand.id, Completed(), force=True)
    assert found == {left.id: "Crashed", by_hand.id: "Running"}
    assert receiver.kinds() == ["failure stream words"]


def test_status_says_the_same(study: Passes) -> None:
    brought(study, {0: 4, 1: 12, 2: 14, 3: 10})
    study.write(
        "update landed.collection_runs set status = 'completed', "
        f"finished_at = timestamp '{NOW - timedelta(hours=25):%Y-%m-%d %H:%M}'"
    )
    here = study.place.having(CONFIDE_NOW=NOW.isoformat())
    told = json.loads(here.invoke("status", "--json").succeeds().out)
    assert [(row["source"], row["lag_seconds"]) for row in told["sources"]] == [("porch", 90_000)]
    assert {row["store"] for row in told["disk"]} == {
        "warehouse.duckdb",
        "vault.sqlite",
        "var/",
        "free",
    }
    assert "1 d 1 h" in here.invoke("status").succeeds().out
    assert [row["warning"] for row in told["warnings"]] == [
        "porch: 4 new posts in the last 24 hours, usually 12: see whether it still exists and is "
        "still read (`confide status`)"
    ]


def warnings_of(study: Passes) -> list[str]:
    """Read what `confide status` warns of."""
    here = study.place.having(CONFIDE_NOW=NOW.isoformat())
    told = json.loads(here.invoke("status", "--json").succeeds().out)
    return [row["warning"] for row in told["warnings"]]


def test_status_warns_of_sources_that_fail_and_names_the_way_to_read_them(study: Passes) -> None:
    brought(study, {0: 1})
    study.write(
        "update landed.collection_runs set status = 'failed', error = 'SourceRefused', "
        "started_at = timestamp '2026-02-01 12:00'"
    )
    assert warnings_of(study) == [
        "porch: its last run, of 2026-02-01 12:00 UTC, failed (SourceRefused): run "
        "`confide collect porch`, which says why"
    ]
    study.write("update landed.collection_runs set stream = 'refresh/reddit'")
    assert warnings_of(study)[0].endswith("run `confide refresh`, which says why")
    study.write("update landed.collection_runs set error = 'TerminationSignal'")
    assert warnings_of(study) == []


def test_status_lists_sources_that_were_never_read(study: Passes) -> None:
    path = study.place.folder / "study.toml"
    path.write_text(f"{path.read_text('utf-8')}\n{STREAM}{DUMPS}", "utf-8")
    unread = [
        "words: it was never read: run `confide up` or `confide stream words`",
        "dumps: it was never read: run `confide backfill FILE… --source dumps`",
    ]
    porch = "porch: it was never read: run `confide collect porch`"
    assert warnings_of(study) == [porch, *unread]
    brought(study, {0: 1})
    assert warnings_of(study) == unread
    told = json.loads(study.place.invoke("status", "--json").succeeds().out)
    assert [row["source"] for row in told["sources"]] == ["porch", "words", "dumps"]


def test_a_file_that_goes_while_the_disk_is_measured_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "is_file", lambda _path: True)  # it was there a moment ago
    assert size_of(tmp_path / "wal") == 0


def journal(study: Passes) -> list[dict[str, Any]]:
    """Read the study's journal."""
    text = (study.place.folder / "var" / NAME).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]
