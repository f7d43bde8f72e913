"""The demo's Jetstream: the atproto SDK takes every event, a bare socket sees the wire's rules."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import zstandard
from atproto import JetstreamClient
from atproto_jetstream.models import parse_frame, parse_subscribe_events_message
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from demo.bluesky_server import bluesky_app
from demo.community import invent
from demo.faults import Fault, Faults
from demo.history import end, status
from demo.ids import microseconds
from demo.model import Community, Person
from demo.serve import serving

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SUBSCRIBE = "/xrpc/network.bsky.jetstream.subscribeEvents"
POSTS = "collections=app.bsky.feed.post&kinds=commit&kinds=account&kinds=identity"
WIRE = Subprotocol("xrpc.v1.json")
QUIET = 1.0


@pytest.fixture(scope="module")
def community() -> Community:
    return invent(1)


@pytest.fixture(scope="module")
def url(community: Community) -> Iterator[str]:
    with serving(bluesky_app(community, lambda: NOW)) as base_url:
        yield base_url


def skyfolk(community: Community, state: str = "active") -> list[Person]:
    return [
        person
        for person in community.people
        if person.platform == "bluesky" and status(person, NOW) == state
    ]


@contextmanager
def listening(url: str, query: str) -> Iterator[ClientConnection]:
    address = f"{url.replace('http', 'ws')}{SUBSCRIBE}?{query}"
    with connect(address, subprotocols=[WIRE], compression=None) as socket:
        yield socket


def heard(socket: ClientConnection) -> list[dict[str, Any]]:
    """Listen until the stream is quiet."""
    frames: list[dict[str, Any]] = []
    while True:
        try:
            frames.append(json.loads(socket.recv(timeout=QUIET)))
        except TimeoutError:
            return frames


def replay(url: str, query: str) -> list[dict[str, Any]]:
    with listening(url, query) as socket:
        assert socket.subprotocol == WIRE
        return [frame["payload"] for frame in heard(socket)]


def test_the_whole_history_is_replayed_and_the_sdk_takes_every_event(
    community: Community, url: str
) -> None:
    with listening(url, "cursor=1") as socket:
        frames = heard(socket)
    for frame in frames:
        parse_subscribe_events_message(parse_frame(json.dumps(frame)))
    events = [frame["payload"] for frame in frames]
    seqs = [event["seq"] for event in events]
    assert seqs == sorted(set(seqs))
    assert len(seqs) < seqs[-1] - seqs[0]  # gaps
    kinds = Counter(
        (event["$type"].split("#")[1], event.get("operation"), event.get("collection"))
        for event in events
    )
    post = "app.bsky.feed.post"
    left = {person.native_id for person in skyfolk(community, "deleted")}
    posted = [one for one in community.posts if one.kind == "post" and one.created_at <= NOW]
    assert kinds["commit", "create", post] == sum(
        one.author.native_id not in left for one in posted
    )
    assert kinds["commit", "update", post] > 0
    assert kinds["commit", "delete", post] == sum(
        bool((gone := end(one, NOW)) and gone.fate == "deleted_by_author") for one in posted
    )
    assert kinds["commit", "create", "app.bsky.feed.like"] > 1_000
    assert kinds["identity", None, None] == 1
    assert kinds["account", None, None] == 6
    assert not any(event["did"] in left for event in events if event["$type"].endswith("#commit"))


def test_malformed_records_travel_on_the_stream(community: Community, url: str) -> None:
    events = replay(url, f"cursor=1&{POSTS}")
    records = [event["record"] for event in events if "record" in event]
    assert sum(not isinstance(record.get("text"), str) for record in records) == 2
    assert sum(record.get("createdAt") in (None, "garbage") for record in records) == 2


def test_a_cursor_is_inclusive_and_the_same_after_a_restart(community: Community, url: str) -> None:
    events = replay(url, f"cursor=1&{POSTS}")
    middle = events[len(events) // 2]["seq"]
    with serving(bluesky_app(community, lambda: NOW)) as restarted:
        assert replay(restarted, f"cursor={middle}&{POSTS}") == events[len(events) // 2 :]


def test_a_cursor_may_be_a_time_in_microseconds(community: Community, url: str) -> None:
    since = NOW - timedelta(days=2)
    events = replay(url, f"cursor={microseconds(since)}&{POSTS}")
    assert events
    assert all(datetime.fromisoformat(event["witnessedAt"]) >= since for event in events)
    assert events == [
        event
        for event in replay(url, f"cursor=1&{POSTS}")
        if datetime.fromisoformat(event["witnessedAt"]) >= since
    ]


def test_filters_by_kind_author_and_collection_hold(community: Community, url: str) -> None:
    did = max(
        skyfolk(community), key=lambda one: len(community.by_author.get(one.native_id, ()))
    ).native_id
    events = replay(url, f"cursor=1&dids={did}")
    assert {event["did"] for event in events} == {did}
    events = replay(url, "cursor=1&kinds=account")
    assert {event["$type"].split("#")[1] for event in events} == {"account"}
    events = replay(url, "cursor=1&collections=app.bsky.actor.*&kinds=commit")
    assert {event["collection"] for event in events} == {"app.bsky.actor.profile"}


@pytest.mark.parametrize(
    "query",
    [
        "kinds=gossip",
        "wantedCollections=app.bsky.feed.post",
        "collections=app.bsky.feed.post&kinds=account",
        "cursor=yesterday",
        "zstdDictionary=1",
    ],
)
def test_bad_subscriptions_are_denied(url: str, query: str) -> None:
    with pytest.raises(InvalidStatus) as caught, listening(url, query):
        pass
    assert caught.value.response.status_code == 400


def test_the_sdk_reads_compressed_frames_and_they_are_the_plain_ones(
    community: Community, url: str
) -> None:
    plain = [event["seq"] for event in replay(url, "cursor=1&kinds=account&kinds=identity")]
    heard: list[int] = []
    client = JetstreamClient(
        {"cursor": 1, "kinds": ["account", "identity"]},
        base_uri=f"{url.replace('http', 'ws')}/xrpc",
        recv_timeout=30,
    )

    def hear(message: Any) -> None:
        assert client.compressed
        heard.append(message.seq)
        if len(heard) == len(plain):
            client.stop()

    client.start(hear)
    assert client._xrpc_client is not None
    client._xrpc_client.request.close()
    assert heard == plain


def test_compressed_frames_are_the_plain_ones_and_smaller(url: str) -> None:
    answer = httpx.get(f"{url}/xrpc/network.bsky.jetstream.getZstdDictionary")
    dictionary = zstandard.ZstdCompressionDict(answer.content)
    packed = f"cursor=1&{POSTS}&zstdDictionary={dictionary.dict_id()}"
    raw: list[bytes] = []
    with listening(url, packed) as socket, suppress(TimeoutError):
        while True:
            raw.append(socket.recv(timeout=QUIET, decode=False))
    unpacker = zstandard.ZstdDecompressor(dict_data=dictionary)
    told = [unpacker.decompress(frame) for frame in raw]
    plain = replay(url, f"cursor=1&{POSTS}")
    assert [json.loads(frame)["payload"] for frame in told] == plain
    assert sum(map(len, raw)) < sum(map(len, told)) / 2


def test_a_cursor_below_the_floor_is_too_old(community: Community) -> None:
    faults = Faults()
    with serving(bluesky_app(community, lambda: NOW, faults)) as url:
        middle = replay(url, "cursor=1&kinds=account")[2]["seq"]
        faults.jetstream_floor = middle
        with pytest.raises(InvalidStatus) as caught, listening(url, f"cursor={middle - 1}"):
            pass
        body = json.loads(caught.value.response.body or b"{}")
        assert (caught.value.response.status_code, body["error"]) == (400, "CursorTooOld")
        assert replay(url, f"cursor={middle}&kinds=account")[0]["seq"] == middle
        early = microseconds(community.since)
        [info, first, *_] = replay(url, f"cursor={early}&kinds=account")
        assert (info["$type"].split("#")[1], info["name"]) == ("info", "OutdatedCursor")
        assert first["seq"] == middle


def test_a_cursor_from_the_future_begins_at_the_tip(url: str) -> None:
    [info] = replay(url, "cursor=999999999")
    assert info["name"] == "FutureCursor"
    assert replay(url, "") == []


def test_an_open_stream_sends_what_the_clock_reaches(community: Community) -> None:
    moments = [NOW]
    with (
        serving(bluesky_app(community, lambda: moments[-1])) as url,
        listening(url, POSTS) as socket,
    ):
        assert heard(socket) == []
        moments.append(NOW + timedelta(hours=8))
        events = [frame["payload"] for frame in heard(socket)]
    assert events
    assert all(NOW < datetime.fromisoformat(event["time"]) <= moments[-1] for event in events)


def test_a_stream_is_cut_or_ended_by_an_error_on_demand(community: Community) -> None:
    faults = Faults(drop_after=10)
    with serving(bluesky_app(community, lambda: NOW, faults)) as url:
        with listening(url, "cursor=1") as socket:
            frames = until_closed(socket)
        assert len(frames) <= 10
        faults.error_after = 5
        with listening(url, "cursor=1") as socket:
            frames = until_closed(socket)
        assert len(frames) == 6
        assert frames[-1]["error"] == "ConsumerTooSlow"
        assert len(replay(url, "cursor=1&kinds=account")) == 6


def until_closed(socket: ClientConnection) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    while True:
        try:
            frames.append(json.loads(socket.recv(timeout=5)))
        except ConnectionClosed:
            return frames


def test_a_consumer_that_talks_is_shown_the_door(url: str) -> None:
    with listening(url, POSTS) as socket:
        socket.send("hello")
        assert until_closed(socket) == []
        assert socket.close_code == 1008


def test_a_handshake_is_refused_on_demand(community: Community) -> None:
    faults = Faults()
    faults.arm(Fault("status", 429, retry_after="7"), nth=1, path=SUBSCRIBE)
    with serving(bluesky_app(community, lambda: NOW, faults)) as url:
        with pytest.raises(InvalidStatus) as caught, listening(url, POSTS):
            pass
        assert caught.value.response.status_code == 429
        assert caught.value.response.headers["retry-after"] == "7"
        assert replay(url, f"cursor=1&{POSTS}")
