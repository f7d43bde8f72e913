"""`confide stream`: what it follows, how it waits, how it ends, and what `status` says of it.

The follower runs inside this process, against a scripted Jetstream and AppView; the verb itself,
as a process that is signalled and killed, is in `test_stream_killed`.
"""

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from connectors import jetstream, jetstream_page
from connectors.jetstream_filter import DECLARED_ELSEWHERE
from connectors.keys import read_key_file
from connectors.vault import open_vault
from flows import aftermath, progress, stream, stream_status, upkeep
from flows.alone import alone
from flows.ending import Ending
from flows.workspace import open_workspace
from schema.errors import PolicyRefused, SourceRefused, SourceUnavailable, StoreBusy
from tests.support.appview_script import HANDLE, Ask, node, refused, scripted_appview, view
from tests.support.command import NOWHERE, Place, place
from tests.support.jetstream_script import (
    OTHER,
    SINCE,
    WRITER,
    Close,
    Cut,
    Deny,
    Do,
    Step,
    at,
    commit,
    frame,
    record,
    scripted_jetstream,
    uri,
)
from tests.support.label_script import labels, scripted_labeler
from tests.support.prefect_server import PrefectServer
from tests.support.streaming import (
    WORDS,
    answering_profiles,
    follow_until,
    in_haste,
    private_file,
    write_stream_study,
)
from warehouse import store

STEP_SECONDS = 0.05
PATIENT_SECONDS = 60.0
LIST = f"at://{OTHER}/app.bsky.graph.list/reading"
FEED = f"at://{OTHER}/app.bsky.feed.generator/floods"


@pytest.fixture(autouse=True)
def _haste(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with in_haste(monkeypatch):
        yield


@pytest.fixture
def study(tmp_path: Path) -> Place:
    return place(tmp_path, CONFIDE_NOW=at(600).isoformat())


def said(seq: int, text: str = "an umbrella on the porch", **more: Any) -> str:
    """Write the frame of a post whose text is this."""
    fields = {key: more.pop(key) for key in ("langs", "reply") if key in more}
    return frame(commit(seq, record=record(text, **fields), **more))


def answer_to(rkey: str) -> dict[str, Any]:
    return {end: {"uri": uri(rkey), "cid": "bafyinvented"} for end in ("root", "parent")}


def held(study: Place) -> set[str]:
    """Return the native ids that the vault leads to."""
    workspace = open_workspace(study.folder)
    with store.open_warehouse(workspace.warehouse, now=SINCE) as warehouse:
        keys = store.posts_seen_since(warehouse, "bluesky", SINCE, limit=1000)
    key = read_key_file(study.key_file, study_dir=study.folder)
    with open_vault(workspace.vault, key.vault_keys()) as vault:
        return set(vault.native_ids(keys).values())


def status(study: Place, section: str = "streams") -> dict[str, Any]:
    [row] = json.loads(study.invoke("status", "--json").succeeds().out)[section]
    return dict(row)


def test_what_a_labeler_takes_down_goes_while_the_stream_runs(study: Place) -> None:
    labelled = threading.Event()

    def until_it_is_gone(ending: Ending) -> None:
        while held(study) != {uri("k1")}:
            ending.stop.wait(STEP_SECONDS)
        labelled.set()
        while held(study):
            ending.stop.wait(STEP_SECONDS)

    with (
        scripted_appview(answering_profiles) as public,
        scripted_jetstream([said(1)]) as host,
        scripted_labeler([labelled, labels(1, {"uri": uri("k1")})]) as labeler,
    ):
        write_stream_study(study, host.url, appview=public.url, labelers=[labeler.url])
        done = follow_until(study, beside=until_it_is_gone)
    assert (done["words"]["new_count"], done["words"]["removed_count"]) == (1, 1)


def test_a_stream_is_followed_until_it_is_told_to_stop(study: Place) -> None:
    with (
        scripted_appview(answering_profiles) as public,
        scripted_jetstream(
            [
                said(1),
                said(2, "a lamp"),
                said(3, langs=["de"]),
                frame(commit(4, "delete", rkey="k1")),
            ]
        ) as host,
    ):
        write_stream_study(
            study, host.url, appview=public.url, options=f'{WORDS}\ndeclared_languages = ["en"]'
        )
        done = follow_until(study, 4)
    assert done["words"]["scanned_count"] == 4
    assert done["words"]["requests_count"] == 2  # for the dictionary, and for the stream
    assert held(study) == set()
    rules = json.loads(study.invoke("status", "--json").out)["set_aside"]
    assert {rule["rule"]: rule["items_count"] for rule in rules} == {DECLARED_ELSEWHERE: 1}
    run = status(study, "runs")
    assert (run["source"], run["status"]) == ("words", "completed")


def test_what_it_stored_before_it_goes_on_from(study: Place) -> None:
    with (
        scripted_appview(answering_profiles) as public,
        scripted_jetstream([said(1), said(2)], [said(2), said(3)]) as host,
    ):
        write_stream_study(study, host.url, appview=public.url)
        follow_until(study, 2)
        done = follow_until(study, 3)
        assert host.cursors[-1] == 1  # some events are told again, and change nothing
    assert (done["words"]["scanned_count"], done["words"]["new_count"]) == (2, 1)
    assert held(study) == {uri("k1"), uri("k2"), uri("k3")}


def test_replies_and_edits_of_what_was_stored_are_followed(study: Place) -> None:
    with (
        scripted_appview(answering_profiles) as public,
        scripted_jetstream(
            [said(1)],
            [
                said(2, "I had the same last winter", did=OTHER, reply=answer_to("k1")),
                said(3, "a reply to nobody here", did=OTHER, reply=answer_to("k99")),
                said(4, "nothing is left of my first words", operation="update", rkey="k1"),
                frame(commit(5, "delete", rkey="k1")),
                said(6, "a late reply to what is gone", did=OTHER, reply=answer_to("k1")),
            ],
        ) as host,
    ):
        write_stream_study(study, host.url, appview=public.url)
        follow_until(study, 1)
        done = follow_until(study, 6)
    assert done["words"]["updated_count"] + done["words"]["removed_count"] >= 1
    assert held(study) - {uri("k6", OTHER)} == {uri("k2", OTHER)}


def test_an_appview_that_fails_for_a_while_is_waited_out(study: Place) -> None:
    asked: list[str] = []

    def answer(ask: Ask) -> Any:
        asked.append(ask.method)
        return refused(503, "UpstreamFailure") if len(asked) <= 4 else answering_profiles(ask)

    with scripted_appview(answer) as public, scripted_jetstream([said(1)]) as host:
        write_stream_study(study, host.url, appview=public.url)
        done = follow_until(study, 1)
    assert done["words"]["new_count"] == 1
    assert len(asked) >= 5


@pytest.mark.long
def test_while_it_waits_status_says_what_for_and_nothing_is_skipped(
    study: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", STEP_SECONDS)
    is_down = threading.Event()
    is_down.set()
    told: list[dict[str, Any]] = []

    def answer(ask: Ask) -> Any:
        return refused(503, "UpstreamFailure") if is_down.is_set() else answering_profiles(ask)

    def watch(ending: Ending) -> None:
        for row in rows_of(study, ending):
            if row["state"] == "waiting":
                told.append(row)
                is_down.clear()
            if row["counts"].get("new_count") == 2:
                ending.stop.set()

    with scripted_appview(answer) as public, scripted_jetstream([said(1), said(2)]) as host:
        write_stream_study(study, host.url, appview=public.url)
        follow_until(study, beside=watch)
    assert "503" in told[0]["note"]
    assert HANDLE not in str(told)
    assert held(study) == {uri("k1"), uri("k2")}
    assert status(study)["state"] == "stopped"


@pytest.mark.long
def test_told_to_stop_while_the_appview_is_down_it_leaves_the_page_to_the_next_start(
    study: Place,
) -> None:
    def answer(ask: Ask) -> Any:
        return refused(503, "UpstreamFailure") if is_down else answering_profiles(ask)

    is_down = True
    with (
        scripted_appview(answer) as public,
        scripted_jetstream(
            [said(1, "a lamp"), said(2), said(3, "a lamp")], [said(2), said(3, "a lamp")]
        ) as host,
    ):
        write_stream_study(study, host.url, appview=public.url)

        def stop_once_asked(ending: Ending) -> None:
            wait_for(lambda: public.count("getProfiles") > 1)
            ending.stop.set()

        follow_until(study, beside=stop_once_asked)
        assert held(study) == set()
        is_down = False
        follow_until(study, 3)
    assert held(study) == {uri("k2")}


def test_a_jetstream_that_is_gone_for_a_while_is_waited_out(study: Place) -> None:
    outage: list[Sequence[Step]] = [[Deny(503)] for _ in range(9)]  # more than one pass dials
    with (
        scripted_appview(answering_profiles) as public,
        scripted_jetstream(
            [said(1), Cut()], *outage, [said(1), said(2), Close(1001)], [said(2), said(3)]
        ) as host,
    ):
        write_stream_study(study, host.url, appview=public.url)
        done = follow_until(study, 3)
        assert len(host.asked) == 12
    assert (done["words"]["scanned_count"], done["words"]["new_count"]) == (5, 3)
    assert held(study) == {uri("k1"), uri("k2"), uri("k3")}


def test_a_host_that_refuses_ends_the_run_with_a_sentence(study: Place) -> None:
    with (
        scripted_appview(answering_profiles) as public,
        scripted_jetstream([said(1), Cut()], [Deny(403, "Forbidden")]) as host,
    ):
        write_stream_study(study, host.url, appview=public.url)
        with pytest.raises(SourceRefused, match="403 Forbidden"):
            follow_until(study)
    assert held(study) <= {uri("k1")}  # what was not stored is asked for again
    run = status(study, "runs")
    assert (run["status"], run["error"]) == ("failed", "SourceRefused")


def test_members_of_a_list_are_followed_and_so_are_those_who_join_it(
    study: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LISTS_SECONDS", STEP_SECONDS)
    members = [WRITER]
    is_told, is_followed = threading.Event(), threading.Event()

    def answer(ask: Ask) -> Any:
        if ask.method != "getList":
            return answering_profiles(ask)
        assert ask.one("list") == LIST
        at_place = int(ask.one("cursor") or 0)  # one member a page
        if at_place == 0 and is_told.is_set():  # asked anew: the last reading has taken effect
            is_followed.set()
        if at_place == 1:
            is_told.set()
        items = [{"uri": LIST, "subject": {"did": did}} for did in members[at_place : at_place + 1]]
        more = {"cursor": str(at_place + 1)} if at_place + 1 < len(members) else {}
        return {"list": {}, "items": items} | more

    def join() -> None:
        members.append(OTHER)
        wait_for(is_followed.is_set)

    with (
        scripted_appview(answer) as public,
        scripted_jetstream(
            [
                said(1, "a lamp"),
                said(2, "a lamp", did=OTHER),
                Do(join),
                said(3, "a lamp", did=OTHER),
            ]
        ) as host,
    ):
        options = private_file(study, "lists_file", LIST)
        write_stream_study(study, host.url, appview=public.url, options=options)
        follow_until(study, 3)
    assert held(study) == {uri("k1"), uri("k3", OTHER)}


@pytest.mark.long
def test_a_list_that_is_gone_is_said_and_the_words_go_on(study: Place) -> None:
    def answer(ask: Ask) -> Any:
        return (
            refused(400, "InvalidRequest") if ask.method == "getList" else answering_profiles(ask)
        )

    with scripted_appview(answer) as public, scripted_jetstream([said(1)], [said(1)]) as host:
        lists = private_file(study, "lists_file", LIST)
        write_stream_study(study, host.url, appview=public.url, options=f"{WORDS}\n{lists}")
        follow_until(study, 1)
        assert "1 of its lists and feeds cannot be read" in status(study)["note"]
        write_stream_study(study, host.url, appview=public.url, options=lists)
        with pytest.raises(SourceRefused, match="nobody that it names can be followed"):
            follow_until(study, 1)


def test_what_a_custom_feed_shows_is_collected_on_its_own_route(study: Place) -> None:
    shown = [view("k1"), view("k2", record={"langs": ["de"]}), view("k3")]

    def answer(ask: Ask) -> Any:
        if ask.method != "getFeed":
            return answering_profiles(ask)
        assert ask.one("feed") == FEED
        if ask.one("cursor") is None:
            return {"feed": [{"post": post} for post in shown[:2]], "cursor": "2"}
        return {"feed": [{"post": post} for post in shown[2:]]}

    options = f'{private_file(study, "feeds_file", FEED)}\ndeclared_languages = ["en"]'
    with (
        scripted_appview(answer) as public,
        scripted_jetstream(
            [Do(lambda: wait_for(lambda: held(study) == {uri("k1"), uri("k3")})), said(9, "a lamp")]
        ) as host,
    ):
        write_stream_study(study, host.url, appview=public.url, options=options)
        done = follow_until(study, 9)
    assert done["words"]["new_count"] == 2
    workspace = open_workspace(study.folder)
    with store.open_warehouse(workspace.warehouse, now=SINCE) as warehouse:
        [(stream_name,)] = warehouse.execute("select distinct stream from landed.post_versions")
        assert store.read_position(warehouse, stream_name) is not None


def test_replies_that_came_before_what_they_answer_was_held_are_fetched(study: Place) -> None:
    """The root comes by a feed, when the stream has long told of its reply."""
    replied = {"reply": answer_to("k1")}
    early, foreign = (
        node(view(rkey, did=OTHER, record=replied | {"langs": [lang]}))
        for rkey, lang in (("k2", "en"), ("k3", "de"))
    )
    passed = threading.Event()

    def answer(ask: Ask) -> Any:
        if ask.method == "getFeed":
            return {"feed": [{"post": view("k1")}, {"post": view("k8")}] if passed.is_set() else []}
        if ask.method == "getPostThread":
            return {"thread": node(view("k1"), replies=[early, foreign])}
        return answering_profiles(ask)

    script = [
        said(2, "a lamp", did=OTHER, reply=answer_to("k1")),
        said(4, "a lamp", did=OTHER, reply=answer_to("k77")),
        said(5, "an umbrella"),
        Do(lambda: (wait_for(lambda: uri("k5") in held(study)), passed.set())),
        Do(lambda: wait_for(lambda: uri("k2", OTHER) in held(study))),
        said(9),
    ]
    feeds = f'{private_file(study, "feeds_file", FEED)}\nfeeds_every = "1s"'
    options = f'{feeds}\ndeclared_languages = ["en"]\n{WORDS}'
    with scripted_appview(answer) as public, scripted_jetstream(script) as host:
        write_stream_study(study, host.url, appview=public.url, options=options)
        follow_until(study, 9)
        assert public.count("getPostThread") == 1  # of nobody's else who was answered or shown
    assert held(study) == {uri("k1"), uri("k2", OTHER), uri("k5"), uri("k8"), uri("k9")}


@pytest.mark.long
def test_one_pass_of_collect_takes_feeds_and_lists_too(
    study: Place, prefect_server: PrefectServer
) -> None:
    def answer(ask: Ask) -> Any:
        if ask.method == "getFeed":
            return {"feed": [{"post": view("k7")}]}
        if ask.method == "getList":
            return {"items": [{"subject": {"did": WRITER}}]}
        if ask.method == "getPostThread":
            assert ask.one("uri") == uri("k7")
            answer = view("k2", did=OTHER, record={"reply": answer_to("k7")})
            return {"thread": node(view("k7"), replies=[node(answer)])}
        return answering_profiles(ask)

    study = study.having(**prefect_server.environment())
    files = [private_file(study, "feeds_file", FEED), private_file(study, "lists_file", LIST)]
    script = [said(1, "a lamp"), said(2, "a lamp", did=OTHER, reply=answer_to("k7"))]
    with scripted_appview(answer) as public, scripted_jetstream(script) as host:
        write_stream_study(study, host.url, appview=public.url, options="\n".join(files))
        study.invoke("collect").succeeds()
    assert held(study) == {uri("k1"), uri("k2", OTHER), uri("k7")}


def test_a_deleted_post_s_bytes_are_gone_in_time(
    study: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shown with a shorter limit: the whole one leaves more time for every step."""
    monkeypatch.setattr(aftermath, "GONE_SECONDS", 24.0)
    assert pytest.approx(60.0) == stream_limits()["gone"]
    secret = "umbrella of marigolds behind the weir"
    deleted_at: list[float] = []
    study.folder.mkdir()
    warehouse = study.folder / "warehouse.duckdb"
    with store.open_warehouse(warehouse, now=SINCE, is_compressed=False):
        pass

    def bytes_hold() -> bool:
        files = [path for path in study.folder.iterdir() if path.name.startswith(warehouse.name)]
        return any(secret.encode() in path.read_bytes() for path in files)

    def delete() -> None:
        wait_for(bytes_hold)
        deleted_at.append(monotonic())

    def is_rewritten() -> bool:
        with store.open_warehouse(warehouse, now=SINCE) as opened:
            count = opened.scalar("select count(*) from landed.removals_audit")
            return bool(count) and not store.read_status(opened).is_rewrite_due

    def watch(ending: Ending) -> None:
        wait_for(lambda: bool(deleted_at))
        wait_for(is_rewritten)
        wait_for(lambda: not bytes_hold())
        deleted_at.append(monotonic())
        ending.stop.set()

    script = [said(1, secret), Do(delete), frame(commit(2, "delete", rkey="k1"))]
    with scripted_appview(answering_profiles) as public, scripted_jetstream(script) as host:
        write_stream_study(study, host.url, appview=public.url)
        done = follow_until(study, beside=watch)
    assert done["words"]["removed_count"] == 1
    assert 4.0 < deleted_at[1] - deleted_at[0] < 24.0  # they gather; then they go together


def test_removals_gather_no_longer_than_a_rewriting_leaves_time_for(study: Place) -> None:
    study.write_study()
    limits = stream_limits()
    assert limits["gone"] <= 60.0
    assert limits["stored"] >= 2 * 5.0  # pages are handed over after five seconds at the latest
    cleared = aftermath.Aftermath(open_workspace(study.folder))
    for seconds in (0.1, 5.0, 20.0, 25.0):
        cleared.rewriting_seconds = seconds
        assert cleared.rewrite_after_seconds + limits["stored"] + seconds <= limits["gone"]
    cleared.rewriting_seconds = 100.0
    assert cleared.rewrite_after_seconds == 0.0


def test_bytes_of_what_is_no_post_go_while_the_stream_runs(
    study: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", STEP_SECONDS)
    monkeypatch.setattr(aftermath, "GONE_SECONDS", 0.0)
    seen: list[bool] = []

    def take_a_like_back(ending: Ending) -> None:
        wait_for(lambda: held(study))
        workspace = open_workspace(study.folder)

        def is_due() -> bool:
            with store.open_warehouse(workspace.warehouse, now=SINCE) as warehouse:
                return store.is_rewrite_due(warehouse)

        with store.open_warehouse(workspace.warehouse, now=SINCE) as warehouse:
            key = warehouse.scalar("select post_key from landed.post_versions")
            warehouse.execute(
                "insert into landed.interactions values ('bluesky', ?, 'like', ?, null, ?)",
                [key, "0" * 32, warehouse.now],
            )
            assert store.keep_interactions(warehouse, ()) == 1
            seen.append(store.is_rewrite_due(warehouse))
        wait_for(lambda: not is_due())
        seen.append(ending.stop.is_set())

    with scripted_appview(answering_profiles) as public, scripted_jetstream([said(1)]) as host:
        write_stream_study(study, host.url, appview=public.url)
        follow_until(study, beside=take_a_like_back)
    assert seen == [True, False]


@pytest.mark.parametrize(("posts_count", "marked_count"), [(2, 1), (1, 0)])
def test_the_end_does_not_wait_for_the_marking_of_a_large_corpus(
    study: Place, monkeypatch: pytest.MonkeyPatch, posts_count: int, marked_count: int
) -> None:
    monkeypatch.setattr(aftermath, "QUICK_POSTS", posts_count)
    text = "I left my umbrella on the porch again and the rain came in through the open window"
    with (
        scripted_appview(answering_profiles) as public,
        scripted_jetstream([said(1, text), said(2, text)]) as host,
    ):
        write_stream_study(study, host.url, appview=public.url)
        follow_until(study, 2)
    workspace = open_workspace(study.folder)
    with store.open_warehouse(workspace.warehouse, now=SINCE) as warehouse:
        assert warehouse.scalar("select count(*) from duplicates") == marked_count


def test_a_chore_that_could_not_begin_or_was_in_the_way_is_done_as_soon_as_it_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upkeep, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(upkeep, "AGAIN_SECONDS", 0.01)
    ending, tries = Ending(), iter([False, StoreBusy("busy"), SourceUnavailable("down"), True])

    def work() -> bool:
        outcome = next(tries, None)
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is None:
            raise SourceRefused("done before it was due again")
        if outcome:
            threading.Timer(0.2, ending.stop.set).start()
        return outcome

    helper = upkeep.Upkeep([upkeep.Chore(work, 3600.0)], ending)
    helper.start()
    helper.join(PATIENT_SECONDS)
    assert not helper.is_alive()
    assert ending.failure is None
    assert next(tries, None) is None


def test_a_second_stream_is_refused_and_collect_leaves_the_stream_out(
    study: Place, prefect_server: PrefectServer
) -> None:
    study = study.having(**prefect_server.environment())
    write_stream_study(study, NOWHERE, appview=NOWHERE)
    workspace = open_workspace(study.folder)
    with alone(workspace, "words"):
        study.invoke("stream").refuses(2, "words", "followed", "stop it")
        study.invoke("collect", "words").refuses(2, "words", "followed", "stop it")
        assert "followed by another" in study.invoke("collect").succeeds().out
    assert not (study.folder / "warehouse.duckdb").exists() or status(study)["counts"] == {}


def test_a_study_without_a_stream_is_told_so(study: Place) -> None:
    study.write_study()
    study.invoke("stream").refuses(2, "no stream", "bluesky_stream")
    study.invoke("stream", "porch").refuses(2, "porch", "no stream", "collect")
    study.invoke("stream", "words").refuses(2, "no source is called words")


def test_under_a_prefect_server_it_is_one_flow_run_without_tasks(
    study: Place, prefect_server: PrefectServer
) -> None:
    study = study.having(**prefect_server.environment())
    before = {run["id"] for run in prefect_server.ask("flow_runs/filter")}

    def stop(_stream: str, _seq: int) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with scripted_appview(answering_profiles) as public, scripted_jetstream([said(1)]) as host:
        write_stream_study(study, host.url, appview=public.url)
        with progress.listening(stop):
            told = study.invoke("stream").succeeds().out
    assert told.startswith("words: 1 scanned, 1 new")
    [run] = [run for run in prefect_server.ask("flow_runs/filter") if run["id"] not in before]
    assert (run["state_type"], run["parameters"]) == ("COMPLETED", {"sources": None})
    assert prefect_server.task_runs(run["id"], expected=0) == []


def test_status_says_how_far_a_stream_is(study: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", STEP_SECONDS)
    rows: list[dict[str, Any]] = []

    def watch(ending: Ending) -> None:
        for row in rows_of(study, ending):
            if row["scanned_count"] == 3:
                rows.append(row)
                ending.stop.set()

    script = [said(n) for n in (1, 2, 3)]
    with scripted_appview(answering_profiles) as public, scripted_jetstream(script) as host:
        write_stream_study(study, host.url, appview=public.url)
        never = study.invoke("status").succeeds().out
        follow_until(study, beside=watch)
    assert "Streams" in never
    [row, *_] = rows
    assert row["state"] == "running"
    assert row["lag_seconds"] == 597.0  # it is ten minutes past, and the last event is the third
    assert row["events_per_second"] > 0
    assert row["counts"]["new_count"] == 3
    assert row["committed_at"] is not None
    later = study.having(CONFIDE_NOW=at(48 * 3600).isoformat())
    stopped = status(later)
    assert (stopped["state"], stopped["lag_seconds"]) == ("stopped", 48 * 3600 - 3)
    assert "leaves a gap" in stopped["note"]
    text = later.invoke("status").succeeds().out
    assert "1 d 23 h" in text


def test_status_says_how_often_a_line_broke_and_why(study: Place) -> None:
    hosts = [[said(1), Close(1001)], [said(2), Cut()], [Deny(503, "NoRoomForYou")], [said(3)]]
    with scripted_appview(answering_profiles) as public, scripted_jetstream(*hosts) as host:
        write_stream_study(study, host.url, appview=public.url)
        follow_until(study, 3)
    gathered = json.loads(study.invoke("status", "--json").succeeds().out)["notes"]
    told = {row["note"]: row["times_count"] for row in gathered if "line lost" in row["note"]}
    assert sum(told.values()) == 3
    assert "line lost: close code 1001" in told
    assert all(row["source"] == "words" and row["last_at"] for row in gathered)
    assert "What happened on the way" in study.invoke("status").succeeds().out


def test_a_run_whose_process_is_gone_is_not_shown_as_running(study: Place) -> None:
    with scripted_appview(answering_profiles) as public, scripted_jetstream([said(1)]) as host:
        write_stream_study(study, host.url, appview=public.url)
        follow_until(study, 1)
    workspace = open_workspace(study.folder)
    with store.open_warehouse(workspace.warehouse, now=SINCE) as warehouse:
        warehouse.execute("update landed.collection_runs set status = 'running'")
    assert status(study)["state"] == "interrupted"
    assert status(study, "runs")["status"] == "interrupted"
    silent = study.having(CONFIDE_NOW=(at(600) + timedelta(minutes=3)).isoformat())
    with alone(workspace, "words"):
        assert status(study)["state"] == "running"
        assert status(silent)["state"] == "silent"
        assert "stop it" in status(silent)["note"]


@pytest.mark.long
def test_a_run_ends_when_its_permission_does(study: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PERMISSION_SECONDS", STEP_SECONDS)

    def expire(*_: object) -> None:
        raise PolicyRefused("source words: R5: [policy.ethics] expired: renew the approval")

    def revoke() -> None:
        monkeypatch.setattr("flows.follower.check_permission", expire)

    with (
        scripted_appview(answering_profiles) as public,
        scripted_jetstream([said(1), Do(revoke)]) as host,
    ):
        write_stream_study(study, host.url, appview=public.url)
        with pytest.raises(PolicyRefused, match="R5"):
            follow_until(study)
    assert held(study) == {uri("k1")}


class ManyEvents(Sequence[str]):
    """Frames of a network of which one post in a hundred speaks of it, made when they are sent."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, place: Any) -> Any:
        if not 0 <= place < self.count:
            raise IndexError
        text = "an umbrella on the porch" if place % 100 == 0 else "a lamp in the hall"
        return said(place + 1, f"{text}, number {place}", did=f"{WRITER[:-4]}{place % 1000:04}")


def resident_bytes() -> int:
    """Read how much memory this process holds."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.long
def test_two_hundred_thousand_events_leave_memory_as_it_was(
    study: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the first fifth of them on, DuckDB's cache included."""
    count = 200_000
    sizes: list[int] = []
    monkeypatch.setattr(
        jetstream, "fetch_event_pages", partial(jetstream.fetch_event_pages, page_size=500)
    )
    monkeypatch.setattr(jetstream_page, "FLUSH_SECONDS", 5.0)

    def weigh(_stream: str, seq: int) -> None:
        if seq > count // 5:
            sizes.append(resident_bytes())

    with (
        scripted_appview(answering_profiles) as public,
        scripted_jetstream(ManyEvents(count)) as host,
    ):
        write_stream_study(study, host.url, appview=public.url)
        with progress.listening(weigh):
            done = follow_until(study, count)
    assert done["words"]["scanned_count"] == count
    assert done["words"]["new_count"] == count // 100
    assert max(sizes) - sizes[0] < 60 * 2**20


@pytest.mark.parametrize("key", ["authors_file", "lists_file", "feeds_file"])
def test_check_looks_at_the_files_that_name_people(study: Place, key: str) -> None:
    path = study.config / key
    option = private_file(study, key, WRITER)
    write_stream_study(study, NOWHERE, appview=NOWHERE, options=option)

    def verdict() -> tuple[str, str]:
        found = json.loads(study.invoke("check", "--json").out)
        [told] = [one for one in found if one["rule"] == "R11"]
        return told["verdict"], told["why"]

    assert verdict()[0] == "pass"
    path.chmod(0o644)
    assert verdict()[0] == "fail"
    assert "chmod 600" in verdict()[1]
    path.unlink()
    assert verdict()[0] == "fail"
    inside = study.folder / key
    inside.touch(mode=0o600)
    write_stream_study(study, NOWHERE, appview=NOWHERE, options=f'{key} = "{key}"')
    assert "inside the study" in verdict()[1]


def stream_limits() -> dict[str, float]:
    """Read the limits that are built in, whatever a test set."""
    text = Path(aftermath.__file__).read_text("utf-8")
    values = {}
    for name in ("GONE", "STORED"):
        [line] = [one for one in text.splitlines() if one.startswith(f"{name}_SECONDS")]
        values[name.lower()] = float(line.split("=")[1].split("#")[0])
    return values


def wait_for(condition: Callable[[], object]) -> None:
    """Look again and again until something is so; fail where it takes too long."""
    deadline = monotonic() + PATIENT_SECONDS
    while not condition():
        assert monotonic() < deadline, "it did not come about"
        threading.Event().wait(STEP_SECONDS)


def rows_of(study: Place, ending: Ending) -> Iterator[dict[str, Any]]:
    """Yield what `status` says of the stream, again and again until the run ends."""
    workspace = open_workspace(study.folder)
    deadline = monotonic() + PATIENT_SECONDS
    while not ending.stop.wait(STEP_SECONDS):
        assert monotonic() < deadline
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            yield from stream_status.stream_rows(workspace, warehouse)
