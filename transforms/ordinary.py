"""Which names are ordinary words, so that a text must be free to use them.

An account may be called `sunshine` or `tired mother`. Masking those words wherever their owner
writes them would take out feelings, not names. The list, `ordinary_words.txt`, is our own.
"""

import re
from functools import cache
from pathlib import Path
from typing import Final

WORDS_FILE: Final = Path(__file__).with_name("ordinary_words.txt")
SHORTEST_NAME: Final = 8  # characters; a shorter name is masked in its written forms alone

_ENDINGS: Final = (
    ("", ""), ("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("d", ""), ("ing", ""),
    ("ing", "e"), ("er", ""), ("er", "e"), ("ers", ""), ("ly", ""), ("ness", ""), ("y", ""),
)  # fmt: skip
_LETTERS: Final = re.compile(r"[^\W\d_]+")


@cache
def ordinary_words() -> frozenset[str]:
    """Read the list: lower-case English words of three letters and more."""
    return frozenset(WORDS_FILE.read_text(encoding="ascii").split())


def is_ordinary(name: str) -> bool:
    """Tell whether a name is made of ordinary words alone, as written, with blanks between."""
    words = name.casefold().split()
    return _LETTERS.search(name) is not None and all(map(_is_word, words))


def _is_word(word: str) -> bool:
    bare = word.strip(".,!?'\"")
    if not _LETTERS.fullmatch(bare):
        return not _LETTERS.search(bare)  # an emoji or a number between words names nobody
    if len(bare) < 3:
        return True
    return any(
        bare.endswith(ending) and bare[: len(bare) - len(ending)] + stem in ordinary_words()
        for ending, stem in _ENDINGS
    )
