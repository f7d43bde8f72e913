"""One line to a Jetstream host: signs of life, pieces, compression, and no word of ours."""

import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import zstandard
from websockets.http11 import Request
from websockets.server import ServerProtocol

from connectors import jetstream_dictionary, jetstream_socket
from connectors.jetstream import EventFilter, fetch_event_pages, parse_events
from schema.errors import SourceUnavailable
from schema.pages import RawPage
from tests.support.jetstream_script import (
    WRITER,
    Close,
    Deny,
    Pieces,
    Ping,
    ScriptedHost,
    Step,
    commit,
    error,
    frame,
    query,
    record,
    scripted_jetstream,
    v1,
)

EVERYTHING = EventFilter(dids=frozenset({WRITER}))
SAMPLES = [frame(commit(seq, record=record(f"day {seq}"))).encode() for seq in range(2_000)]


def trained(number: int) -> zstandard.ZstdCompressionDict:
    return zstandard.train_dictionary(4_096, SAMPLES, dict_id=number)


ONE, TWO = trained(7), trained(8)


def packed(dictionary: zstandard.ZstdCompressionDict, *seqs: int, **options: Any) -> list[Step]:
    packer = zstandard.ZstdCompressor(dict_data=dictionary, **options)
    return [packer.compress(frame(commit(seq)).encode()) for seq in seqs]


def passes(*urls: str, **more: Any) -> Iterator[RawPage]:
    options: dict[str, Any] = {
        "wanted": EVERYTHING,
        "idle_seconds": 0.05,
        "backoff_seconds": (0.01, 0.01),
    }
    return fetch_event_pages(urls, query(), **options | more)


def keys(pages: Sequence[RawPage]) -> list[str]:
    natives = [post for page in pages for post in parse_events(page).posts["native_id"]]
    return [native.rpartition("/")[2] for native in natives]


def rules(pages: Sequence[RawPage]) -> list[str]:
    return [aside.rule for page in pages for aside in parse_events(page).set_aside]


def ids(host: ScriptedHost) -> list[str | None]:
    """Tell which dictionary each connection named."""
    return [asked.get("zstdDictionary", [None])[0] for asked in host.asked]


def test_pings_are_answered_and_nothing_else_is_ever_said() -> None:
    texts = [frame(commit(seq)) for seq in (1, 2, 3)]
    with scripted_jetstream([texts[0], Ping(), texts[1], Ping(), texts[2]]) as host:
        assert keys(list(passes(host.url, idle_seconds=0.2))) == ["k1", "k2", "k3"]
    assert (host.pongs_count, host.said) == (2, [])


def test_a_message_in_pieces_is_one() -> None:
    text = frame(commit(1))
    pieces = Pieces([text[:9], text[9:40], "", text[40:]])
    with scripted_jetstream([pieces, frame(commit(2))]) as host:
        assert keys(list(passes(host.url))) == ["k1", "k2"]


def test_a_message_that_is_longer_than_a_read_arrives_whole() -> None:
    long = frame(commit(1, record=record("zzz " * 100_000)))
    with scripted_jetstream([long, frame(commit(2))]) as host:
        assert keys(list(passes(host.url, idle_seconds=0.3))) == ["k1", "k2"]


def test_a_message_beyond_every_measure_ends_the_line_and_not_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jetstream_socket, "FRAME_BYTES_MAX", 10_000)
    huge = frame(commit(2, record=record("z" * 20_000)))
    again = [frame(commit(1)), frame(commit(3))]
    with scripted_jetstream([frame(commit(1)), huge], again) as host:
        pages = list(passes(host.url))
    assert keys(pages) == ["k1", "k3"]
    assert pages[-1].notes["line lost: PayloadTooBig"] == 1


@contextmanager
def mute(*texts: str) -> Iterator[str]:
    """Serve some messages to one client, then neither speak nor listen nor hang up."""
    with socket.create_server(("127.0.0.1", 0)) as server, ExitStack() as lines:

        def serve() -> None:
            line = lines.enter_context(server.accept()[0])
            protocol = ServerProtocol()
            protocol.receive_data(line.recv(65_536))
            [request] = protocol.events_received()
            assert isinstance(request, Request)
            protocol.send_response(protocol.accept(request))
            for text in texts:
                protocol.send_text(text.encode())
            line.sendall(b"".join(protocol.data_to_send()))

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"ws://127.0.0.1:{server.getsockname()[1]}/subscribe"
        thread.join()


def test_a_line_that_went_dead_without_a_word_is_no_quiet_tip_and_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(jetstream_socket, "SILENCE_SECONDS", 0.5)
    monkeypatch.setattr(jetstream_socket, "CLOSE_SECONDS", 0.0)
    with mute(v1(commit(1))) as dead, scripted_jetstream([frame(commit(2))]) as host:
        pages = list(passes(dead, host.url, idle_seconds=0.1))
    assert keys(pages) == ["k1", "k2"]
    assert sum(page.notes.get("line lost: silence", 0) for page in pages) == 1


def test_a_line_that_is_quiet_and_lives_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jetstream_socket, "SILENCE_SECONDS", 0.1)
    with scripted_jetstream([frame(commit(1))]) as host:
        pages = list(passes(host.url, idle_seconds=1.5))
    assert keys(pages) == ["k1"]
    assert len(host.asked) == 1


def test_frames_are_read_with_the_dictionary_that_the_host_serves() -> None:
    script = [*packed(ONE, 1, 2), *packed(ONE, 3, write_content_size=False), frame(commit(4))]
    with scripted_jetstream(script, dictionaries=[ONE.as_bytes()]) as host:
        pages = list(passes(host.url))
    assert keys(pages) == ["k1", "k2", "k3", "k4"]
    assert ids(host) == ["7"]
    assert pages[0].notes == {}


def test_one_fetch_of_the_dictionary_serves_every_line() -> None:
    scripts = [[*packed(ONE, 1), Close(1001)], packed(ONE, 1, 2)]
    with scripted_jetstream(*scripts, dictionaries=[ONE.as_bytes()]) as host:
        assert keys(list(passes(host.url))) == ["k1", "k2"]
    assert ids(host) == ["7", "7"]
    assert sum("Dictionary" in path for path in host.paths) == 1


def test_a_retired_dictionary_is_fetched_anew() -> None:
    retired = [Deny(400, "UnknownZstdDictionary")]
    scripts = [[*packed(ONE, 1), Close(1012)], retired, packed(TWO, 1, 2)]
    with scripted_jetstream(*scripts, dictionaries=[ONE.as_bytes(), TWO.as_bytes()]) as host:
        pages = list(passes(host.url))
    assert keys(pages) == ["k1", "k2"]
    assert ids(host) == ["7", "7", "8"]
    assert pages[-1].notes["dictionary retired"] == 1


def test_a_host_that_takes_none_of_its_own_dictionaries_is_read_plain_and_that_is_told() -> None:
    retired = [Deny(400, "UnknownZstdDictionary")]
    with scripted_jetstream(
        retired, [frame(commit(1))], dictionaries=[ONE.as_bytes(), ONE.as_bytes()]
    ) as host:
        [page] = passes(host.url)
    assert keys([page]) == ["k1"]
    assert ids(host) == ["7", None]
    assert page.notes["plain frames, no dictionary: it is retired"] == 1


@pytest.mark.parametrize(
    ("served", "why"),
    [
        (Deny(404, "MethodNotImplemented"), "404"),
        (Deny(503), "503"),
        (b"no dictionary at all", "it is no dictionary"),
        (b"x" * (jetstream_dictionary.BYTES_MAX + 1), "it is too large"),
    ],
)
def test_without_a_dictionary_frames_come_plain_and_that_is_told(
    served: bytes | Deny, why: str
) -> None:
    with scripted_jetstream([frame(commit(1))], dictionaries=[served]) as host:
        [page] = passes(host.url)
    assert keys([page]) == ["k1"]
    assert ids(host) == [None]
    assert page.notes == {f"plain frames, no dictionary: {why}": 1}


def test_a_dictionary_that_could_not_be_had_for_once_is_asked_for_again() -> None:
    scripts = [[frame(commit(1)), Close(1012)], packed(ONE, 1, 2)]
    with scripted_jetstream(*scripts, dictionaries=[Deny(503), ONE.as_bytes()]) as host:
        assert keys(list(passes(host.url))) == ["k1", "k2"]
    assert ids(host) == [None, "7"]


def bomb(*, is_told: bool) -> bytes:
    packer = zstandard.ZstdCompressor(dict_data=ONE, write_content_size=is_told)
    return packer.compress(bytes(jetstream_socket.FRAME_BYTES_MAX + 1))


@pytest.mark.parametrize(
    "bad",
    [
        bomb(is_told=True),
        bomb(is_told=False),
        b"\x28\xb5\x2f\xfd nonsense",
        zstandard.ZstdCompressor(dict_data=TWO).compress(SAMPLES[0]),
    ],
    ids=["too large and says so", "too large in silence", "broken", "another dictionary"],
)
def test_a_frame_that_does_not_unpack_is_set_aside_and_passed(bad: bytes) -> None:
    script = [*packed(ONE, 1), bad, *packed(ONE, 2)]
    with scripted_jetstream(script, dictionaries=[ONE.as_bytes()]) as host:
        pages = list(passes(host.url))
    assert keys(pages) == ["k1", "k2"]
    assert rules(pages) == ["frame does not unpack"]


def test_an_error_frame_may_come_plain_on_a_compressed_line() -> None:
    scripts = [[*packed(ONE, 1), error("ConsumerTooSlow"), Close(1008)], packed(ONE, 1, 2)]
    with scripted_jetstream(*scripts, dictionaries=[ONE.as_bytes()]) as host:
        assert keys(list(passes(host.url))) == ["k1", "k2"]


def test_a_host_that_answers_no_http_at_all_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def babble() -> None:
            for _ in range(3):
                with server.accept()[0] as line:
                    line.recv(65_536)
                    line.sendall(b"220 mail.invented.example ESMTP\r\n\r\n")

        thread = threading.Thread(target=babble)
        thread.start()
        url = f"ws://127.0.0.1:{server.getsockname()[1]}/subscribe"
        with pytest.raises(SourceUnavailable, match="3 times running, the last time with Inval"):
            list(passes(url))
        thread.join()
