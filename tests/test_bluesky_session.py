"""The kept log-in: one for all processes, renewed in time, never asked for in haste."""

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson
import pytest
from atproto import models

from connectors.bluesky import BlueskyCredentials, sign_in
from connectors.bluesky_call import ask
from connectors.bluesky_session import LOGINS_PER_DAY
from schema.errors import BadInput, CredentialMissing, SourceRefused, SourceUnavailable
from tests.support.appview_script import NOW, view
from tests.support.needs import REPOSITORY
from tests.support.passes import passes
from tests.support.pds_script import DID, HANDLE, PASSWORD, ScriptedPds, scripted_pds

SEARCH = "app.bsky.feed.searchPosts"
PARAMS = models.AppBskyFeedSearchPosts.Params(q="kettle")
SIGNING_IN = """
import sys
from pathlib import Path
from atproto import models
from connectors.bluesky import BlueskyCredentials, sign_in
from connectors.bluesky_call import ask
url, path, handle, password = sys.argv[1:]
client = sign_in(BlueskyCredentials(handle, password, url), Path(path))
params = models.AppBskyFeedSearchPosts.Params(q="kettle")
ask(client, "app.bsky.feed.searchPosts", params, source="sky")
"""


@pytest.fixture
def pds() -> Iterator[ScriptedPds]:
    with scripted_pds() as server:
        yield server


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions" / "bluesky.json"


def read(pds: ScriptedPds, path: Path, password: str = PASSWORD) -> Any:
    client = sign_in(BlueskyCredentials(HANDLE, password, pds.url), path)
    ask(client, SEARCH, PARAMS, source="sky")
    return client


def test_a_session_is_kept_privately_and_used_again(pds: ScriptedPds, path: Path) -> None:
    for _ in range(3):
        read(pds, path)
    assert pds.asked == {"createSession": 1, "searchPosts": 3}
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert PASSWORD not in path.read_text("utf-8")


def test_processes_at_once_log_in_once(pds: ScriptedPds, path: Path) -> None:
    command = [sys.executable, "-c", SIGNING_IN, pds.url, str(path), HANDLE, PASSWORD]
    runs = [subprocess.Popen(command, cwd=REPOSITORY) for _ in range(2)]
    assert [run.wait(timeout=120) for run in runs] == [0, 0]
    assert pds.asked == {"createSession": 1, "searchPosts": 2}


def test_clients_at_once_renew_once(pds: ScriptedPds, path: Path) -> None:
    pds.access_seconds = 60.0  # so near its end that each would renew it
    who = BlueskyCredentials(HANDLE, PASSWORD, pds.url)
    clients = [sign_in(who, path) for _ in range(6)]
    pds.access_seconds = 7200.0
    with ThreadPoolExecutor(len(clients)) as threads:
        list(threads.map(lambda client: ask(client, SEARCH, PARAMS, source="sky"), clients))
    assert pds.asked == {"createSession": 1, "refreshSession": 1, "searchPosts": 6}


def test_a_token_near_its_end_is_renewed_and_the_new_one_kept(pds: ScriptedPds, path: Path) -> None:
    pds.access_seconds = 60.0
    client = sign_in(BlueskyCredentials(HANDLE, PASSWORD, pds.url), path)
    before = orjson.loads(path.read_bytes())["session"]
    pds.access_seconds = 7200.0
    ask(client, SEARCH, PARAMS, source="sky")
    assert pds.asked == {"createSession": 1, "refreshSession": 1, "searchPosts": 1}
    assert orjson.loads(path.read_bytes())["session"] != before
    read(pds, path)
    assert pds.asked == {"createSession": 1, "refreshSession": 1, "searchPosts": 2}


def test_tokens_that_died_cost_one_log_in(pds: ScriptedPds, path: Path) -> None:
    client = read(pds, path)
    pds.revoke()
    ask(client, SEARCH, PARAMS, source="sky")
    ask(client, SEARCH, PARAMS, source="sky")
    assert pds.asked["createSession"] == 2
    assert pds.asked["refreshSession"] == 1
    assert len(orjson.loads(path.read_bytes())["logins"]) == 2


def test_a_wrong_password_is_one_sentence_and_one_request(
    pds: ScriptedPds, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(CredentialMissing) as told:
        read(pds, path, password="not-this-one")
    assert told.value.exit_code == 2
    assert "CONFIDE_BLUESKY_PASSWORD" in str(told.value)
    assert pds.asked == {"createSession": 1}
    said = str(told.value) + repr(told.value) + caplog.text
    assert not [word for word in (HANDLE, DID, "not-this-one") if word in said]
    assert told.value.__cause__ is None


def test_refused_log_ins_count_until_the_day_is_full(pds: ScriptedPds, path: Path) -> None:
    pds.login_error = (401, "AuthenticationRequired")
    for _ in range(LOGINS_PER_DAY):
        with pytest.raises(CredentialMissing):
            read(pds, path)
    with pytest.raises(SourceUnavailable, match=f"{LOGINS_PER_DAY} log-ins in a day") as told:
        read(pds, path)
    assert pds.asked["createSession"] == LOGINS_PER_DAY
    assert told.value.retry_after_seconds == pytest.approx(86_400, abs=60)
    kept = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps(kept | {"logins": [time.time() - 86_500] * LOGINS_PER_DAY}))
    pds.login_error = None
    read(pds, path)  # a day later
    assert len(orjson.loads(path.read_bytes())["logins"]) == 1


@pytest.mark.parametrize(
    ("error", "kind", "word"),
    [
        ((401, "AuthFactorTokenRequired"), CredentialMissing, "app password"),
        ((401, "AccountTakedown"), SourceRefused, "AccountTakedown"),
        ((429, "RateLimitExceeded"), SourceUnavailable, "429"),
        ((503, "NotEnoughResources"), SourceUnavailable, "503"),
    ],
)
def test_a_log_in_that_fails_is_sent_once_and_says_why(
    pds: ScriptedPds, path: Path, error: tuple[int, str], kind: type, word: str
) -> None:
    pds.login_error = error
    with pytest.raises(kind, match=word) as told:
        read(pds, path)
    assert HANDLE not in str(told.value)
    assert pds.asked["createSession"] == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"session": "a:::b", "logins": []}', '{"x": 1}'])
def test_a_damaged_file_costs_a_log_in_and_no_more(pds: ScriptedPds, path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text, "utf-8")
    read(pds, path)
    read(pds, path)
    assert pds.asked == {"createSession": 1, "searchPosts": 2}


WORDS = '[[source]]\nname = "words"\nkind = "bluesky_search"\nquery = "kettle"\n'


def test_a_study_searches_as_the_account_that_the_environment_names(
    pds: ScriptedPds, tmp_path: Path
) -> None:
    pds.reads = lambda _: {"posts": [view("k", record={"text": "the kettle"})]}
    account = {"CONFIDE_BLUESKY_HANDLE": HANDLE, "CONFIDE_BLUESKY_PASSWORD": PASSWORD}
    study = passes(tmp_path, bluesky=pds.url, now=NOW, sources=WORDS, **account)
    assert study.collect("words")["new_count"] == 1
    assert study.collect("words")["unchanged_count"] == 1
    assert pds.asked["createSession"] == 1
    [kept] = (study.place.folder / "var" / "sessions").glob("*.json")
    assert kept.stat().st_mode & 0o777 == 0o600


def test_half_an_account_and_an_account_elsewhere_are_refused(
    pds: ScriptedPds, tmp_path: Path
) -> None:
    half = passes(
        tmp_path / "a", bluesky=pds.url, now=NOW, sources=WORDS, CONFIDE_BLUESKY_HANDLE=HANDLE
    )
    with pytest.raises(CredentialMissing, match="CONFIDE_BLUESKY_PASSWORD is not set"):
        half.collect("words")
    account = {"CONFIDE_BLUESKY_HANDLE": HANDLE, "CONFIDE_BLUESKY_PASSWORD": PASSWORD}
    far = passes(tmp_path / "b", bluesky=pds.url, now=NOW, sources=WORDS, **account)
    path = far.place.folder / "study.toml"
    text = path.read_text("utf-8").replace(f'pds = "{pds.url}"', 'pds = "https://bsky.social"')
    path.write_text(text, "utf-8")
    with pytest.raises(BadInput, match=r"platforms\.bluesky\.pds is not on this machine"):
        far.collect("words")
    assert not pds.asked
