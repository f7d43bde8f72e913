"""Why posts are missing: what the AppView and people's own servers say, and what if they do not."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors import bluesky_home
from connectors.atproto_syntax import record_time, record_uri
from connectors.bluesky_absence import Findings, explain, judge
from connectors.bluesky_call import connect
from connectors.bluesky_directory import server_in
from connectors.bluesky_home import Home
from demo.serve import serving
from schema.errors import SourceUnavailable
from schema.pages import ParsedPage
from tests.support.appview_script import NOW, WRITER, Ask, page, query, refused, scripted_appview
from tests.support.appview_script import uri as old_uri

OLD, YOUNG = "3lqixe3g22222", "3mfx7wtsa2222"
SECONDS = timedelta(seconds=1)


def post(rkey: str = OLD, did: str = WRITER) -> str:
    return old_uri(rkey, did)


def dids(count: int) -> list[str]:
    return [f"did:plc:{'abcdefgh'[n] * 24}" for n in range(count)]


def knows_nobody(ask: Ask) -> Any:
    return {"profiles": []} if ask.method == "getProfiles" else refused(400, "InvalidRequest")


def knows_everybody(ask: Ask) -> Any:
    return {"profiles": [{"did": did} for did in ask.params["actors"]]}


def did_document(did: str, server: object) -> dict[str, Any]:
    """Write a document that names an account's own server."""
    service = {
        "id": f"{did}#atproto_pds",
        "type": "AtprotoPersonalDataServer",
        "serviceEndpoint": server,
    }
    return {"id": did, "service": [service]}


@contextmanager
def home_server(
    *, document: Callable[[str, str], Response] | None = None, answer: Any = None
) -> Iterator[str]:
    """Serve a directory and a person's own server in one; both say what the test tells them."""

    def plain(url: str, did: str) -> Response:
        return Response(orjson.dumps(did_document(did, url)))

    async def directory(request: Request) -> Response:
        url = str(request.base_url).rstrip("/")
        return (document or plain)(url, request.path_params["did"])

    async def server(request: Request) -> Response:
        if isinstance(answer, Response):
            return answer
        return Response(orjson.dumps(answer or {}), media_type="application/json")

    routes = [Route("/xrpc/{method}", server), Route("/{did}", directory)]
    with serving(Starlette(routes=routes)) as url:
        yield url


def explained(appview: Any, uris: list[str], *, directory: str | None = None) -> ParsedPage:
    with scripted_appview(appview) as served:
        home = None if directory is None else Home(directory)
        return explain(connect(served.url), query(), uris, home=home)[1]


def said(found: ParsedPage) -> tuple[list[str], list[str]]:
    """Return reasons of removals and states of accounts."""
    return found.removals["reason"].to_list(), found.accounts["status"].to_list()


def test_when_all_vanish_at_once_nothing_is_believed() -> None:
    uris = [post(did=did) for did in dids(4)]
    with pytest.raises(SourceUnavailable, match="none of 4 accounts"):
        explained(knows_nobody, uris)
    with (
        home_server(document=lambda _url, _did: Response(status_code=500)) as directory,
        pytest.raises(SourceUnavailable, match="not believed"),
    ):
        explained(knows_nobody, uris, directory=directory)


def test_a_few_that_vanish_are_hidden_until_more_is_known() -> None:
    uris = [post(did=did) for did in dids(3)]
    assert said(explained(knows_nobody, uris)) == ([], ["inactive"] * 3)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused(400, "RepoNotFound"), (["account_deleted"], [])),
        ({"active": False, "status": "deleted"}, (["account_deleted"], [])),
        ({"active": False, "status": "suspended"}, ([], ["suspended"])),
        ({"active": False, "status": "throttled"}, ([], ["inactive"])),
        ({"active": True}, ([], ["inactive"])),  # the AppView shows nothing of theirs
        ({"active": "odd"}, ([], ["inactive"])),
        (["no object"], ([], ["inactive"])),
        (refused(500, "InternalServerError"), ([], ["inactive"])),
        (refused(429, "RateLimitExceeded"), ([], ["inactive"])),
        (refused(400, "no name at all"), ([], ["inactive"])),
    ],
)
def test_an_account_unknown_to_the_appview_is_what_its_own_server_says(
    answer: Any, expected: tuple[list[str], list[str]]
) -> None:
    with home_server(answer=answer) as directory:
        assert said(explained(knows_nobody, [post()], directory=directory)) == expected


def document(endpoint: object, status: int = 200) -> Callable[[str, str], Response]:
    def make(_url: str, did: str) -> Response:
        return Response(orjson.dumps(did_document(did, endpoint)), status)

    return make


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (document("http://127.0.0.1:9"), ([], ["inactive"])),  # nothing listens
        (document("ftp://files.invented.example"), ([], ["inactive"])),
        (document(7), ([], ["inactive"])),
        (document("", status=404), ([], ["inactive"])),
        (document("", status=410), (["account_deleted"], [])),  # a tombstone
        (lambda _url, _did: Response("{"), ([], ["inactive"])),
        (lambda _url, _did: Response('["odd"]'), ([], ["inactive"])),
        (lambda _url, _did: Response('{"service": [7, {}]}'), ([], ["inactive"])),
    ],
)
def test_a_directory_that_leads_nowhere_removes_nothing_but_a_tombstone_does(
    made: Callable[[str, str], Response], expected: tuple[list[str], list[str]]
) -> None:
    with home_server(document=made) as directory:
        assert said(explained(knows_nobody, [post()], directory=directory)) == expected


@pytest.mark.parametrize(
    ("server", "is_local", "is_taken"),
    [
        ("http://127.0.0.1:9", True, True),
        ("http://127.0.0.1:9", False, False),
        ("https://127.0.0.1:9", False, False),
        ("http://pds.invented.example", False, False),
        ("https://pds.invented.example", False, True),
        ("https://pds.invented.example", True, False),
    ],
)
def test_only_a_directory_on_this_machine_may_name_a_server_on_it(
    server: str, is_local: bool, is_taken: bool
) -> None:
    document = did_document(WRITER, server)
    assert server_in(document, WRITER, is_local=is_local) == (server if is_taken else None)
    assert server_in(document | {"id": "did:plc:other"}, WRITER, is_local=is_local) is None


@pytest.mark.parametrize(
    ("record", "rkey", "reason"),
    [
        ("gone", OLD, "deleted_by_author"),
        ("gone", YOUNG, "deleted_by_author"),
        ("stands", OLD, "taken_down"),
        ("stands", YOUNG, None),  # the AppView's index may not have it yet
        ("unknown", OLD, "not_found"),
        ("unknown", YOUNG, None),
        ("stands", "an-own-key", "taken_down"),
    ],
)
def test_a_post_whose_author_stands_is_what_its_record_says(
    record: Any, rkey: str, reason: str | None
) -> None:
    uri = record_uri(post(rkey))
    assert uri is not None
    found = judge(page(), [uri], Findings({WRITER: "active"}, {str(uri): record}))
    assert said(found) == ([reason] if reason else [], ["active"])


def test_the_appview_s_own_word_on_an_account_needs_no_other() -> None:
    names = ("AccountDeactivated", "AccountTakedown", "InvalidRequest")
    for name, status in zip(names, ("deactivated", "takendown", "inactive"), strict=True):

        def says(ask: Ask, name: str = name) -> Any:
            return {"profiles": []} if ask.method == "getProfiles" else refused(400, name)

        assert said(explained(says, [post()])) == ([], [status])


def test_an_appview_out_of_order_is_told_and_nothing_is_removed() -> None:
    def breaks(ask: Ask) -> Any:
        return {"profiles": []} if ask.method == "getProfiles" else refused(503, "Down")

    with pytest.raises(SourceUnavailable):
        explained(breaks, [post()])


def test_people_s_own_servers_are_asked_so_often_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bluesky_home, "QUESTIONS_MAX", 3)
    with ExitStack() as stack:
        directory = stack.enter_context(home_server(answer=refused(400, "RecordNotFound")))
        appview = stack.enter_context(scripted_appview(knows_everybody))
        home = Home(directory)
        uris = [post(f"own-{n}") for n in range(5)]
        made, found = explain(connect(appview.url), query(), uris, home=home)
    assert home.questions_count == 3  # one for the address, two for records
    assert made.requests_count == 1 + 3
    assert sorted(said(found)[0]) == ["deleted_by_author"] * 2 + ["not_found"] * 3


def test_a_record_key_tells_when_it_was_made() -> None:
    stated = record_time("3n2xdgb5mkk2x")
    assert stated is not None
    assert abs(stated - datetime(2026, 11, 23, 4, 51, 22, 728000, tzinfo=UTC)) < SECONDS
    assert [record_time(key) for key in ("self", "3n2xdgb5mkk2", "0n2xdgb5mkk2x", "")] == [None] * 4
    young, old = record_time(YOUNG), record_time(OLD)
    assert young is not None
    assert old is not None
    assert NOW - timedelta(hours=6) < young < NOW
    assert old < NOW - timedelta(days=99)
