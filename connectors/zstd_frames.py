"""Where a zstd file's frames end: the decoder takes a file that was cut short for a whole one.

Source: RFC 8878, section 3.1. Of a frame only its headers are read: its own, and three bytes a
block of up to 128 KiB.
"""

from typing import BinaryIO, Final

import zstandard

_SKIPPABLE: Final = b"\x2a\x4d\x18"
_SINGLE_SEGMENT: Final = 0x20
_RUN: Final = 1  # the kind of block that holds one byte, to be repeated


def declared_window(head: bytes) -> int:
    """Return how many bytes of memory a file's first frame asks for; 0 where it does not say.

    The library refuses to tell of a window that it would not allow.
    """
    if not head.startswith(b"\x28\xb5\x2f\xfd") or len(head) < 6 or head[4] & _SINGLE_SEGMENT:
        return 0
    base = 1 << 10 + (head[5] >> 3)
    return base + base // 8 * (head[5] & 7)


class FrameEnds:
    """A file that is read on, and knows whether what was read ends where a frame ends."""

    def __init__(self, file: BinaryIO) -> None:
        """Follow `file` from where it stands, the start of a frame."""
        self._file = file
        self._pending = b""  # a header's first bytes, where it was cut
        self._to_pass = 0
        self._is_in_frame = False
        self._checksum_bytes = 0

    @property
    def is_whole(self) -> bool:
        """Tell whether the bytes read so far are whole frames."""
        return not (self._pending or self._to_pass or self._is_in_frame)

    def read(self, size: int) -> bytes:
        """Read at most `size` bytes on."""
        data = self._file.read(size)
        self._follow(self._pending + data if self._pending else data)
        return data

    def _follow(self, data: bytes) -> None:
        at, self._pending = 0, b""
        while True:
            step = min(self._to_pass, len(data) - at)
            at += step
            self._to_pass -= step
            if at == len(data):
                return
            size = self._block(data, at) if self._is_in_frame else self._header(data, at)
            if size is None:
                self._pending = data[at:]
                return
            self._to_pass = size

    def _header(self, data: bytes, at: int) -> int | None:
        """Enter a frame; return how many bytes to pass, None where the header is cut."""
        head = data[at : at + 18]
        if head[1:4] == _SKIPPABLE:
            return 8 + int.from_bytes(head[4:8], "little") if len(head) >= 8 else None
        try:
            size = zstandard.frame_header_size(head)
            self._checksum_bytes = 4 * zstandard.get_frame_parameters(head).has_checksum
        except zstandard.ZstdError:
            return None  # cut, or no frame at all: either way the file does not end here
        self._is_in_frame = True
        return size

    def _block(self, data: bytes, at: int) -> int | None:
        """Read a block's header; return how many bytes to pass, None where it is cut."""
        if len(data) - at < 3:
            return None
        header = int.from_bytes(data[at : at + 3], "little")
        is_last, kind, size = header & 1, header >> 1 & 3, header >> 3
        self._is_in_frame = not is_last
        return 3 + (1 if kind == _RUN else size) + (self._checksum_bytes if is_last else 0)
