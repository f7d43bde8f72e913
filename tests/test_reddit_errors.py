"""Every rule of the table of failures, met by the real praw in the middle of a listing."""

from dataclasses import dataclass

import prawcore
import pytest
import requests
from praw.exceptions import RedditAPIException

from connectors import reddit_requests
from connectors.reddit import fetch_pages
from connectors.reddit_errors import RULES, refusal
from demo.faults import Fault
from schema.errors import CorpusError, SourceRefused, SourceUnavailable, UnexpectedFailure
from tests.support.budget import fresh_budget
from tests.support.reddit_village import NOON, VENUE, minutely, village

LISTING = f"/r/{VENUE.name}/new"
TOKEN = "/api/v1/access_token"
RULE = {rule.name: rule for rule in RULES}


@dataclass(frozen=True)
class Case:
    """A rule, the answer that meets it, and how often the request is sent for it."""

    rule: str
    fault: Fault
    sent_count: int = 1
    path: str = LISTING


def status(code: int, body: bytes | None = None, **headers: str) -> Fault:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Fault("status", status=code, body=body, headers=named)


CASES = [
    Case("credentials", status(200, b'{"error": "invalid_grant"}'), path=TOKEN),
    Case("token refused", status(401, b'{"error": 401}'), path=TOKEN),
    Case("token refused", status(400, b"{}"), path=TOKEN),
    Case("token rejected", status(401, www_authenticate='Bearer error="invalid_token"'), 3),
    Case("scope", status(403, www_authenticate='Bearer error="insufficient_scope"')),
    Case("no such subreddit", status(302, location="/subreddits/search")),
    Case("legal", status(451)),
    Case(
        "too fast, in an answer",
        status(400, b'{"reason": "RATELIMIT", "explanation": "moss", "fields": ["x"]}'),
    ),
    Case(
        "request refused",
        status(400, b'{"reason": "NO_TEXT", "explanation": "moss", "fields": ["x"]}'),
    ),
    Case("line broken or silent", Fault("reset"), 3),
    Case("line broken or silent", Fault("hang"), 3),
    Case("no JSON", Fault("truncated")),
    Case("no JSON", Fault("not_json")),
    Case("too fast", Fault("status", status=429, retry_after="0.01"), 4),
    Case("server error, repeated", status(503), 3),
    Case("server error, repeated", status(408), 3),
    Case("server error", status(521)),
    Case("server error", status(530)),
    Case("closed", status(403, b'{"reason": "gold_only"}')),
    Case("closed", status(404, b'{"reason": "banned"}')),
    Case("not there", status(404)),
    Case("refused", status(403)),
    Case("refused", status(409)),
    Case("refused", status(413)),
    Case("refused", status(414)),
    Case("refused", status(418)),
    Case("rate header missing", Fault("headers", headers={"x-ratelimit-used": None})),
    Case("rate header missing", Fault("headers", headers={"x-ratelimit-reset": None})),
    Case("refused without a form", status(401), 3),
    Case("refused without a form", status(403, www_authenticate="Basic moss")),
    Case("refused without a form", status(400, b'{"message": "moss"}')),
    Case(
        "refused without a form",
        status(400, b'{"reason": "NO_TEXT", "explanation": "moss", "fields": []}'),
    ),
    Case("unreadable", Fault("headers", headers={"x-ratelimit-remaining": "plenty"})),
    Case("unreadable", Fault("headers", headers={"x-ratelimit-reset": "soon"})),
    Case("unreadable", status(200, b"{}")),
    Case("unreadable", status(200, b'{"data": {"children": 7}}')),
    Case("unreadable", status(200, b"[]")),
]


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.rule}-{case.fault.kind}-{case.fault.status}"
)
def test_a_failure_in_mid_listing_is_sent_again_or_refused_by_its_rule(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    if case.fault.kind == "hang":
        monkeypatch.setattr(reddit_requests, "TIMEOUT_SECONDS", 0.5)
    rule = RULE[case.rule]
    with village(minutely(250, until=NOON)) as place:
        place.budget = fresh_budget(tries=4)
        pages = fetch_pages(place.client(), place.query())
        kept = [] if case.path == TOKEN else [next(pages)]
        before = place.faults.requests[case.path]
        place.faults.arm(case.fault, nth=before + 1, path=case.path, times=case.sent_count)
        with pytest.raises(CorpusError) as caught:
            list(pages)
        sent = place.faults.requests[case.path] - before
    assert type(caught.value) is (SourceUnavailable if rule.is_worth_another_try else SourceRefused)
    assert sent == case.sent_count <= rule.sent_count
    assert str(caught.value).startswith(f"porch: {rule.sentence.partition('{')[0]}")
    assert "moss" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert [page.position for page in kept] == [None] * len(kept)


def test_every_rule_of_the_table_is_met_by_a_case() -> None:
    assert {case.rule for case in CASES} == set(RULE)
    assert len(RULE) == len(RULES)


def test_what_no_rule_knows_is_a_fault_of_ours() -> None:
    told = refusal(AttributeError("moss-lantern-7731"), source="porch")
    assert type(told) is UnexpectedFailure
    assert str(told) == "porch: AttributeError while reading Reddit"
    assert refusal(told, source="other") is told


@pytest.mark.parametrize(
    "original", [requests.ReadTimeout("moss"), requests.ConnectTimeout("moss"), OSError("moss")]
)
def test_a_silent_line_names_its_kind_and_nothing_else(original: Exception) -> None:
    told = refusal(prawcore.RequestException(original, (), {}), source="porch")
    assert str(told) == (
        f"porch: Reddit cannot be reached ({type(original).__name__}): try again later"
    )
    assert type(told) is SourceUnavailable


def test_one_of_several_complaints_in_an_answer_may_be_of_haste() -> None:
    error = RedditAPIException([["NO_TEXT", "moss", None], ["RATELIMIT", "moss", None]])
    assert type(refusal(error, source="porch")) is SourceUnavailable
