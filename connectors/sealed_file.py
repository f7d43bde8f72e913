"""One sealed file: a stream of bytes in chunks, each encrypted and none of them movable.

AES-256-GCM over chunks of 1 MiB, as in STREAM (Hoang, Reyhanitabar, Rogaway, Vizár 2015): the
nonce is the chunk's number and whether it is the last, so that a chunk left out, put elsewhere or
cut off at the end does not open. A file's key is made from the project key and a key of its own,
so nonces never meet again. The head, one line of JSON in the clear, is sealed into every chunk.
"""

import io
import json
from collections.abc import Mapping
from typing import BinaryIO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schema.errors import BackupUnreadable

CHUNK_BYTES: Final = 2**20
TAG_BYTES: Final = 16
HEAD_BYTES: Final = 4096
FORMAT: Final = "confide backup 1"
_DAMAGED = "the backup is damaged or was sealed with another key: try an older copy of both"


class SealedWriter(io.RawIOBase):
    """Seals what is written; `close` marks the end."""

    def __init__(self, file: BinaryIO, key: bytes, head: Mapping[str, str]) -> None:
        """Write the head; `key` has 32 bytes and seals this file alone."""
        self._file, self._cipher = file, AESGCM(key)
        self._head = json.dumps({"format": FORMAT, **head}, sort_keys=True).encode() + b"\n"
        self._waiting, self._number = bytearray(), 0
        file.write(self._head)

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        """Take bytes; whole chunks are sealed and passed on."""
        self._waiting += data
        while len(self._waiting) > CHUNK_BYTES:
            self._seal(bytes(self._waiting[:CHUNK_BYTES]), is_last=False)
            del self._waiting[:CHUNK_BYTES]
        return len(data)

    def close(self) -> None:
        """Seal the last chunk; without it the file does not open."""
        if not self.closed:
            self._seal(bytes(self._waiting), is_last=True)
        super().close()

    def _seal(self, chunk: bytes, *, is_last: bool) -> None:
        nonce = _nonce(self._number, is_last=is_last)
        self._file.write(self._cipher.encrypt(nonce, chunk, self._head))
        self._number += 1


class SealedReader(io.RawIOBase):
    """Opens what `SealedWriter` sealed; nothing is given out before it is proven."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        """Begin behind the head, which `read_head` reads too."""
        file.seek(0)
        self._file, self._cipher = file, AESGCM(key)
        self._head = file.readline(HEAD_BYTES)
        self._chunk, self._number, self._next = b"", 0, file.read(CHUNK_BYTES + TAG_BYTES)
        if not self._next:
            raise BackupUnreadable(_DAMAGED)

    def readable(self) -> bool:
        """Tell that it can be read from."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Give out proven bytes; 0 at the proven end.

        Raises:
            BackupUnreadable: damaged, cut off, or sealed with another key.
        """
        while not self._chunk and self._next:
            self._open_next()
        some = self._chunk[: len(buffer)]
        buffer[: len(some)] = some
        self._chunk = self._chunk[len(some) :]
        return len(some)

    def _open_next(self) -> None:
        sealed, self._next = self._next, self._file.read(CHUNK_BYTES + TAG_BYTES)
        nonce = _nonce(self._number, is_last=not self._next)
        try:
            self._chunk = self._cipher.decrypt(nonce, sealed, self._head)
        except InvalidTag:
            raise BackupUnreadable(_DAMAGED) from None
        self._number += 1


def read_head(file: BinaryIO) -> dict[str, str]:
    """Read what stands in the clear. It is proven only once a chunk opens.

    Raises:
        BackupUnreadable: it is no backup, or of a newer program.
    """
    file.seek(0)
    try:
        head = json.loads(file.readline(HEAD_BYTES))
        is_ours = head["format"] == FORMAT and all(isinstance(v, str) for v in head.values())
    except (ValueError, TypeError, KeyError, AttributeError):
        is_ours = False
    if not is_ours:
        raise BackupUnreadable("the file is no backup, or one of a newer program: name another")
    return dict(head)


def _nonce(number: int, *, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])
