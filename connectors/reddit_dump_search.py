"""Which lines of a block can be wanted at all: a search of the raw bytes, before any parsing.

It may let too much through and never too little: JSON may escape any letter, and spells a
subreddit in any case.
"""

import mmap
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import polars as pl
import pyarrow as pa

from connectors.reddit_dump import Block

# Escapes of letters, digits, `-` and `_`. Real writers never make them.
_ESCAPED: Final = r"\\u00(?:2[dD]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA])"

_CHOSEN_BYTES: Final = 8 * 2**20  # parsed at once: a call to the parser costs milliseconds
_SCANNED_BYTES: Final = 2**30  # a rare subreddit's reading shall move its position on, too


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is parsed at once: a block's lines, or those `chosen` from several blocks.

    `block` is the last of them, and valid until the next stretch is asked for.
    """

    block: Block
    chosen: bytes | None
    scanned_bytes: int
    too_long_count: int

    def read(self) -> bytes:
        """Return the lines."""
        return self.block.read() if self.chosen is None else self.chosen


def stretches(blocks: Iterable[Block], pattern: str | None) -> Iterator[Stretch]:
    """Yield a dump's lines, or those that hold `pattern`, in order."""
    chosen: list[bytes] = []
    scanned_bytes = too_long_count = 0
    for block in blocks:
        if pattern is None:
            yield Stretch(block, None, block.size, block.too_long_count)
            continue
        chosen.append(lines_matching(block.buffer.bytes, block.size, pattern))
        scanned_bytes += block.size
        too_long_count += block.too_long_count
        is_full = scanned_bytes >= _SCANNED_BYTES or sum(map(len, chosen)) >= _CHOSEN_BYTES
        if is_full or block.is_end:
            yield Stretch(block, b"".join(chosen), scanned_bytes, too_long_count)
            chosen, scanned_bytes, too_long_count = [], 0, 0


def pattern_of(subreddits: Iterable[str]) -> str:
    """Return what some part of a line matches if the line is of one of `subreddits`."""
    names = "|".join(f"(?i:{re.escape(name)})" for name in sorted(subreddits))
    return f'"(?:{names})"|{_ESCAPED}'


def lines_matching(block: mmap.mmap, size: int, pattern: str) -> bytes:
    """Return the lines among a block's first `size` bytes that `pattern` is found in, in order.

    The first and the last one are among them: they tell what times the block is of.
    """
    if not size:
        return b""
    ends = _ends(block, size)
    with memoryview(block) as whole, whole[:size] as lines:
        found = _found(lines, ends, pattern)
        found[0] = found[-1] = True
        return b"".join(
            lines[start:end]
            for (start, end), is_found in zip(pairwise(ends), found, strict=True)
            if is_found
        )


def _found(lines: memoryview, ends: list[int], pattern: str) -> list[bool]:
    """Tell for each line whether it matches; nothing of the block is copied."""
    offsets = pa.array(ends, pa.int64()).buffers()[1]
    raw = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(ends) - 1, [None, offsets, pa.py_buffer(lines)]
    )
    texts = pl.Series(raw).cast(pl.String, strict=False)
    found = texts.str.contains(pattern)
    return found.fill_null(True).to_list()  # not UTF-8: who parses the line will say so


def _ends(block: mmap.mmap, size: int) -> list[int]:
    """Tell where lines end, 0 first."""
    ends, end = [0], 0
    while (end := block.find(b"\n", end, size) + 1) > 0:
        ends.append(end)
    return ends if ends[-1] == size else [*ends, size]
