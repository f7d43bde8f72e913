"""Repositories that are whole, spoilt, closed or somebody else's."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response

from connectors import bluesky_repository
from connectors.bluesky import connect, fetch_repository_pages, find_server, parse_account
from schema.errors import BadInput, SourceRefused, SourceUnavailable
from schema.pages import RawPage
from tests.support.appview_script import NOW, OTHER, POSTS, SINCE, WRITER, query, refused, uri, view
from tests.support.car import Blocks, repository
from tests.support.passes import Passes, passes
from tests.support.pds_script import ScriptedPds, scripted_pds
from tests.support.sky import PANEL, private_file

PROFILE = "app.bsky.actor.profile"
WHOLE = {f"{POSTS}/3a{n}": view(f"3a{n}")["record"] for n in range(3)}


def read(body: Any, *, position: str | None = None, profile: Any = None) -> list[RawPage]:
    answer = body if isinstance(body, Response) else Response(body)
    with scripted_pds() as pds:
        pds.raw["getRepo"] = answer
        client = connect(pds.url, repeat_seconds=(0.0,))
        return list(fetch_repository_pages(client, query(position), profile))


def natives(pages: list[RawPage]) -> list[str]:
    found = (parse_account(page, did=WRITER).posts["native_id"] for page in pages)
    return [native for natives in found for native in natives]


def test_posts_come_out_of_the_tree_and_other_records_stay_there() -> None:
    likes = {"app.bsky.feed.like/3b": {"$type": "app.bsky.feed.like"}, "com.example.x/1": {"a": 1}}
    pages = read(repository(WRITER, WHOLE | likes))
    assert natives(pages) == [uri(f"3a{n}") for n in range(3)]
    assert json.loads(pages[-1].position or "")["revision"] == "3abc"
    [interval] = pages[-1].covered
    assert (interval.from_at, interval.to_at, interval.venue) == (SINCE, NOW, None)


def test_the_account_s_own_profile_says_who_may_read_and_what_to_mask() -> None:
    wish = {"values": [{"val": "!no-unauthenticated"}]}
    own = {f"{PROFILE}/self": {"$type": PROFILE, "displayName": "Moss L.", "labels": wish}}
    [page, _] = read(repository(WRITER, WHOLE | own))
    posts = parse_account(page, did=WRITER).posts
    assert not posts["is_visible_logged_out"].any()
    assert posts["author_names"].to_list() == [["Moss L."]] * 3


def test_a_record_that_is_no_post_costs_no_other() -> None:
    odd = {f"{POSTS}/3a9": {"text": 7}, f"{POSTS}/3a8": 5, f"{POSTS}/.": view("x")["record"]}
    pages = read(repository(WRITER, WHOLE | odd))
    assert len(natives(pages)) == 3
    aside = [one for page in pages for one in parse_account(page, did=WRITER).set_aside]
    assert sum(one.count for one in aside) == 3


def test_what_has_not_changed_is_not_in_the_file_and_is_passed_over() -> None:
    elsewhere = Blocks().add({"l": None, "e": []})
    with scripted_pds() as pds:
        pds.raw["getRepo"] = Response(repository(WRITER, WHOLE, left=elsewhere))
        client = connect(pds.url)
        first = list(fetch_repository_pages(client, query(), None))
        position = first[-1].position
        list(fetch_repository_pages(client, query(position), None))
        list(fetch_repository_pages(client, query(position, since=SINCE.replace(year=2025)), None))
    assert natives(first) == [uri(f"3a{n}") for n in range(3)]
    asked = [ask.get("since") for ask in pds.queries["getRepo"]]
    assert asked == [None, "3abc", None]  # the study begins earlier now: all of it again


def test_a_tree_that_leads_in_circles_or_down_for_ever_ends() -> None:
    blocks = Blocks()
    link = blocks.add({"l": None, "e": []})
    for _ in range(100):
        link = blocks.add({"l": link, "e": []})
    head = {"did": WRITER, "rev": "3abc", "data": link}
    with pytest.raises(SourceUnavailable, match="cannot be read"):
        read(blocks.car(blocks.add(head)))


@pytest.mark.parametrize(
    "body",
    [b"", b"no file", repository(WRITER, WHOLE)[:-40], repository(WRITER, WHOLE, data=7),
     repository(WRITER, WHOLE, left=7)],
)  # fmt: skip
def test_a_file_that_is_none_is_told_without_a_name(body: bytes) -> None:
    with pytest.raises(SourceUnavailable, match=r"^sky: .*cannot be read") as told:
        read(body)
    assert WRITER not in str(told.value)


def test_another_s_repository_and_one_without_end_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(SourceRefused, match="another account's"):
        read(repository(OTHER, WHOLE))
    monkeypatch.setattr(bluesky_repository, "BYTES_MAX", 100)
    with pytest.raises(SourceRefused, match="longer than Confide reads"):
        read(repository(WRITER, WHOLE))


def test_where_a_server_sends_us_is_not_asked() -> None:
    with pytest.raises(SourceRefused, match="302"):
        read(Response(status_code=302, headers={"location": "http://127.0.0.1:9/elsewhere"}))


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("RepoDeactivated", "account_inactive"),
        ("RepoSuspended", "account_inactive"),
        ("RepoTakendown", "taken_down"),
        ("RepoNotFound", "not_found"),
    ],
)
def test_a_closed_repository_is_a_removal_of_its_account(name: str, reason: str) -> None:
    [page] = read(refused(400, name))
    parsed = parse_account(page, did=WRITER)
    assert parsed.posts.is_empty()
    assert parsed.removals.select("author", "reason").rows() == [(WRITER, reason)]


def document(server: Any, did: str = WRITER) -> dict[str, Any]:
    service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": server}
    return {"id": did, "alsoKnownAs": [], "service": [service]}


def found(told: Any, *, is_local: bool = True, did: str = WRITER) -> str:
    with scripted_pds() as pds:
        pds.documents[did] = told
        directory = connect(pds.url, repeat_seconds=(0.0,))
        return find_server(directory, did, pds.url, source="sky", is_local=is_local)


def test_an_account_s_document_names_its_server() -> None:
    assert found(document("http://localhost:1")) == "http://localhost:1"
    assert found(document("https://pds.example"), is_local=False) == "https://pds.example"


@pytest.mark.parametrize(
    "told",
    [None, [], {}, {"id": WRITER}, document("ftp://x"), document(7), document("http://x", OTHER)],
)
def test_a_document_that_names_none_is_refused_without_a_name(told: Any) -> None:
    with pytest.raises(SourceRefused) as said:
        found(told)
    assert WRITER not in str(said.value)


def test_a_live_account_is_asked_for_over_https_alone() -> None:
    with pytest.raises(SourceRefused, match="names no server of its own"):
        found(document("http://127.0.0.1:1"), is_local=False)
    with pytest.raises(SourceRefused, match="nowhere that may be asked"):
        found(None, did="did:web:pds.invented.example")


def study(folder: Path, pds: ScriptedPds) -> Passes:
    path = private_file(folder / "panel.dids", WRITER)
    made = passes(
        folder, bluesky=pds.url, now=NOW, sources=PANEL.format(path=path) + 'history = "repository"'
    )
    toml = made.place.folder / "study.toml"
    text = toml.read_text("utf-8").replace(
        "[platforms.bluesky]", f'[platforms.bluesky]\nplc = "{pds.url}"'
    )
    toml.write_text(text, "utf-8")
    return made


def test_an_account_that_closes_takes_its_posts_with_it(tmp_path: Path) -> None:
    with scripted_pds() as pds:
        pds.documents[WRITER] = document(pds.url)
        pds.raw["getProfiles"] = Response('{"profiles": []}', media_type="application/json")
        pds.raw["getRepo"] = Response(repository(WRITER, WHOLE))
        made = study(tmp_path, pds)
        tally = made.collect("panel")
        assert (tally["new_count"], tally["requests_count"]) == (3, 3)  # profile, document, file
        assert made.sql("select count(*) from landed.engagement_snapshots").item() == 0
        assert made.collect("panel")["unchanged_count"] == 3
        pds.raw["getRepo"] = refused(400, "RepoTakendown")
        assert made.collect("panel")["removed_count"] == 3
        assert made.held() == []


def test_an_invented_study_does_not_ask_the_real_directory(tmp_path: Path) -> None:
    with scripted_pds() as pds:
        pds.raw["getProfiles"] = Response('{"profiles": []}', media_type="application/json")
        made = study(tmp_path, pds)
        toml = made.place.folder / "study.toml"
        toml.write_text(toml.read_text("utf-8").replace(f'plc = "{pds.url}"', ""), "utf-8")
        with pytest.raises(BadInput, match=r"platforms\.bluesky\.plc is not on this machine"):
            made.collect("panel")
