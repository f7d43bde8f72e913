"""One sealed file: what went in comes out whole and proven, or nothing does."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sealed_file import CHUNK_BYTES, TAG_BYTES, SealedReader, SealedWriter, read_head
from schema.errors import BackupUnreadable

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
HEAD = {"study": "quiet-porch"}
WORDS = b"the kettle sang in the hall and nobody came to hear it"


def sealed(data: bytes) -> bytes:
    file = io.BytesIO()
    with SealedWriter(file, KEY, HEAD) as writer:
        writer.write(data)
    return file.getvalue()


def opened(data: bytes, key: bytes = KEY) -> bytes:
    return io.BufferedReader(SealedReader(io.BytesIO(data), key)).read()


@given(size=st.sampled_from([0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES]))
@settings(max_examples=6, deadline=None)
def test_what_was_sealed_comes_out_as_it_was(size: int) -> None:
    data = (WORDS * (size // len(WORDS) + 1))[:size]
    assert opened(sealed(data)) == data


def test_nothing_of_it_can_be_read_without_the_key() -> None:
    data = sealed(WORDS)
    assert WORDS not in data
    assert read_head(io.BytesIO(data))["study"] == "quiet-porch"
    with pytest.raises(BackupUnreadable, match="damaged or was sealed with another key"):
        opened(data, OTHER_KEY)


def changed(data: bytes) -> dict[str, bytes]:
    """Return what an adversary, or a bad disk, makes of a file of three chunks."""
    head = data.index(b"\n") + 1
    chunk = CHUNK_BYTES + TAG_BYTES
    first, second, rest = (
        data[head:][:chunk],
        data[head + chunk :][:chunk],
        data[head + 2 * chunk :],
    )
    return {
        "a bit": data[:-1] + bytes([data[-1] ^ 1]),
        "the head": data.replace(b"quiet-porch", b"quiet-house"),
        "cut in a chunk": data[:-1],
        "cut between chunks": data[: head + 2 * chunk],
        "cut behind the head": data[:head],
        "chunks changed about": data[:head] + second + first + rest,
        "a chunk left out": data[:head] + first + rest,
        "something behind": data + b"more",
    }


@pytest.mark.parametrize("how", [*changed(sealed(b"")).keys()])
def test_a_changed_file_does_not_open(how: str) -> None:
    data = changed(sealed(bytes(2 * CHUNK_BYTES + 7)))[how]
    with pytest.raises(BackupUnreadable):
        opened(data)


@pytest.mark.parametrize("data", [b"", b"{}\n", b"SQLite format 3\0", b'["confide backup 1"]\n'])
def test_what_is_no_backup_is_told(data: bytes) -> None:
    with pytest.raises(BackupUnreadable, match="is no backup"):
        read_head(io.BytesIO(data))
