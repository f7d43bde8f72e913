"""Which lines of a block can be wanted at all: a search of the raw bytes, before any parsing.

It may let too much through and never too little: JSON may escape any letter, and spells a
subreddit in any case.
"""

import mmap
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from connectors.reddit_dump import Block

# Escapes of letters, digits, blank, `-`, `[` and `_`. Real writers never make them.
_ESCAPED: Final = r"\\u00(?:2[0dD]|3[0-9]|4[1-9a-fA-F]|5[0-9abABfF]|6[1-9a-fA-F]|7[0-9aA])"
# What is no ASCII letter, and in lower case begins with one.
_LETTERS_OF_OLD: Final = r"\u{130}|\u{212a}|\\u0130|\\u212[aA]"
# What went is told whatever it said; see `reddit_archive_filter`.
_GONE: Final = (
    r"\[ ?(?i:deleted|removed)|removal_type\"\s*:\s*\"|was_deleted_later\"\s*:\s*[t\"1]"
    r"|removed_by_category\"\s*:\s*[^n\s]"
)
_PLAIN_WORDS: Final = re.compile(r"[A-Za-z0-9 _-]+")
_CHOSEN_BYTES: Final = 8 * 2**20  # parsed at once: a call to the parser costs milliseconds
_INLINE_BYTES: Final = 12
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


def pattern_of(subreddits: Collection[str], keywords: Collection[str]) -> str | None:
    """Return what some part of a line matches if the line can be wanted; None: any line can.

    Of both the subreddits are looked for, which are rarer. Keywords are looked for only where
    they are spelled in letters that stand in a line as they are.
    """
    if subreddits:
        names = "|".join(f"(?i:{re.escape(name)})" for name in sorted(subreddits))
        return f'"(?:{names})"|{_ESCAPED}'
    if not keywords or not all(map(_PLAIN_WORDS.fullmatch, keywords)):
        return None
    words = "|".join(f"(?i:{re.escape(word)})" for word in sorted(keywords))
    return f"{words}|{_GONE}|{_LETTERS_OF_OLD}|{_ESCAPED}"


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
    buffers = [None, pa.py_buffer(_views(lines, ends)), pa.py_buffer(lines)]
    raw = pa.Array.from_buffers(pa.binary_view(), len(ends) - 1, buffers)
    texts = pl.Series(raw).cast(pl.String, strict=False)
    found = texts.str.contains(pattern)
    return found.fill_null(True).to_list()  # not UTF-8: who parses the line will say so


def _views(lines: memoryview, ends: list[int]) -> npt.NDArray[np.uint32]:
    """Point at each line as Arrow does: length, first four bytes, buffer, offset.

    A line of twelve bytes or fewer stands in its view itself.
    """
    offsets = np.array(ends, np.uint32)
    views = np.zeros((len(ends) - 1, 4), np.uint32)
    views[:, 0], views[:, 3] = np.diff(offsets), offsets[:-1]
    is_short = views[:, 0] <= _INLINE_BYTES
    raw, long = np.frombuffer(lines, np.uint8), ~is_short
    views[long, 1:2] = raw[offsets[:-1][long, None] + np.arange(4, dtype=np.uint32)].view(np.uint32)
    for row in np.flatnonzero(is_short):
        line = bytes(lines[ends[row] : ends[row + 1]])
        views[row, 1:] = np.frombuffer(line.ljust(_INLINE_BYTES, b"\0"), np.uint32)
    return views


def _ends(block: mmap.mmap, size: int) -> list[int]:
    """Tell where lines end, 0 first."""
    ends, end = [0], 0
    while (end := block.find(b"\n", end, size) + 1) > 0:
        ends.append(end)
    return ends if ends[-1] == size else [*ends, size]
