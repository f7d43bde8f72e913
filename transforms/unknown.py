"""How much a word that no list has looks like a name, by its letters.

A logistic regression over sequences of one to four letters; `bench/train_unknown.py` trains it on
the gazetteer's lists alone. The score is a log-odds: 0 is even.
"""

from functools import cache, lru_cache
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt

from transforms.lexicon import GAZETTEER

BUCKETS: Final = 1 << 15
SCALE: Final = 24.0  # steps of a stored weight in one unit of log-odds
_LONGEST: Final = 4


def buckets_of(word: str) -> list[int]:
    """Give the buckets of a word's letter sequences, its ends marked."""
    marked = f"^{word[:30]}$"
    return [
        crc32(marked[at : at + length].encode()) % BUCKETS
        for length in range(1, _LONGEST + 1)
        for at in range(len(marked) - length + 1)
    ]


@lru_cache(maxsize=65_536)
def name_score(word: str) -> float:
    """Score a word in lower case; one with a letter three times on end is no name."""
    if any(word[at] == word[at + 1] == word[at + 2] for at in range(len(word) - 2)):
        return -99.0
    return float(_weights()[buckets_of(word)].sum(dtype=np.int32)) / SCALE


@cache
def _weights() -> npt.NDArray[np.int8]:
    weights: npt.NDArray[np.int8] = np.load(GAZETTEER / "letters.npy")
    return weights
