"""A monthly dump's bytes as blocks of whole lines.

Source: Pushshift and Arctic Shift dumps, `.zst` with a window of up to 2 GiB and any number of
frames, or plain NDJSON. A block lies in memory that has a path (memfd, Linux), so that a reader
of files can take it; no byte reaches a disk. One block is filled while the other is read: memory
is the frame's window and two blocks.

Positions are offsets of the decompressed bytes, always at the start of a line.
"""

import mmap
import os
import re
from codecs import BOM_UTF8
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import zstandard

from connectors.zstd_frames import FrameEnds, declared_window
from schema.errors import BadInput

BLOCK_BYTES: Final = 16 * 2**20
LARGEST_WINDOW: Final = 2**31
TOO_LONG: Final = "line is too long"
CUT_SHORT: Final = "file is cut short"
DAMAGED: Final = "compressed data is damaged from here on"
_STEP_BYTES: Final = 128 * 1024  # what an error in the compressed data can take with it
_HEAD_BYTES: Final = 64 * 1024
_HEADER_BYTES: Final = 18  # the longest header of a frame
_ZSTD: Final = (b"\x28\xb5\x2f\xfd", *(bytes([kind, 0x2A, 0x4D, 0x18]) for kind in range(80, 96)))
_OBJECT: Final = re.compile(rb"^\s*\{", re.MULTILINE)


class _Buffer:
    """Memory with a path: what is written through the map is read as a file."""

    def __init__(self, size: int) -> None:
        self.fd = os.memfd_create("dump", os.MFD_CLOEXEC)
        os.ftruncate(self.fd, size)
        self.bytes = mmap.mmap(self.fd, size)
        self.size = size

    def close(self) -> None:
        self.bytes.close()
        os.close(self.fd)


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, valid until the next block is asked for. `line_at` is where they end.

    `file_at` is how much of the file as it lies on the disk that took. `broken` says why nothing
    can follow; `too_long_count` how many lines before `line_at` were longer than a block.
    """

    buffer: _Buffer
    size: int
    line_at: int
    file_at: int
    is_end: bool
    broken: str | None = None
    too_long_count: int = 0

    @property
    def path(self) -> str:
        """A path that names the block's bytes for as long as the block is valid."""
        return f"/proc/self/fd/{self.buffer.fd}"

    def read(self) -> bytes:
        """Copy the bytes."""
        return self.buffer.bytes[: self.size]


def read_blocks(path: Path, start: int, *, block_bytes: int = BLOCK_BYTES) -> Generator[Block]:
    """Yield the lines from the decompressed offset `start` on; the last block `is_end`.

    Raises:
        BadInput: the file is not there, or is neither zstd nor lines of JSON.
    """
    with ExitStack() as stack:
        try:
            file = stack.enter_context(path.open("rb"))
            dump = _Dump(file, path.name)
        except OSError as error:
            raise BadInput(
                f"{path.name}: cannot be read ({type(error).__name__}); check the path and its mode"
            ) from None
        buffers = [_Buffer(block_bytes) for _ in range(2)]
        for buffer in buffers:
            stack.callback(buffer.close)
        worker = stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix="dump"))
        dump.skip(start, buffers[0])
        coming = worker.submit(dump.fill, buffers[0])
        while True:
            block = coming.result()
            if block.line_at == block.size:  # the file's first
                _refuse_other_formats(block, path.name)
            if block.is_end:
                yield block
                return
            buffers.reverse()
            coming = worker.submit(dump.fill, buffers[0])
            yield block


class _Dump:
    """A file being read; `fill` puts its next whole lines in a buffer."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        head = file.read(_HEADER_BYTES)
        file.seek(0)
        self._file = file
        self._ends: FrameEnds | None = None
        self._source: Any = file
        self._rest = b""
        self._line_at = 0
        self._broken: str | None = None
        if head.startswith(_ZSTD):
            self._ends = FrameEnds(file)
            self._source = _decompressed(self._ends, head, name)

    def skip(self, start: int, buffer: _Buffer) -> None:
        """Read and drop `start` bytes."""
        while self._line_at < start:
            size = self._read(buffer, 0, start - self._line_at)
            if not size:
                return
            self._line_at += size

    def fill(self, buffer: _Buffer) -> Block:
        """Put the rest of the last block and what follows in `buffer`, up to a line's end."""
        os.ftruncate(buffer.fd, buffer.size)
        too_long_count, is_end = 0, False
        size = len(self._rest)
        buffer.bytes[:size] = self._rest
        is_first = self._line_at == 0
        while True:
            while size < buffer.size and not is_end:
                count = self._read(buffer, size, _STEP_BYTES)
                size += count
                is_end = not count
            if is_first and buffer.bytes[: len(BOM_UTF8)] == BOM_UTF8:
                buffer.bytes[: len(BOM_UTF8)] = b" " * len(BOM_UTF8)  # some tools write one
            cut = buffer.bytes.rfind(b"\n", 0, size) + 1
            if cut or is_end:
                break
            too_long_count += 1
            size = self._drop_line(buffer, size)
        if is_end and self._ends is not None and not self._ends.is_whole:
            self._broken = self._broken or CUT_SHORT
        if is_end and not self._broken:
            cut = size  # the file's last line may lack its end
        self._rest = buffer.bytes[cut:size]
        self._line_at += cut
        os.ftruncate(buffer.fd, cut)
        file_at = self._file.tell()
        return Block(buffer, cut, self._line_at, file_at, is_end, self._broken, too_long_count)

    def _drop_line(self, buffer: _Buffer, size: int) -> int:
        """Pass over a line that fills the whole buffer; return how much of the next one came."""
        self._line_at += size
        while True:
            count = self._read(buffer, 0, _STEP_BYTES)
            end = buffer.bytes.find(b"\n", 0, count) + 1
            self._line_at += end or count
            if end or not count:
                buffer.bytes[: count - end] = buffer.bytes[end:count]
                return count - end

    def _read(self, buffer: _Buffer, at: int, size: int) -> int:
        """Read at most `size` bytes to `at`; 0 at the end, and where the data is damaged."""
        with memoryview(buffer.bytes) as place, place[at : at + size] as gap:
            try:
                return int(self._source.readinto(gap))
            except zstandard.ZstdError:
                self._broken = DAMAGED
                return 0


def _decompressed(file: FrameEnds, head: bytes, name: str) -> Any:
    window = declared_window(head)
    if window > LARGEST_WINDOW:
        raise BadInput(
            f"{name}: asks for a window of {window // 2**20} MiB, more than the "
            f"{LARGEST_WINDOW // 2**20} MiB of monthly dumps; pack it again with a smaller one"
        )
    return zstandard.ZstdDecompressor(max_window_size=LARGEST_WINDOW).stream_reader(
        cast("BinaryIO", file),
        read_across_frames=True,  # it only reads
    )


def _refuse_other_formats(block: Block, name: str) -> None:
    """Refuse what holds no line that could be an object, near its beginning."""
    head = block.buffer.bytes[: min(block.size, _HEAD_BYTES)]
    if not _OBJECT.search(head) and block.broken is None:
        kind = "holds no lines of JSON" if head else "is empty"
        raise BadInput(f"{name}: {kind}; give a monthly dump as .zst or .ndjson")
