import json
import os
import shutil
import signal
import socket
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import polars as pl
import pytest

from annotation import detached, label_studio, label_studio_home
from annotation import label_studio_server as server
from annotation.label_studio_accounts import hand_out, read_logins
from annotation.label_studio_client import tasks_where
from annotation.label_studio_login import page_session, sign_in
from annotation.marks import Span
from annotation.results import build_result
from schema.codebook import Codebook
from schema.coding import CodingTask
from schema.errors import BadInput, LabelStudioError
from tests.support.coding_tasks import CODER, coding_task, turn

pytestmark = pytest.mark.label_studio

NewKey = Callable[..., label_studio.ProjectKey]
VALUES = {"struggleposting": 2, "virtual_catharsis": 1, "help_seeking_step": 1}


def code(
    coder: label_studio.Client,
    codebook: Codebook,
    task_id: int,
    task: CodingTask,
    values: dict[str, int],
    **changes: Any,
) -> int:
    """Submit a coding as the form would and return its annotation's number."""
    spans = [Span(code_id, 0, 11) for code_id in values]
    result = build_result(codebook, task.unit_kind, values, {}, spans, task.text)
    return int(coder.sdk.annotations.create(id=task_id, result=result, **changes).id or 0)


def held_tasks(client: label_studio.Client, project: label_studio.Project) -> list[Any]:
    return list(tasks_where(client, project.id, [], with_annotations=False))


def texts_in(data_dir: Path) -> str:
    """Return every cell of the server's database, and every other file, as one text."""
    database = sqlite3.connect(f"file:{data_dir / 'label_studio.sqlite3'}?mode=ro", uri=True)
    tables = [
        name for (name,) in database.execute("select name from sqlite_master where type = 'table'")
    ]
    cells = [str(database.execute(f"select * from {name}").fetchall()) for name in tables]
    database.close()
    raw = [path.read_bytes().decode("latin-1") for path in data_dir.rglob("*") if path.is_file()]
    return "\n".join(cells + raw)


# ------------------------------------------------------------------------------------- server


def test_a_server_that_runs_is_used_again_and_left_running(
    label_studio_server: server.ServerHandle,
) -> None:
    with server.running_label_studio(
        label_studio_server.program, label_studio_server.data_dir
    ) as again:
        assert again == label_studio_server
    assert httpx.get(f"{label_studio_server.url}/health").json() == {"status": "UP"}


def test_the_server_answers_on_loopback_only_and_its_files_are_private(
    label_studio_server: server.ServerHandle,
) -> None:
    port = httpx.URL(label_studio_server.url).port
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    hosts = {line.split()[1].split(":")[0] for line in listening if f":{port:04X} 0" in line}
    assert "00000000" not in hosts
    loose = [
        path.name
        for path in label_studio_server.data_dir.rglob("*")
        if path.is_file() and path.stat().st_mtime > 0 and path.stat().st_mode & 0o077
    ]
    assert loose == []


def test_the_server_knows_no_variable_but_those_listed(
    label_studio_server: server.ServerHandle,
) -> None:
    record = json.loads((label_studio_server.data_dir / "running.json").read_text())
    environment = Path(f"/proc/{record['pid']}/environ").read_bytes().decode().split("\0")
    names = {variable.split("=")[0] for variable in environment if variable}
    allowed = {"PATH", "HOME", "LANG", "PWD", "PYTHONUNBUFFERED", "DJANGO_SETTINGS_MODULE"}
    allowed |= {"http_proxy", "https_proxy", "no_proxy"}
    assert {name for name in names if not name.startswith("LABEL_STUDIO_")} <= allowed


def test_login_and_token_do_not_show_in_reprs(label_studio_server: server.ServerHandle) -> None:
    shown = repr(label_studio_server)
    assert label_studio_server.login.password not in shown
    assert label_studio_server.token not in shown


def test_a_taken_port_is_refused(
    label_studio_program: Path, label_studio_template: Path, tmp_path: Path
) -> None:
    shutil.copytree(label_studio_template, tmp_path / "data")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(LabelStudioError, match=f"port {port} is taken"):
            server.start(label_studio_program, tmp_path / "data", port=port)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(LabelStudioError, match="not installed"):
        server.start(tmp_path / "label-studio", tmp_path / "data")


def test_a_server_that_ends_while_starting_is_told(tmp_path: Path) -> None:
    program = tmp_path / "label-studio"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(LabelStudioError, match="ended while starting"):
        server.start(program, tmp_path / "data")
    assert not server.stop(tmp_path / "data")


def test_a_killed_server_with_a_lost_login_starts_again_with_a_new_one(
    label_studio_program: Path, label_studio_template: Path, tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(label_studio_template, data_dir)
    before = label_studio_home.read_login(data_dir)
    (data_dir / "login.json").unlink()
    first = server.start(label_studio_program, data_dir)
    assert before.token != first.token
    pid = json.loads((data_dir / "running.json").read_text())["pid"]
    os.killpg(pid, signal.SIGKILL)
    assert detached.has_ended(pid, within_seconds=10)
    second = server.start(label_studio_program, data_dir)
    try:
        assert second.login == first.login
        with page_session(second.url) as session:
            assert sign_in(session, second.login.username, second.login.password)
            assert not sign_in(session, before.username, before.password)
    finally:
        assert server.stop(data_dir)


# ---------------------------------------------------------------------------------- telemetry


def test_our_server_collects_nothing(
    label_studio_server: server.ServerHandle, coder_login: server.Login
) -> None:
    label_studio.refuse_telemetry(label_studio_server.url)
    label_studio.refuse_telemetry(label_studio_server.url, token=coder_login.token)


def test_a_server_that_collects_analytics_is_refused_and_stopped(
    label_studio_program: Path, label_studio_template: Path, tmp_path: Path
) -> None:
    shutil.copytree(label_studio_template, tmp_path / "data")
    loud = tmp_path / "label-studio"
    loud.write_text(
        f'#!/bin/sh\nLABEL_STUDIO_COLLECT_ANALYTICS=true exec "{label_studio_program}" "$@"\n'
    )
    loud.chmod(0o755)
    with pytest.raises(LabelStudioError, match="COLLECT_ANALYTICS=false"):
        server.start(loud, tmp_path / "data")
    assert not server.stop(tmp_path / "data")


@pytest.mark.parametrize(
    ("login_page", "start_page", "told"),
    [
        ("nothing of the kind", "", "does not say"),
        ("x.collect_analytics = true;", "", "to its makers"),
        ("x.collect_analytics = false;", "collect_analytics: true", "to its makers"),
        (
            "x.collect_analytics = false;",
            'collect_analytics: false, sentry_dsn: "https://k@sentry.invalid/1"',
            "Sentry",
        ),
        (
            "x.collect_analytics = false;",
            "collect_analytics: false, sentry_dsn: null",
            "VERSION_CHECK=false",
        ),
    ],
)
def test_pages_that_report_are_refused(
    page_server: Callable[[dict[str, str]], str], login_page: str, start_page: str, told: str
) -> None:
    version = '{"label-studio-os-package": {"latest_version_from_pypi": "1.23.9"}}'
    url = page_server({"/user/login/": login_page, "/projects/": start_page, "/version": version})
    with pytest.raises(LabelStudioError, match=told):
        label_studio.refuse_telemetry(url, token="a.b.c")


def test_a_token_that_opens_no_page_proves_nothing(
    page_server: Callable[[dict[str, str]], str],
) -> None:
    url = page_server({"/user/login/": "x.collect_analytics = false;"})
    with pytest.raises(LabelStudioError, match="personal access token"):
        label_studio.refuse_telemetry(url, token="0123456789abcdef")


def test_a_server_in_clear_over_a_network_is_refused() -> None:
    with pytest.raises(LabelStudioError, match="https"):
        label_studio.refuse_telemetry("http://labels.invalid:8080")


def test_a_server_that_is_not_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(LabelStudioError, match="does not answer"):
        label_studio.connect(f"http://127.0.0.1:{port}", "token")


def test_a_wrong_token_is_told_without_it(label_studio_server: server.ServerHandle) -> None:
    with pytest.raises(LabelStudioError, match="status 401") as refusal:
        label_studio.connect(label_studio_server.url, "0" * 40)
    assert "0" * 40 not in str(refusal.value)


# ------------------------------------------------------------------------- accounts, projects


def test_coders_get_accounts_once_and_their_logins_lie_private(
    label_studio_server: server.ServerHandle, client: label_studio.Client, tmp_path: Path
) -> None:
    path = tmp_path / "coders.json"
    first = label_studio.ensure_coders(client, ["k1", "k2"], path)
    assert label_studio.ensure_coders(client, ["k1", "k2"], path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    with page_session(client.url) as session:
        assert sign_in(session, first["k1"].username, first["k1"].password)
    me = label_studio.connect(client.url, first["k2"].token).sdk.users.whoami()
    assert me.email == "k2@coders.invalid"


def test_a_password_is_handed_out_once_whoever_made_the_account(tmp_path: Path) -> None:
    path = tmp_path / "coders.json"
    made = {"username": "k1@coders.invalid", "password": "moss", "token": "t"}
    path.write_text(json.dumps({"k1": made, "k2": made | {"password": "fern"}}))  # as pushes did
    assert hand_out(path, ["k1", "k9"])["k1"].password == "moss"
    assert hand_out(path, ["k1", "k2"]).keys() == {"k2"}
    assert hand_out(path, ["k1", "k2"]) == {}
    assert read_logins(path)["k1"].password == "moss"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_lost_file_of_logins_needs_a_reset(
    label_studio_server: server.ServerHandle, client: label_studio.Client, tmp_path: Path
) -> None:
    label_studio.ensure_coders(client, ["k3"], tmp_path / "coders.json")
    with pytest.raises(LabelStudioError, match="password is not known"):
        label_studio.ensure_coders(client, ["k3"], tmp_path / "lost.json")
    again = label_studio.ensure_coders(
        client,
        ["k3"],
        tmp_path / "lost.json",
        reset=lambda login: server.set_account(label_studio_server, login),
    )
    assert label_studio.connect(client.url, again["k3"].token)


def test_a_project_is_made_once_and_read_back_from_its_title(
    client: label_studio.Client, codebook: Codebook, new_key: NewKey
) -> None:
    key = new_key("reply")
    project = label_studio.ensure_project(client, key, codebook)
    assert label_studio.ensure_project(client, key, codebook) == project
    assert label_studio.find_project(client, key) == project
    assert label_studio.find_project(client, new_key("reply")) is None
    assert project in label_studio.projects(client)


def test_a_project_whose_form_was_edited_is_refused(
    client: label_studio.Client, codebook: Codebook, project: label_studio.Project
) -> None:
    stored = client.sdk.projects.get(id=project.id).label_config or ""
    client.sdk.projects.update(id=project.id, label_config=stored.replace("memo", "note", 1))
    with pytest.raises(LabelStudioError, match="another form"):
        label_studio.ensure_project(client, project.key, codebook)


def test_a_title_label_studio_cannot_hold_is_refused(new_key: NewKey) -> None:
    with pytest.raises(BadInput, match="shorten"):
        _ = replace(new_key(), round="R" * 40).title


# --------------------------------------------------------------------------------------- push


def test_pushing_twice_adds_nothing(
    client: label_studio.Client, project: label_studio.Project
) -> None:
    tasks = [coding_task(n) for n in range(30)]
    first = label_studio.push(client, project, tasks[:20])
    second = label_studio.push(client, project, tasks)
    third = label_studio.push(client, project, tasks)
    assert (first.new, second.new, second.present, third.new) == (20, 10, 20, 0)
    assert third.task_ids == second.task_ids
    assert len(set(third.task_ids.values())) == len(tasks)


def hasty_client(url: str, token: str) -> label_studio.Client:
    """Connect with little patience; a busy machine needs several tries, or a bit more of it."""
    for hundredths in range(15, 40):
        with suppress(LabelStudioError):
            return label_studio.connect(url, token, timeout_seconds=hundredths / 100)
    raise AssertionError("the server is never that quick")


def test_a_push_that_timed_out_and_was_run_again_leaves_each_task_once(
    label_studio_server: server.ServerHandle,
    client: label_studio.Client,
    project: label_studio.Project,
) -> None:
    tasks = [coding_task(n, text="An invented, long post. " * 8_000) for n in range(120)]
    hasty = hasty_client(client.url, label_studio_server.token)
    with pytest.raises(LabelStudioError, match="in time"):
        label_studio.push(hasty, project, tasks)
    done = label_studio.push(client, project, tasks)
    held = [task.data["post_uid"] for task in held_tasks(client, project)]
    assert sorted(held) == sorted(task.post_uid for task in tasks)
    assert set(done.task_ids) == {task.unit_key for task in tasks}


def test_a_task_that_is_there_twice_is_removed_unless_coded(
    client: label_studio.Client,
    coder: label_studio.Client,
    codebook: Codebook,
    project: label_studio.Project,
) -> None:
    task = coding_task(1)
    first = label_studio.push(client, project, [task]).task_ids[task.unit_key]
    [data] = [held.data for held in held_tasks(client, project)]
    client.sdk.projects.import_tasks(id=project.id, request=[{"data": data}])  # type: ignore[list-item]
    [_, late] = held_tasks(client, project)
    code(coder, codebook, late.id, task, VALUES)
    assert label_studio.push(client, project, [task]).task_ids == {task.unit_key: late.id}
    assert [held.id for held in held_tasks(client, project)] == [late.id]
    assert first != late.id


# --------------------------------------------------------------------------------------- pull


def test_codings_come_back_as_they_were_made_and_once(
    client: label_studio.Client,
    coder: label_studio.Client,
    codebook: Codebook,
    project: label_studio.Project,
) -> None:
    task = coding_task(1)
    number = label_studio.push(client, project, [task]).task_ids[task.unit_key]
    annotation = code(coder, codebook, number, task, VALUES, lead_time=12.5)
    pulled = label_studio.pull(client, project, codebook, since=None)
    given = {row["code_id"]: row["value"] for row in pulled.codings.to_dicts() if row["value"]}
    assert given == VALUES
    asked = {one.id for one in codebook.codes_for("root")} - {"crisis_flag"}
    assert set(pulled.codings["code_id"]) == asked
    row = pulled.codings.filter(pl.col("code_id") == "struggleposting").to_dicts()[0]
    assert row["revised_at"].tzinfo is not None
    assert abs(row["coded_at"] - datetime.now(UTC)).total_seconds() < 600
    assert row["annotation_id"] == annotation
    assert (row["wave"], row["round"], row["coder"]) == ("W1", project.key.round, CODER)
    assert (row["unit_key"], row["lead_seconds"], row["certainty"]) == (task.unit_key, 12.5, 3)
    spans = pulled.spans.select("code_id", "span_start", "span_end").rows()
    assert sorted(spans) == sorted((code_id, 0, 11) for code_id in VALUES)


def test_only_what_changed_since_the_mark_is_read(
    client: label_studio.Client,
    coder: label_studio.Client,
    codebook: Codebook,
    project: label_studio.Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("annotation.label_studio_pull.OVERLAP", timedelta(0))
    tasks = [coding_task(n) for n in range(3)]
    numbers = label_studio.push(client, project, tasks).task_ids
    code(coder, codebook, numbers[tasks[0].unit_key], tasks[0], VALUES)
    first = label_studio.pull(client, project, codebook, since=None)
    newest = max(
        datetime.fromisoformat(str(task.updated_at))
        for task in tasks_where(client, project.id, [], with_annotations=True)
    )
    assert datetime.fromisoformat(first.mark) <= newest
    code(coder, codebook, numbers[tasks[1].unit_key], tasks[1], VALUES)
    second = label_studio.pull(client, project, codebook, since=newest.isoformat())
    assert set(second.codings["unit_key"]) == {tasks[1].unit_key}
    third = label_studio.pull(client, project, codebook, since=first.mark)
    assert set(third.codings["unit_key"]) == {tasks[0].unit_key, tasks[1].unit_key}


def test_an_edit_is_a_new_revision_and_a_deletion_is_retracted(
    client: label_studio.Client,
    coder: label_studio.Client,
    codebook: Codebook,
    project: label_studio.Project,
) -> None:
    task = coding_task(1)
    number = label_studio.push(client, project, [task]).task_ids[task.unit_key]
    annotation = code(coder, codebook, number, task, VALUES)
    first = label_studio.pull(client, project, codebook, since=None)
    edited = build_result(codebook, "root", {"out_of_scope": 1}, {}, [], task.text)
    coder.sdk.annotations.update(id=annotation, result=edited)
    second = label_studio.pull(client, project, codebook, since=first.mark)
    assert set(second.codings["annotation_id"]) == {annotation}
    assert second.codings["revised_at"].min() > first.codings["revised_at"].max()  # type: ignore[operator]
    assert second.codings.filter(pl.col("value") > 0)["code_id"].to_list() == ["out_of_scope"]
    coder.sdk.annotations.delete(id=annotation)
    known = {task.unit_key: [annotation]}
    third = label_studio.pull(client, project, codebook, since=second.mark, known=known)
    assert (third.retracted, third.codings.height) == ((annotation,), 0)


def test_a_program_answers_open_tasks_in_the_coder_s_name(
    client: label_studio.Client,
    coder_login: server.Login,
    codebook: Codebook,
    project: label_studio.Project,
) -> None:
    tasks = [coding_task(1), coding_task(2)]
    label_studio.push(client, project, tasks)
    [first, second] = label_studio.open_tasks(client, project)
    assert (first.unit_key, first.text) == (tasks[0].unit_key, tasks[0].text)
    result = build_result(codebook, "root", VALUES, {}, [], first.text)
    label_studio.submit(client, first, result, lead_seconds=3.0)
    assert label_studio.open_tasks(client, project) == [second]
    pulled = label_studio.pull(client, project, codebook, since=None)
    assert (set(pulled.codings["unit_key"]), pulled.refused_count) == ({first.unit_key}, 0)


def test_drafts_and_skips_are_no_codings(
    client: label_studio.Client,
    coder: label_studio.Client,
    codebook: Codebook,
    project: label_studio.Project,
) -> None:
    tasks = [coding_task(1), coding_task(2)]
    numbers = label_studio.push(client, project, tasks).task_ids
    code(coder, codebook, numbers[tasks[0].unit_key], tasks[0], {}, was_cancelled=True)
    result = build_result(codebook, "root", VALUES, {}, [], tasks[1].text)
    answer = httpx.post(
        f"{coder.url}/api/tasks/{numbers[tasks[1].unit_key]}/drafts?project={project.id}",
        json={"result": result},
        headers=coder.sdk._client_wrapper.get_headers(),
    )
    assert answer.status_code == httpx.codes.CREATED
    pulled = label_studio.pull(client, project, codebook, since=None)
    assert (pulled.skipped_count, pulled.codings.height) == (1, 0)


def bad_results(codebook: Codebook, text: str) -> Iterable[tuple[str, list[dict[str, Any]]]]:
    good = build_result(codebook, "root", VALUES, {}, [Span("struggleposting", 0, 11)], text)
    named = {entry["from_name"]: entry for entry in good}
    codes, value = named["codes"], named["struggleposting__value"]
    [mark] = [entry for entry in good if entry["type"] == "labels"]
    yield "unknown_control", [*good, codes | {"from_name": "invented"}]
    yield "unknown_code", [codes | {"value": {"choices": ["invented"]}}]
    yield "value_off_scale", [codes, value | {"value": {"choices": ["7"]}}]
    yield "span_text_differs", [*good, mark | {"value": mark["value"] | {"text": "something else"}}]


def test_a_result_that_breaks_a_rule_is_counted_and_the_rest_goes_on(
    client: label_studio.Client,
    coder: label_studio.Client,
    codebook: Codebook,
    project: label_studio.Project,
) -> None:
    good = coding_task(0)
    bad = dict(bad_results(codebook, good.text))
    tasks = [good] + [coding_task(n, text=good.text) for n in range(1, len(bad) + 1)]
    numbers = label_studio.push(client, project, tasks).task_ids
    code(coder, codebook, numbers[good.unit_key], good, VALUES)
    for task, result in zip(tasks[1:], bad.values(), strict=True):
        coder.sdk.annotations.create(id=numbers[task.unit_key], result=result)
    code(client, codebook, numbers[tasks[1].unit_key], tasks[1], VALUES)  # not the coder
    pulled = label_studio.pull(client, project, codebook, since=None)
    assert set(pulled.codings["unit_key"]) == {good.unit_key}
    assert set(bad) <= set(pulled.problems)
    assert pulled.problems["other_account"] == 1
    assert pulled.refused_count == len(bad) + 1
    assert "invented" not in str(pulled.problems)
    assert good.text not in repr(pulled)


def test_a_crisis_flag_yields_no_coding_and_its_unit_leaves_every_project(
    label_studio_server: server.ServerHandle,
    client: label_studio.Client,
    coder: label_studio.Client,
    codebook: Codebook,
    new_key: NewKey,
) -> None:
    words = "Wholly-invented-words-qz81 about a bad night"
    flagged = coding_task(9001, text=words, thread=(turn(f"{words} above"),))
    other = coding_task(2)
    both = [label_studio.ensure_project(client, new_key(), codebook) for _ in range(2)]
    numbers = [label_studio.push(client, p, [flagged, other]).task_ids for p in both]
    code(coder, codebook, numbers[0][flagged.unit_key], flagged, {"crisis_flag": 1, **VALUES})
    code(coder, codebook, numbers[0][other.unit_key], other, VALUES)
    pulled = label_studio.pull(client, both[0], codebook, since=None)
    assert [flag.post_uid for flag in pulled.flags] == [flagged.post_uid]
    assert set(pulled.codings["unit_key"]) == {other.unit_key}
    assert "crisis_flag" not in set(pulled.codings["code_id"])
    client.sdk.projects.exports.create(id=both[0].id)
    assert "Wholly-invented-words-qz81" in texts_in(label_studio_server.data_dir)
    assert label_studio.remove_tasks(client, [flagged.post_uid]) == 2
    assert label_studio.remove_tasks(client, [flagged.post_uid]) == 0
    purged = label_studio_home.purge_files(
        label_studio_server.program, label_studio_server.data_dir
    )
    assert purged > 0
    assert "Wholly-invented-words-qz81" not in texts_in(label_studio_server.data_dir)
    assert label_studio.push(client, both[1], [other]).new == 0
