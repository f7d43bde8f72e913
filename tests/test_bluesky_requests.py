"""How Bluesky is asked: within one budget, by the server's own word, and again by one table."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import httpx
import pytest
from atproto import exceptions, models
from starlette.responses import Response

from connectors.bluesky import connect
from connectors.bluesky_call import ask
from connectors.bluesky_errors import RULES, AnswerTooLong, refusal, rule_of
from connectors.budget import Budget
from schema.errors import CorpusError, SourceRefused, SourceUnavailable, UnexpectedFailure
from tests.support.appview_script import Ask, ScriptedAppView, refused, scripted_appview
from tests.support.budget import fresh_budget
from tests.support.needs import REPOSITORY

NSID = "app.bsky.feed.getPosts"
PARAMS = models.AppBskyFeedGetPosts.Params(uris=["at://x/y/z"])
PROCESSES, THREADS, ASKS_EACH, LIMIT, WINDOW_SECONDS = 2, 2, 12, 15, 1.0
ASKING = """
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from atproto import models
from connectors.bluesky import connect
from connectors.bluesky_call import ask
from connectors.budget import Budget
url, path, limit, window, threads, asks = sys.argv[1:]
budget = Budget(Path(path), limit=int(limit), window_seconds=float(window))
params = models.AppBskyFeedGetPosts.Params(uris=["at://x/y/z"])
def work(_):
    client = connect(url, budget)
    for _ in range(int(asks)):
        ask(client, "app.bsky.feed.getPosts", params, source="sky")
with ThreadPoolExecutor(int(threads)) as pool:
    list(pool.map(work, range(int(threads))))
"""


@contextmanager
def answering(*answers: Any) -> Iterator[ScriptedAppView]:
    """Give these answers in turn, then good ones."""
    left = iter(answers)
    with scripted_appview(lambda _: next(left, {"posts": []})) as appview:
        yield appview


def once(appview: ScriptedAppView, budget: Budget | None = None) -> None:
    ask(connect(appview.url, budget, repeat_seconds=(0.0,)), NSID, PARAMS, source="sky")


def told(remaining: object, reset: object) -> Response:
    headers = {"ratelimit-remaining": str(remaining), "ratelimit-reset": str(reset)}
    return Response(b'{"posts": []}', headers=headers, media_type="application/json")


def test_processes_at_once_never_exceed_one_budget(tmp_path: Any) -> None:
    seen: list[float] = []
    lock = Lock()

    def note(_: Ask) -> Any:
        with lock:
            seen.append(time.monotonic())
        return {"posts": []}

    with scripted_appview(note) as appview:
        words = [appview.url, tmp_path / "b.sqlite", LIMIT, WINDOW_SECONDS, THREADS, ASKS_EACH]
        command = [sys.executable, "-c", ASKING, *map(str, words)]
        runs = [subprocess.Popen(command, cwd=REPOSITORY) for _ in range(PROCESSES)]
        assert [run.wait(timeout=120) for run in runs] == [0] * PROCESSES
    assert len(seen) == PROCESSES * THREADS * ASKS_EACH
    assert max(sum(0 <= b - a < WINDOW_SECONDS for b in seen) for a in seen) <= LIMIT


@pytest.mark.parametrize("retry_after", ["0", None, "Thu, 01 Jan 2026 00:00:00 GMT", "nan"])
def test_a_429_is_waited_out_and_asked_again(retry_after: str | None) -> None:
    headers = {} if retry_after is None else {"retry-after": retry_after}
    refusal_ = refused(429, "RateLimitExceeded", **headers)
    if retry_after in (None, "nan"):  # then the window's end says when
        refusal_.headers["ratelimit-remaining"] = "0"
        refusal_.headers["ratelimit-reset"] = str(int(time.time()) + 1)
    with answering(refusal_) as appview:
        once(appview, fresh_budget(tries=2, window_seconds=300.0))
    assert len(appview.asked) == 2


def test_a_server_that_keeps_refusing_is_left_alone_after_four_tries() -> None:
    refusals = [refused(429, "RateLimitExceeded", **{"retry-after": "0"}) for _ in range(9)]
    with answering(*refusals) as appview, pytest.raises(SourceUnavailable, match="slow down"):
        once(appview, fresh_budget(tries=4))
    assert len(appview.asked) == 4


def test_a_pause_longer_than_a_window_is_told_not_slept() -> None:
    slow = refused(429, "RateLimitExceeded", **{"retry-after": "3600"})
    with answering(slow) as appview, pytest.raises(SourceUnavailable, match="pause of 3") as said:
        once(appview, fresh_budget(tries=4, window_seconds=300.0))
    assert said.value.retry_after_seconds == pytest.approx(3600, abs=5)
    assert len(appview.asked) == 1


def test_what_the_headers_leave_is_all_there_is() -> None:
    budget = fresh_budget(limit=3000, window_seconds=300.0)
    with answering(told(0, int(time.time()) + 200)) as appview:
        once(appview, budget)
    assert 190 < budget.wait_seconds() <= 201


@pytest.mark.parametrize("reset", ["", "soon", "nan", "inf", -5, 10**30])
def test_headers_that_make_no_sense_are_passed_over(reset: object) -> None:
    budget = fresh_budget(limit=3000, window_seconds=300.0)
    with answering(told(0, reset)) as appview:
        once(appview, budget)
    assert budget.wait_seconds() == 0


def test_an_answer_without_end_is_not_read() -> None:
    with answering(Response(b"x" * 5_000)) as appview:
        client = connect(appview.url)
        with pytest.raises(AnswerTooLong):
            client.request.download(f"{appview.url}/xrpc/{NSID}", {}, bytes_max=4_999)
    assert len(appview.asked) == 1


RESPONSE = type("Answer", (), {"headers": {}, "content": b"Profile not found: moss.invented"})


def answered(kind: type[exceptions.RequestErrorBase], status: int) -> Exception:
    response = RESPONSE()
    response.status_code = status
    return kind(response)


FAILURES: list[tuple[Exception, str, type[CorpusError]]] = [
    (answered(exceptions.RateLimitExceededError, 429), "too fast", SourceUnavailable),
    (exceptions.InvokeTimeoutError(), "silent", SourceUnavailable),
    (httpx.ReadTimeout("moss"), "silent", SourceUnavailable),
    (exceptions.NetworkError(), "line broken", SourceUnavailable),
    (httpx.RemoteProtocolError("moss"), "line broken", SourceUnavailable),
    (answered(exceptions.NetworkError, 502), "server error, repeated", SourceUnavailable),
    (answered(exceptions.RequestException, 500), "server error, repeated", SourceUnavailable),
    (answered(exceptions.NetworkError, 409), "busy", SourceUnavailable),
    (answered(exceptions.RequestException, 507), "server error", SourceUnavailable),
    (answered(exceptions.RequestException, 501), "refused", SourceRefused),
    (answered(exceptions.BadRequestError, 400), "refused", SourceRefused),
    (answered(exceptions.UnauthorizedError, 403), "refused", SourceRefused),
    (exceptions.ModelError("moss"), "request of ours", UnexpectedFailure),
    (AnswerTooLong(), "too long", SourceRefused),
    (ValueError("moss"), "unreadable", SourceUnavailable),
    (httpx.DecodingError("moss"), "unreadable", SourceUnavailable),
    (httpx.TooManyRedirects("moss"), "redirected too often", SourceRefused),
]


@pytest.mark.parametrize(("error", "rule", "kind"), FAILURES)
def test_each_failure_meets_its_rule_and_says_no_name(
    error: Exception, rule: str, kind: type[CorpusError]
) -> None:
    found = rule_of(error)
    assert found is not None
    assert found.name == rule
    said = refusal(error, source="sky")
    assert type(said) is kind
    assert str(said).startswith("sky: ")
    assert "moss" not in str(said)


def test_every_rule_is_met_by_something_and_named_once() -> None:
    names = [rule.name for rule in RULES]
    assert len(names) == len(set(names))
    assert set(names) == {rule for _, rule, _ in FAILURES}


def test_every_flow_asks_within_the_shared_budget() -> None:
    """A client made elsewhere would be a second client to the platform (promise 9)."""
    elsewhere = [
        path.name
        for path in sorted((REPOSITORY / "flows").glob("*.py"))
        if path.name != "bluesky_access.py" and "bluesky.connect(" in path.read_text("utf-8")
    ]
    assert elsewhere == []
