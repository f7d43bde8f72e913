"""Jetstream's v1 wire over real sockets: found out by asking, and honest about what it hides."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from connectors.jetstream import EventFilter, fetch_event_pages, parse_events
from connectors.jetstream_wire import COLLECTIONS
from schema.errors import SourceRefused, SourceUnavailable
from schema.pages import Coverage, RawPage
from tests.support.jetstream_script import (
    NOW,
    PROFILES,
    SINCE,
    WRITER,
    Close,
    Cut,
    Deny,
    Step,
    account,
    at,
    commit,
    event,
    frame,
    microseconds,
    query,
    record,
    scripted_jetstream,
    v1,
)

EVERYTHING = EventFilter(dids=frozenset({WRITER}))
V1 = ("v1",)
CLAMPED = "clamped without notice"


def passes(*urls: str, position: str | None = None, **more: Any) -> Iterator[RawPage]:
    options: dict[str, Any] = {
        "wanted": EVERYTHING,
        "idle_seconds": 0.05,
        "backoff_seconds": (0.01, 0.01),
    }
    return fetch_event_pages(urls, query(position), **options | more)


def keys(pages: Sequence[RawPage]) -> list[str]:
    natives = [post for page in pages for post in parse_events(page).posts["native_id"]]
    return [native.rpartition("/")[2] for native in natives]


def gaps(pages: Sequence[RawPage]) -> list[Coverage]:
    return [row for page in pages for row in page.covered if row.kind == "gap"]


def early(*more: Step) -> list[Step]:
    """Begin a script with an event from the study's first minute: the host has all since."""
    first = commit(0) | {"witnessedAt": (SINCE + timedelta(seconds=30)).isoformat()}
    return [v1(first), *more]


def posts(*seqs: int) -> list[Step]:
    return [v1(commit(seq)) for seq in seqs]


def test_a_host_that_knows_no_v2_is_asked_in_v1_s_words() -> None:
    with scripted_jetstream(early(*posts(1)), wires=V1) as host:
        pages = list(passes(host.url))
    assert keys(pages) == ["k0", "k1"]
    assert [path.rpartition("/")[2] for path in host.paths] == [
        "network.bsky.jetstream.getZstdDictionary",
        "network.bsky.jetstream.subscribeEvents",
        "subscribe",
    ]
    assert host.asked == [
        {"wantedCollections": list(COLLECTIONS), "cursor": [str(microseconds(SINCE))]}
    ]
    assert not gaps(pages)


@pytest.mark.parametrize(
    "refusal", [Deny(404), Deny(405), Deny(501, "MethodNotImplemented"), Deny(400, "NotFound")]
)
def test_every_way_of_not_knowing_v2_leads_to_v1(refusal: Deny) -> None:
    with scripted_jetstream([refusal], early(), wires=("v1", "v2")) as host:
        assert keys(list(passes(host.url))) == ["k0"]
    assert host.paths[-1] == "/subscribe"


@pytest.mark.parametrize("end", ["/subscribe", "/subscribe/"])
def test_an_address_that_names_v1_s_path_is_v1_at_once(end: str) -> None:
    with scripted_jetstream(early(), wires=("v1", "v2")) as host:
        url = host.url.removesuffix("/xrpc") + end
        assert keys(list(passes(url))) == ["k0"]
    assert host.paths == ["/subscribe"]


def test_a_host_that_speaks_neither_is_refused() -> None:
    with (
        scripted_jetstream(wires=()) as host,
        pytest.raises(SourceRefused, match="neither wire"),
    ):
        list(passes(host.url))


def test_a_v2_host_that_forgets_its_path_for_a_while_is_not_taken_for_v1() -> None:
    script = [frame(commit(1)), Close(1012)]
    with scripted_jetstream(script, [Deny(404)], [frame(commit(2))], wires=("v1", "v2")) as host:
        assert keys(list(passes(host.url))) == ["k1", "k2"]
    assert "/subscribe" not in host.paths


def test_both_wires_tell_the_same() -> None:
    payloads = [
        event("identity", 1, identity={"did": WRITER, "handle": "ola.invented.example"}),
        commit(2),
        commit(3, record=record("Über den Fluss 🙂", langs=["de"])),
        commit(4, "update", rkey="k2", record=record("second thoughts")),
        commit(5, "delete", rkey="k3"),
        commit(6, "update", collection=PROFILES, rkey="self", record={"displayName": "x"}),
        account(7, active=False, status="deactivated"),
        account(8, active=True),
        commit(9),
    ]
    with scripted_jetstream([frame(one) for one in payloads]) as host:
        second = [parse_events(page) for page in passes(host.url)]
    with scripted_jetstream([v1(one) for one in payloads], wires=V1) as host:
        first = [parse_events(page) for page in passes(host.url)]
    assert len(first) == len(second) > 1
    for one, other in zip(first, second, strict=True):
        assert one.posts.equals(other.posts)
        assert one.removals.equals(other.removals)
        assert one.set_aside == other.set_aside == ()


@pytest.mark.parametrize("end", [Close(1000), Close(1001), Close(1012), Cut()])
def test_a_lost_connection_is_dialled_again_a_few_seconds_back(end: Step) -> None:
    with scripted_jetstream(early(*posts(1, 2), end), posts(1, 2, 3), wires=V1) as host:
        pages = list(passes(host.url))
    assert keys(pages) == ["k0", "k1", "k2", "k3"]
    assert host.cursors[1] == microseconds(at(2)) - 5_000_000
    assert not gaps(pages)


def test_the_next_pass_goes_on_at_the_stored_time() -> None:
    with scripted_jetstream(early(*posts(1, 2)), posts(1, 2, 5), wires=V1) as host:
        first = list(passes(host.url))
        second = list(passes(host.url, position=first[-1].position))
    assert json.loads(first[-1].position or "")["seq"] == microseconds(at(2))
    assert host.cursors[1] == microseconds(at(2)) - 5_000_000
    assert keys(second) == ["k5"]
    assert not gaps(second)


def test_two_events_of_one_instant_are_two_after_a_crash_too() -> None:
    twin = commit(1, rkey="twin")
    with scripted_jetstream(early(*posts(1), v1(twin)), [*posts(1), v1(twin)], wires=V1) as host:
        first = next(passes(host.url, page_size=2))
        second = list(passes(host.url, position=first.position))
    assert (keys([first]), keys(second)) == (["k0", "k1"], ["twin"])


def test_a_cursor_that_was_moved_up_in_silence_leaves_a_gap_row() -> None:
    with scripted_jetstream(early(*posts(1)), posts(90, 91), wires=V1) as host:
        first = list(passes(host.url))
        second = list(passes(host.url, position=first[-1].position))
    assert keys(second) == ["k90", "k91"]
    assert gaps(second) == [Coverage(at(1), at(90), "gap", CLAMPED)]


def test_a_first_pass_that_reaches_further_back_than_the_host_leaves_a_gap_row() -> None:
    with scripted_jetstream(posts(1), wires=V1) as host:
        pages = list(passes(host.url))
    assert gaps(pages) == [Coverage(SINCE, at(1), "gap", CLAMPED)]


def test_a_silent_host_shows_nothing_of_what_it_holds() -> None:
    with scripted_jetstream([], wires=V1) as host:
        [page] = passes(host.url)
    assert page.covered == (Coverage(SINCE, NOW, "gap", CLAMPED),)


def test_another_host_is_asked_by_time_whichever_wire_it_speaks() -> None:
    with scripted_jetstream(early(*posts(100)), wires=V1) as one:
        first = list(passes(one.url))
    with scripted_jetstream([frame(commit(90)), frame(commit(101))]) as other:
        second = list(passes(other.url, position=first[-1].position))
    with scripted_jetstream(posts(101, 102), wires=V1) as one:
        third = list(passes(one.url, position=second[-1].position))
    assert keys(second) == ["k90", "k101"]
    assert keys(third) == ["k101", "k102"]
    assert (other.cursors, one.cursors) == (
        [microseconds(at(100)) - 60_000_000],
        [microseconds(at(101)) - 60_000_000],
    )
    assert not gaps([*second, *third])


def changed(**more: Any) -> str:
    return json.dumps(json.loads(v1(commit(2))) | more)


BAD: list[tuple[Callable[[], str], str]] = [
    (lambda: "{", "frame is no JSON"),
    (lambda: '["Ola Nordmann"]', "frame is no object"),
    (lambda: changed(kind="weather"), "kind of event was not asked for"),
    (lambda: changed(kind=["Ola"]), "kind of event was not asked for"),
    (lambda: changed(time_us="noon"), "event has no time"),
    (lambda: changed(time_us=10**18), "event has no time"),
    (lambda: changed(commit=None), "event does not say what happened"),
    (lambda: changed(did=5), "commit names no record"),
]


@pytest.mark.parametrize(("bad", "rule"), BAD, ids=[rule for _, rule in BAD])
def test_a_malformed_event_is_set_aside_and_passed(bad: Callable[[], str], rule: str) -> None:
    with scripted_jetstream(early(*posts(1), bad(), *posts(3)), wires=V1) as host:
        pages = list(passes(host.url))
    assert keys(pages) == ["k0", "k1", "k3"]
    [aside] = [row for page in pages for row in parse_events(page).set_aside]
    assert (aside.rule, aside.count) == (rule, 1)
    assert "Nordmann" not in aside.skeleton


@pytest.mark.parametrize(
    ("status", "kind"), [(400, SourceRefused), (403, SourceRefused), (503, SourceUnavailable)]
)
def test_a_refusal_says_whether_to_try_again(status: int, kind: type) -> None:
    with (
        scripted_jetstream(*[[Deny(status)]] * 3, wires=V1) as host,
        pytest.raises(kind, match="words"),
    ):
        list(passes(host.url))
    assert len(host.asked) == (1 if kind is SourceRefused else 3)
