"""Jetstream v2 over real sockets: order, cursors, gaps, and hosts that misbehave."""

import contextlib
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from time import monotonic
from typing import Any

import pytest
from atproto import JetstreamClient
from hypothesis import given
from hypothesis import strategies as st

from connectors import jetstream, jetstream_page
from connectors.jetstream import EventFilter, fetch_event_pages, parse_events
from connectors.jetstream_place import OVERLAP, Place, Renumbered
from connectors.jetstream_socket import Interrupted
from connectors.jetstream_wire import Event, Fault, read_frame
from schema.errors import BadInput, SourceRefused, SourceUnavailable, UnexpectedFailure
from schema.pages import Coverage, ParsedPage, RawPage
from tests.support.jetstream_script import (
    NOW,
    OTHER,
    SINCE,
    WRITER,
    Close,
    Cut,
    Deny,
    Do,
    Ping,
    Step,
    account,
    at,
    commit,
    error,
    event,
    frame,
    info,
    microseconds,
    query,
    record,
    scripted_jetstream,
    uri,
)
from tests.support.odd_json import JSON, dented

EVERYTHING = EventFilter(dids=frozenset({WRITER}))
HASTE = (0.01, 0.01)
LATER = "2026-02-02T00:00:00Z"


def passes(*urls: str, position: str | None = None, **more: Any) -> Iterator[RawPage]:
    options: dict[str, Any] = {"wanted": EVERYTHING, "idle_seconds": 0.05, "backoff_seconds": HASTE}
    return fetch_event_pages(urls, query(position), **options | more)


def read(pages: Sequence[RawPage]) -> list[str]:
    """Return the record keys of a pass's posts, in order, repeats included."""
    natives = [post for page in pages for post in parse_events(page).posts["native_id"]]
    return [native.rpartition("/")[2] for native in natives]


def position(pages: Sequence[RawPage]) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(pages[-1].position or "null")
    return stored


def gaps(pages: Sequence[RawPage]) -> list[Coverage]:
    return [row for page in pages for row in page.covered if row.kind == "gap"]


def seen(pages: Sequence[RawPage]) -> list[Coverage]:
    return [row for page in pages for row in page.covered if row.kind == "seen"]


def posts(*seqs: int) -> list[Step]:
    return [frame(commit(seq)) for seq in seqs]


def test_a_first_pass_asks_from_the_study_s_start_by_time() -> None:
    with scripted_jetstream(posts(1, 2)) as host:
        pages = list(passes(host.url))
    assert read(pages) == ["k1", "k2"]
    assert host.cursors == [int(SINCE.timestamp()) * 1_000_000]
    assert host.asked[0]["kinds"] == ["commit", "identity", "account"]
    assert "dids" not in host.asked[0]
    assert seen(pages) == [Coverage(SINCE, NOW)]


def test_the_next_pass_goes_on_at_the_number_and_drops_what_comes_twice() -> None:
    with scripted_jetstream(posts(1, 2), posts(2, 5)) as host:
        first = list(passes(host.url))
        second = list(passes(host.url, position=first[-1].position))
    assert read(second) == ["k5"]
    assert host.cursors[1] == 1
    assert position(second)["seq"] == 5


def test_a_reading_resumes_a_little_behind_where_it_stood() -> None:
    """A host keeps each account's events in order, so another's lower number may come late."""
    late = frame(commit(3990, did=OTHER))
    with scripted_jetstream(posts(3991, 4000), [late, *posts(3991, 4000, 4001)]) as host:
        wanted = EventFilter(dids=frozenset({WRITER, OTHER}))
        first = list(passes(host.url, wanted=wanted))
        second = list(passes(host.url, wanted=wanted, position=first[-1].position))
    assert read(second) == ["k3990", "k4001"]
    assert host.cursors[1] == 3000
    assert not gaps(second)
    assert position(second)["seq"] == 4001


@pytest.mark.parametrize("end", [Close(1000), Close(1001), Close(1012), Cut()])
def test_a_lost_connection_is_dialled_again_where_it_broke_off(end: Step) -> None:
    with scripted_jetstream([*posts(1, 2), end], posts(2, 3)) as host:
        pages = list(passes(host.url))
    assert read(pages) == ["k1", "k2", "k3"]
    assert host.cursors[1] == 1
    assert not gaps(pages)


def test_a_consumer_too_slow_comes_back_loses_nothing_and_is_told_of() -> None:
    script = [*posts(1), error("ConsumerTooSlow"), Close(1008)]
    with scripted_jetstream(script, posts(1, 2)) as host:
        pages = list(passes(host.url))
    assert read(pages) == ["k1", "k2"]
    assert [page.notes["line lost: ConsumerTooSlow"] for page in pages] == [1]


def by_time(seq: int) -> int:
    """Tell how a host is asked by time that has to reach back behind an event."""
    return microseconds(at(seq) - OVERLAP)


def test_a_cursor_too_old_leaves_a_gap_row_and_goes_on_by_time() -> None:
    with scripted_jetstream(
        posts(1), [Deny(400, "CursorTooOld")], [info("OutdatedCursor"), *posts(90)]
    ) as host:
        first = list(passes(host.url))
        pages = list(passes(host.url, position=first[-1].position))
    assert read(pages) == ["k90"]
    assert gaps(pages) == [Coverage(at(1), at(90), "gap", "OutdatedCursor")]
    assert host.cursors[1:] == [1, by_time(1)]


def test_a_number_too_old_that_can_be_read_by_time_is_no_gap() -> None:
    with scripted_jetstream(posts(1), [Deny(400, "CursorTooOld")], posts(1, 90)) as host:
        first = list(passes(host.url))
        pages = list(passes(host.url, position=first[-1].position))
    assert read(pages) == ["k1", "k90"]
    assert not gaps(pages)


def test_a_gap_begins_where_the_last_event_stood_and_what_came_before_is_seen() -> None:
    script = [*posts(1, 5), Cut()]
    with scripted_jetstream(script, [info("OutdatedCursor"), *posts(90)]) as host:
        pages = list(passes(host.url))
    assert [row for page in pages for row in page.covered] == [
        Coverage(SINCE, at(5)),
        Coverage(at(5), at(90), "gap", "OutdatedCursor"),
        Coverage(at(90), NOW),
    ]


def test_a_gap_with_nothing_behind_it_reaches_to_now() -> None:
    stored = '{"host": "gone", "seq": 1, "witnessed_at": "2026-02-01T12:00:01.000000Z"}'
    with scripted_jetstream([info("OutdatedCursor")]) as host:
        [page] = passes(host.url, position=stored)
    assert page.covered == (Coverage(at(1), NOW, "gap", "OutdatedCursor"),)
    assert position([page]) == json.loads(stored)


def test_a_host_that_knows_no_cursor_at_all_is_read_from_its_tip() -> None:
    too_old = [Deny(400, "CursorTooOld")]
    with scripted_jetstream(too_old, too_old, posts(7)) as host:
        pages = list(passes(host.url))
    assert host.cursors[2] is None
    assert gaps(pages) == [Coverage(SINCE, at(7), "gap", "CursorTooOld")]


BEHIND_US = ([info("FutureCursor"), *posts(520)], [frame(commit(3) | {"witnessedAt": LATER})])


@pytest.mark.parametrize("tip", BEHIND_US, ids=["it says so", "its numbers say so"])
def test_a_host_that_counts_anew_is_read_again_by_time(tip: list[Step]) -> None:
    """What it called 500 it calls 1, and what is new 2: nothing is lost, nothing comes twice."""
    again = [as_seq(commit(500), 1), as_seq(commit(510), 2), as_seq(commit(530), 3)]
    with scripted_jetstream(posts(500), tip, [frame(one) for one in again]) as host:
        first = list(passes(host.url))
        pages = list(passes(host.url, position=first[-1].position))
    assert read(pages)[-2:] == ["k510", "k530"]
    assert host.cursors[1:] == [1, by_time(500)]
    assert not gaps(pages)
    assert position(pages)["seq"] == 3


def test_a_number_that_means_something_later_at_another_server_of_the_name_is_noticed() -> None:
    """Servers behind one name count differently: what lies between is read by time."""
    elsewhere = [as_seq(commit(9_000), 450), as_seq(commit(9_001), 501)]
    again = [as_seq(commit(500), 90), as_seq(commit(4_000), 300), *elsewhere]
    scripts = (posts(500), [frame(one) for one in elsewhere], [frame(one) for one in again])
    with scripted_jetstream(*scripts) as host:
        first = list(passes(host.url))
        pages = list(passes(host.url, position=first[-1].position))
    assert read(pages) == ["k500", "k4000", "k9000", "k9001"]
    assert host.cursors[2] == by_time(500)
    assert not gaps(pages)
    assert pages[-1].notes["line lost: numbers do not fit"] == 1


def test_what_a_host_that_counts_anew_no_longer_has_is_a_gap() -> None:
    again = [info("OutdatedCursor"), frame(as_seq(commit(530), 1))]
    with scripted_jetstream(posts(500), [info("FutureCursor")], again) as host:
        first = list(passes(host.url))
        pages = list(passes(host.url, position=first[-1].position))
    assert read(pages) == ["k530"]
    assert gaps(pages) == [Coverage(at(500), at(530), "gap", "OutdatedCursor")]


def test_a_host_whose_clock_is_behind_ours_misses_nothing() -> None:
    with scripted_jetstream(posts(500)) as one:
        first = list(passes(one.url))
    with scripted_jetstream([info("FutureCursor"), *posts(440, 510)]) as other:
        pages = list(passes(other.url, position=first[-1].position))
    assert other.cursors == [by_time(500)]
    assert read(pages) == ["k440", "k510"]
    assert not gaps(pages)


def as_seq(payload: dict[str, Any], seq: int) -> dict[str, Any]:
    return payload | {"seq": seq}


def test_another_host_is_asked_by_time_with_an_overlap() -> None:
    with scripted_jetstream(posts(100)) as one:
        first = list(passes(one.url))
    with scripted_jetstream(posts(3, 4)) as other:
        pages = list(passes(other.url, position=first[-1].position))
    assert other.cursors == [by_time(100)]
    assert read(pages) == ["k3", "k4"]
    assert not gaps(pages)
    assert position(pages)["seq"] == 4


def test_where_one_host_is_down_the_next_one_answers() -> None:
    with scripted_jetstream([Deny(503)]) as down, scripted_jetstream(posts(1)) as up:
        pages = list(passes(down.url, up.url))
    assert read(pages) == ["k1"]
    assert position(pages)["host"] in up.url


def test_the_host_that_was_read_last_is_asked_first() -> None:
    with scripted_jetstream() as one, scripted_jetstream(posts(1), posts(1, 2)) as other:
        first = list(passes(other.url))
        pages = list(passes(one.url, other.url, position=first[-1].position))
    assert read(pages) == ["k2"]
    assert one.asked == []


def test_what_was_read_before_hosts_fail_for_good_is_handed_over() -> None:
    pages: list[RawPage] = []
    with (
        scripted_jetstream([*posts(1, 2), Cut()]) as host,
        pytest.raises(SourceUnavailable, match="words: Jetstream failed 3 times running"),
    ):
        pages.extend(passes(host.url))
    assert read(pages) == ["k1", "k2"]
    assert seen(pages) == [Coverage(SINCE, at(2))]
    assert position(pages)["seq"] == 2


@pytest.mark.parametrize(
    ("status", "told", "kind"),
    [
        (400, "InvalidRequest", SourceRefused),
        (401, "AuthMissing", SourceRefused),
        (429, "RateLimitExceeded", SourceUnavailable),
        (503, "", SourceUnavailable),
    ],
)
def test_a_refusal_says_whether_to_try_again(status: int, told: str, kind: type) -> None:
    with (
        scripted_jetstream(*[[Deny(status, told)]] * 3) as host,
        pytest.raises(kind, match="words"),
    ):
        list(passes(host.url))
    assert len(host.asked) == (1 if kind is SourceRefused else 3)


def test_a_host_that_refuses_us_does_not_keep_us_from_the_next() -> None:
    with scripted_jetstream([Deny(403, "Blocked")]) as one, scripted_jetstream(posts(1)) as other:
        pages = list(passes(one.url, other.url))
    assert read(pages) == ["k1"]
    assert pages[0].notes["host refused"] == 1


def test_a_host_is_left_alone_for_as_long_as_it_asks() -> None:
    with scripted_jetstream([Deny(429, "RateLimitExceeded", "1")], posts(1)) as host:
        pages = list(passes(host.url))
    assert read(pages) == ["k1"]
    assert 1.0 <= host.arrived[1] - host.arrived[0] < 3.0


def test_a_host_that_wants_to_be_left_alone_for_long_is_not_waited_for() -> None:
    with (
        scripted_jetstream([Deny(503, "", "3600")]) as host,
        pytest.raises(SourceUnavailable, match="run again in 3600 seconds"),
    ):
        list(passes(host.url))
    assert len(host.asked) == 1


def test_no_host_at_all_is_the_study_s_fault() -> None:
    with pytest.raises(BadInput, match="no Jetstream host"):
        list(passes())
    with pytest.raises(SourceRefused, match="wss://"):
        list(passes("gopher://invented.example"))


def test_a_host_that_nobody_listens_at_is_unavailable() -> None:
    with scripted_jetstream() as host:
        pass
    with pytest.raises(SourceUnavailable, match="ConnectionRefusedError"):
        list(passes(host.url))


BAD_FRAMES = [
    (b"\xff\xfe", "frame is no JSON"),
    (frame(event("weather", 2, text="Ola Nordmann")), "kind of event was not asked for"),
    (frame(event("sync", 2)), "kind of event was not asked for"),
    (frame({"$type": ["Ola Nordmann"]}), "kind of event was not asked for"),
    ("{", "frame is no JSON"),
    ('["Ola Nordmann"]', "frame is no object"),
    ('{"$type": "postcard"}', "frame is no message"),
    (frame(commit(2) | {"seq": "2"}), "event has no sequence number"),
    (frame(commit(2) | {"time": None, "witnessedAt": "noon"}), "event has no time"),
    (frame(commit(2, rkey=None)), "commit names no record"),
    (frame(commit(2, did="Ola Nordmann")), "commit names no record"),
    (frame(commit(2, operation="shred")), "commit's operation is unknown"),
    (frame(commit(2, record="Ola Nordmann")), "record is missing or no object"),
    (frame(commit(2, record={"text": 5, "createdAt": ""})), "text is missing or no string"),
    (frame(account(2)), "account event does not say whether it is active"),
    (frame(event("account", 2)), "account event names no account"),
]


@pytest.mark.parametrize(("bad", "rule"), BAD_FRAMES, ids=[rule for _, rule in BAD_FRAMES])
def test_a_malformed_frame_is_set_aside_and_passed(bad: str | bytes, rule: str) -> None:
    with scripted_jetstream([*posts(1), bad, *posts(3)]) as host:
        pages = list(passes(host.url))
    assert read(pages) == ["k1", "k3"]
    [aside] = [row for page in pages for row in parse_events(page).set_aside]
    assert (aside.rule, aside.count) == (rule, 1)
    assert "Nordmann" not in aside.skeleton
    assert isinstance(json.loads(aside.skeleton), dict | str)


@given(JSON | dented(commit(1)), st.sampled_from(["message", "error", "postcard"]))
def test_no_frame_whatever_ends_a_pass(payload: object, kind: str) -> None:
    page = jetstream_page.Filling(query(), EVERYTHING, 9, lambda: NOW, Place())
    with contextlib.suppress(Interrupted, Renumbered):
        found = read_frame(json.dumps({"$type": kind, "payload": payload}).encode())
        if isinstance(found, Event):
            page.take(found, "host")
        elif isinstance(found, Fault):
            page.put_aside(found)
    handed = page.hand_over(NOW)
    assert handed is not None
    parse_events(handed)


def test_an_event_from_after_the_pass_began_is_left_for_the_next() -> None:
    late = commit(2) | {"witnessedAt": "2026-03-01T00:00:00.000001Z"}
    with scripted_jetstream([*posts(1), frame(late), *posts(3)]) as host:
        pages = list(passes(host.url, idle_seconds=60.0))
    assert read(pages) == ["k1"]
    assert position(pages)["seq"] == 1


def test_pages_end_at_their_size_and_each_carries_its_own_position() -> None:
    with scripted_jetstream(posts(*range(1, 8))) as host:
        pages = list(passes(host.url, page_size=3))
    assert [len(page.items) for page in pages] == [3, 3, 1]
    assert [json.loads(page.position or "")["seq"] for page in pages] == [3, 6, 7]
    assert seen(pages) == [
        Coverage(SINCE, at(3)),
        Coverage(at(3), at(6)),
        Coverage(at(6), NOW),
    ]


def test_a_page_of_nothing_wanted_still_moves_the_position() -> None:
    nobody = EventFilter(keywords=("umbrella",))
    with (
        scripted_jetstream(posts(*range(1, 100))) as host,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(jetstream_page, "SCAN_PAGES", 40)
        pages = list(passes(host.url, wanted=nobody, page_size=1))
    assert [len(page.items) for page in pages] == [0, 0, 0]
    assert [page.scanned_count for page in pages] == [40, 40, 19]
    assert position(pages)["seq"] == 99


def test_a_run_without_end_stops_when_told_and_hands_over_what_it_has() -> None:
    stop = threading.Event()
    with scripted_jetstream([*posts(1, 2), Do(stop.set)]) as host:
        pages = list(passes(host.url, idle_seconds=None, stop=stop))
    keys = read(pages)
    assert keys == ["k1", "k2"][: len(keys)]  # it may be told between the two
    assert seen(pages) == ([Coverage(SINCE, at(len(keys)))] if keys else [])


def test_a_run_without_end_stores_a_page_that_is_not_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jetstream_page, "FLUSH_SECONDS", 0.0)
    stop = threading.Event()
    with scripted_jetstream(posts(1)) as host:
        pages = passes(host.url, idle_seconds=None, stop=stop, clock=lambda: at(9))
        page = next(pages)
        stop.set()
        assert list(pages) == []
    assert read([page]) == ["k1"]
    assert page.observed_at == at(9)


def test_a_stream_where_nothing_is_wanted_moves_on_at_intervals_and_holds_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jetstream_page, "FLUSH_SECONDS", 0.0)
    nobody, stop = EventFilter(keywords=("umbrella",)), threading.Event()
    steps: list[Step] = []
    for seq in range(1, 6):
        steps += [*posts(*range(seq * 10, seq * 10 + 5)), Ping()]
    with scripted_jetstream([*steps, Do(stop.set)]) as host:
        pages = list(
            passes(host.url, wanted=nobody, idle_seconds=None, stop=stop, clock=lambda: NOW)
        )
    assert len(pages) > 1
    assert all(page.items == () for page in pages)
    assert all(len(page.covered) == 1 for page in pages)
    ends = [(row.from_at, row.to_at) for page in pages for row in page.covered]
    assert [begin for begin, _ in ends[1:]] == [end for _, end in ends[:-1]]
    assert position(pages)["seq"] >= 10


def test_a_stop_ends_a_quiet_reading_at_once() -> None:
    stop = threading.Event()
    with scripted_jetstream(posts(1)) as host:
        timer = threading.Timer(0.2, stop.set)
        timer.start()
        began = monotonic()
        pages = list(passes(host.url, idle_seconds=None, stop=stop, clock=lambda: NOW))
        took = monotonic() - began
        timer.join()
    assert read(pages) == ["k1"]
    assert took < 2.0  # about a second, on a busy machine too


def test_a_stop_ends_a_wait_for_a_host_at_once() -> None:
    stop = threading.Event()
    with scripted_jetstream([Deny(503, "", "60")]) as host:
        timer = threading.Timer(0.2, stop.set)
        timer.start()
        began = monotonic()
        [page] = passes(host.url, idle_seconds=None, stop=stop)
        assert (page.items, page.position) == ((), None)
        assert page.notes["line lost: 503 unnamed"] == 1  # which is told though nothing was read
        timer.join()
    assert monotonic() - began < 2.0


def test_a_page_ends_before_a_second_word_about_what_it_holds() -> None:
    """Wherever pages end, each wording and each removal is stored as one."""
    told = [
        commit(1),
        commit(2, did=OTHER),
        commit(3, "update", rkey="k1"),
        commit(4, "delete", rkey="k1"),
        account(5, did=OTHER, active=True),
        account(6, active=False, status="deactivated"),
        account(7, active=False, status="deactivated"),
        account(8, active=True),
        commit(9),
    ]
    wanted = EventFilter(dids=frozenset({WRITER, OTHER}))
    with scripted_jetstream([frame(one) for one in told]) as host:
        pages = list(passes(host.url, wanted=wanted))
    assert [[item["seq"] for item in page.items] for page in pages] == [
        [1, 2],
        [3],
        [4, 5, 6, 7],
        [8, 9],
    ]


def test_a_stored_position_that_is_none_of_ours_is_a_fault_of_ours() -> None:
    for stored in ("{", "[]", '{"host": "h", "seq": 1}', '{"host":"h","seq":1,"witnessed_at":"x"}'):
        with pytest.raises(UnexpectedFailure, match="position cannot be read"):
            list(passes("ws://127.0.0.1:1", position=stored))


def test_a_page_s_repr_shows_no_person() -> None:
    with scripted_jetstream(posts(1)) as host:
        [page] = passes(host.url)
    assert WRITER not in repr(page) + repr(parse_events(page)) + repr(EVERYTHING)


def test_the_library_s_own_log_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), scripted_jetstream(posts(1), [Deny(500)]) as host:
        before = threading.get_ident()
        list(passes(host.url))
    ours = [record.getMessage() for record in caplog.records if record.thread == before]
    assert not [line for line in ours if WRITER in line]
    assert not [r for r in caplog.records if r.name == "websockets.client"]


def test_replies_to_what_the_study_keeps_pass_and_so_do_their_replies_in_the_page() -> None:
    def reply(seq: int, parent: str, root: str) -> str:
        ends = {"root": {"uri": root, "cid": "x"}, "parent": {"uri": parent, "cid": "x"}}
        body = {"text": "same here", "createdAt": "2026-02-01T11:59:00Z", "reply": ends}
        return frame(commit(seq, record=body))

    held, strange = uri("held"), uri("strange")
    script = [
        reply(1, held, held),
        reply(2, strange, strange),
        reply(3, uri("k1"), uri("unknown")),
        reply(4, strange, held),
    ]
    wanted = EventFilter(keywords=("umbrella",), reply_to=frozenset({held}))
    with scripted_jetstream(script) as host:
        assert read(list(passes(host.url, wanted=wanted))) == ["k1", "k3", "k4"]


def test_replies_are_not_followed_unless_asked_for() -> None:
    ends = {"root": {"uri": uri("k1")}, "parent": {"uri": uri("k1")}}
    body = {"text": "an umbrella", "createdAt": "2026-02-01T11:59:00Z"}
    reply = commit(2, record=body | {"text": "same here", "reply": ends})
    script = [frame(commit(1, record=body)), frame(reply)]
    for reply_to, expected in ((None, ["k1"]), (frozenset[str](), ["k1", "k2"])):
        wanted = EventFilter(keywords=("umbrella",), reply_to=reply_to)
        with scripted_jetstream(script) as host:
            assert read(list(passes(host.url, wanted=wanted))) == expected


@pytest.mark.parametrize(
    ("keyword", "text", "is_kept"),
    [
        ("tired", "so TIRED, today", True),
        ("tired", "retired", False),
        ("tired", "#tired", True),
        ("can't sleep", "I can\N{RIGHT SINGLE QUOTATION MARK}t\n  sleep at all", True),
        ("can't sleep", "can't  even sleep", False),
        ("müde", "so mu\N{COMBINING DIAERESIS}de", True),
        ("\N{FULLWIDTH LATIN CAPITAL LETTER W}IDE", "a wide road", True),
        ("Straße", "auf der STRASSE", True),
        ("c++", "I write c++ at night", True),
        ("a.b", "axb", False),
        ("  ", "anything", False),
    ],
)
def test_keywords_are_whole_words_whatever_their_case_and_spelling(
    keyword: str, text: str, is_kept: bool
) -> None:
    wanted = EventFilter(keywords=(keyword,))
    assert wanted.lets_through(uri("k1"), WRITER, {"text": text}) is is_kept


def test_what_the_caller_stored_meanwhile_counts_as_kept() -> None:
    held: set[str] = set()
    ends = {"root": {"uri": uri("k1")}, "parent": {"uri": uri("k1")}}
    body = {"text": "same here", "createdAt": "2026-02-01T11:59:00Z", "reply": ends}
    first = commit(1, record=body | {"text": "an umbrella", "reply": None})
    script = [frame(first), frame(commit(2, record=body))]
    wanted = EventFilter(keywords=("umbrella",), reply_to=held)
    keys: list[str] = []
    with scripted_jetstream(script) as host:
        for page in passes(host.url, wanted=wanted, page_size=1):
            keys += read([page])
            held |= set(parse_events(page).posts["native_id"])
    assert keys == ["k1", "k2"]


def test_an_edit_of_a_kept_post_passes_whatever_it_says_now() -> None:
    edit = commit(5, "update", rkey="held")
    wanted = EventFilter(keywords=("umbrella",), reply_to=frozenset({uri("held")}))
    with scripted_jetstream([frame(edit)]) as host:
        [page] = passes(host.url, wanted=wanted)
    row = parse_events(page).posts.row(0, named=True)
    assert row["is_edited"]
    assert row["edited_at"] == row["indexed_at"] == at(5)


def test_the_sdk_s_own_client_moves_its_cursor_before_the_event_is_handled() -> None:
    """The reason for going beneath it: a failed write would be skipped for good."""
    cursors: list[int | None] = []
    failures: list[BaseException] = []
    with scripted_jetstream([*posts(1, 2), Close(1000)]) as host:
        client = JetstreamClient({}, base_uri=host.url, recv_timeout=5, compress=False)

        def store(_: object) -> None:
            cursors.append(client.cursor)
            raise OSError("the disk is full")

        client.start(store, failures.append)  # a close that is no fault ends it, too
    assert cursors == [1, 2]
    assert [str(failure) for failure in failures] == ["the disk is full"] * 2
    assert client.cursor == 2


def test_the_sdk_s_own_client_drops_what_a_host_that_counts_anew_sends() -> None:
    heard: list[int] = []
    with scripted_jetstream([*posts(500, 3, 4, 501), Close(1000)]) as host:
        client = JetstreamClient({}, base_uri=host.url, recv_timeout=5, compress=False)
        client.start(lambda message: heard.append(message.seq))  # type: ignore[union-attr]
    assert heard == [500, 501]


def parsed(*events: dict[str, Any]) -> ParsedPage:
    return parse_events(
        RawPage("bluesky", "words", "words", "network", NOW, tuple(events), requests_count=1)
    )


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("takendown", "takendown"),
        ("suspended", "suspended"),
        ("deactivated", "deactivated"),
        ("desynchronized", "inactive"),
        ("throttled", "inactive"),
        ("of a later protocol", "inactive"),
        (["no", "string"], "inactive"),
        (None, "inactive"),
    ],
)
def test_an_account_that_closes_is_hidden_with_all_it_wrote(given: Any, status: str) -> None:
    found = parsed(commit(1), account(2, active=False, status=given))
    assert found.removals.is_empty()
    assert found.posts["native_id"].to_list() == [uri("k1")]  # it comes back with the account
    [row] = found.accounts.rows(named=True)
    assert (row["author"], row["status"], row["told_by"]) == (WRITER, status, "event")
    assert row["observed_at"] == at(2)


def test_an_account_that_is_deleted_is_a_removal_of_all_it_wrote() -> None:
    found = parsed(commit(1), account(2, active=False, status="deleted"))
    assert found.posts.is_empty()
    [row] = found.removals.rows(named=True)
    told = (row["author"], row["native_id"], row["reason"])
    assert told == (WRITER, None, "account_deleted")


def test_an_account_that_opens_again_removes_nothing_and_its_new_posts_count() -> None:
    found = parsed(
        account(1, active=False, status="deactivated"), account(2, active=True), commit(3)
    )
    assert found.removals.is_empty()
    assert found.accounts["status"].to_list() == ["deactivated", "active"]
    assert found.posts["native_id"].to_list() == [uri("k3")]


def test_an_account_that_only_falls_behind_stays_in_sight() -> None:
    found = parsed(account(1, active=True, status="desynchronized"))
    assert found.accounts["status"].to_list() == ["active"]


def test_a_post_told_again_after_its_end_stays_deleted() -> None:
    again = commit(5, rkey="k1", rev="r1")
    anew = commit(6, rkey="k2", rev="r6")
    found = parsed(
        commit(1),
        commit(2),
        commit(3, "delete", rkey="k1"),
        commit(4, "delete", rkey="k2"),
        again,
        anew,
    )
    assert found.posts["native_id"].to_list() == [uri("k2")]  # its author wrote it once more


def test_a_post_deleted_in_the_same_page_is_a_removal_alone() -> None:
    found = parsed(commit(1), commit(2, "delete", rkey="k1"), commit(3, "delete", rkey="k1"))
    assert found.posts.is_empty()
    [row] = found.removals.rows(named=True)
    assert (row["native_id"], row["reason"]) == (uri("k1"), "deleted_by_author")
    assert row["observed_at"] == NOW


def test_of_two_wordings_in_a_page_the_later_one_stands() -> None:
    later = {"text": "second thoughts", "createdAt": "2026-02-01T11:59:00Z"}
    found = parsed(commit(1), commit(2, "update", rkey="k1", record=later))
    assert found.posts["text"].to_list() == ["second thoughts"]


def test_a_profile_that_asks_for_signed_in_readers_takes_its_posts_out() -> None:
    labels = {"$type": "x#selfLabels", "values": [{"val": "!no-unauthenticated"}]}
    profile = {"collection": "app.bsky.actor.profile", "rkey": "self"}
    found = parsed(
        commit(1),
        commit(2, "update", record={"labels": labels}, **profile),
        commit(3, "delete", **profile),
    )
    assert found.posts.is_empty()
    assert found.removals["reason"].to_list() == ["outside_policy"]


def declared(seq: int, operation: str = "create", **wishes: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"collection": "org.user-intents.declaration", "rkey": "self"}
    if operation != "delete":
        body["record"] = {"updatedAt": "2026-01-20T10:00:00Z"} | wishes
    return (
        commit(seq, operation, **body)
        if operation != "delete"
        else event("commit", seq, operation=operation, rev=f"r{seq}", **body)
    )


def test_a_declaration_says_what_an_account_wishes_and_what_it_leaves_open() -> None:
    found = parsed(
        declared(
            1,
            bulkDataset={"allow": False, "updatedAt": "2026-01-19T10:00:00Z"},
            syntheticContentGeneration={"allow": True},
            publicAccessArchive={"allow": "yes"},
            protocolBridging=["odd"],
        )
    )
    told = {row["wish"]: (row["value"], row["declared_at"]) for row in found.wishes.to_dicts()}
    stated = datetime(2026, 1, 20, 10, tzinfo=UTC)
    assert told == {
        "bulkDataset": ("disallow", datetime(2026, 1, 19, 10, tzinfo=UTC)),
        "syntheticContentGeneration": ("allow", stated),
        "publicAccessArchive": ("undeclared", stated),
        "protocolBridging": ("undeclared", stated),
    }
    taken_back = parsed(declared(1, bulkDataset={"allow": True}), declared(2, "delete"))
    assert taken_back.wishes["value"].to_list()[-4:] == ["undeclared"] * 4


def test_what_accounts_declare_passes_every_filter() -> None:
    script = [frame(declared(1, bulkDataset={"allow": True})), frame(account(2, active=True))]
    with scripted_jetstream(script) as host:
        pages = list(passes(host.url, wanted=EventFilter(keywords=("umbrella",))))
    found = [parse_events(page) for page in pages]
    assert sum(one.wishes.height for one in found) == 4
    assert [status for one in found for status in one.accounts["status"]] == ["active"]
    assert "org.user-intents.declaration" in host.asked[0]["collections"]


def test_self_labels_are_kept_by_their_known_values_alone() -> None:
    values = [{"val": "porn"}, {"val": "Ola N."}, {"val": "spam", "neg": True}]
    labels = {"$type": "com.atproto.label.defs#selfLabels", "values": values}
    found = parsed(commit(1, record=record() | {"labels": labels}))
    assert found.labels.select("native_id", "label", "is_self").rows() == [
        (uri("k1"), "other", True),
        (uri("k1"), "porn", True),
    ]


def test_a_profile_view_tells_the_author_s_names_and_wish() -> None:
    view = {
        "did": WRITER,
        "handle": "ola.invented.example",
        "displayName": "Ola N.",
        "labels": [{"val": "!no-unauthenticated", "src": WRITER}],
    }
    page = RawPage("bluesky", "words", "words", "network", NOW, (commit(1),))
    assert jetstream.post_authors(page) == [WRITER]
    row = parse_events(page, profiles={WRITER: view}).posts.row(0, named=True)
    assert row["author_names"] == ["ola.invented.example", "Ola N."]
    assert not row["is_visible_logged_out"]
