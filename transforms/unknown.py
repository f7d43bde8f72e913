"""How much a word that no list has looks like a name, by its letters.

A logistic regression over sequences of one to four letters; `bench/train_unknown.py` trains it on
the gazetteer's lists alone. The score is a log-odds: 0 is even.
"""

from functools import cache, lru_cache
from typing import Final
from zlib import crc32

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import OSA

from transforms.lexicon import FREQUENT, GAZETTEER, by_word

BUCKETS: Final = 1 << 15
SCALE: Final = 24.0  # steps of a stored weight in one unit of log-odds
_LONGEST: Final = 4
_SHORTEST: Final = 5  # letters; a shorter word has too many neighbours


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


@lru_cache(maxsize=65_536)
def is_misspelt(word: str) -> bool:
    """Tell whether a word is one letter off a frequent one that begins alike: `becaise`.

    One letter too many, too few or another, or two that have changed places.
    """
    if not _SHORTEST <= len(word) <= 20:
        return False
    forms = (word, *_shorter(word))
    near = (other for form in forms for other in _frequent().get(form, ()))
    return any(
        other[0] == word[0] and OSA.distance(word, other, score_cutoff=1) <= 1 for other in near
    )


@cache
def _frequent() -> dict[str, list[str]]:
    """List frequent words by themselves and by what is left of them without one letter."""
    listed: dict[str, list[str]] = {}
    for word, known in by_word().items():
        if known & FREQUENT and len(word) >= _SHORTEST - 1:
            for form in (word, *_shorter(word)):
                listed.setdefault(form, []).append(word)
    return listed


def _shorter(word: str) -> set[str]:
    return {word[:at] + word[at + 1 :] for at in range(len(word))}


@cache
def _weights() -> npt.NDArray[np.int8]:
    weights: npt.NDArray[np.int8] = np.load(GAZETTEER / "letters.npy")
    return weights
