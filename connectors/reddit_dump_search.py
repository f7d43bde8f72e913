"""Which lines of a block can be wanted at all: a search of the raw bytes, before any parsing.

It may let too much through and never too little: JSON may escape any letter, and spells a
subreddit in any case.
"""

import mmap
import re
from collections.abc import Iterable
from itertools import pairwise
from typing import Final

import polars as pl
import pyarrow as pa

# Escapes of letters, digits, `-` and `_`. Real writers never make them.
_ESCAPED: Final = r"\\u00(?:2[dD]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aA])"


def pattern_of(subreddits: Iterable[str]) -> str:
    """Return what some part of a line matches if the line is of one of `subreddits`."""
    names = "|".join(f"(?i:{re.escape(name)})" for name in sorted(subreddits))
    return f'"(?:{names})"|{_ESCAPED}'


def lines_matching(block: mmap.mmap, size: int, pattern: str) -> bytes:
    """Return the lines among a block's first `size` bytes that `pattern` is found in, in order."""
    ends = _ends(block, size)
    with memoryview(block) as whole, whole[:size] as lines:
        found = _found(lines, ends, pattern)
        return b"".join(
            lines[start:end]
            for (start, end), is_found in zip(pairwise(ends), found, strict=True)
            if is_found
        )


def _found(lines: memoryview, ends: list[int], pattern: str) -> list[bool]:
    """Tell for each line whether it matches; nothing of the block is copied."""
    texts = pa.LargeStringArray.from_buffers(
        len(ends) - 1, pa.array(ends, pa.int64()).buffers()[1], pa.py_buffer(lines)
    )
    try:
        texts.validate(full=True)
    except pa.ArrowInvalid:  # not UTF-8: who parses the lines will say which
        return [True] * len(texts)
    return pl.Series(texts).str.contains(pattern).to_list()


def _ends(block: mmap.mmap, size: int) -> list[int]:
    """Tell where lines end, 0 first."""
    ends, end = [0], 0
    while (end := block.find(b"\n", end, size) + 1) > 0:
        ends.append(end)
    return ends if ends[-1] == size else [*ends, size]
