"""Words and phrases by the thousands, looked for in a text all at once.

Whole words, whatever their case, width and spacing: phrase and text are compared in Unicode's
compatibility form, folded, without characters that nobody sees. Where a script sets no space
between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese, Tibetan), or hangs a word's ending
on it (Korean), a phrase may stand anywhere. Sources: Aho and Corasick 1975, by pyahocorasick;
Unicode Standard Annex 15 (NFKC).
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any, Final

import ahocorasick

_INVISIBLE: Final = (0x00AD, *range(0x200B, 0x2010), 0x2060, 0xFEFF, *range(0xFE00, 0xFE10))
_FOLDED: Final = dict.fromkeys(_INVISIBLE) | dict.fromkeys(
    map(ord, "\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}"), "'"
)
_RUN_TOGETHER: Final = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u3005-\u3007\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff]"
)


class Phrases:
    """An automaton of phrases; an empty one is false and in no text."""

    def __init__(self, phrases: Iterable[str]) -> None:
        """Build the automaton; phrases without a visible character are passed over."""
        self._automaton: Any = ahocorasick.Automaton()
        for phrase in filter(None, map(comparable, phrases)):
            self._automaton.add_word(phrase, len(phrase))
        self._automaton.make_automaton()

    def __len__(self) -> int:
        """Count the phrases that differ once they are spelled alike."""
        return len(self._automaton)

    def are_in(self, text: str) -> bool:
        """Tell whether one of them stands in `text`."""
        if not self:
            return False
        spelled = comparable(text)
        return any(
            _is_apart(spelled, last + 1 - length, last + 1)
            for last, length in self._automaton.iter(spelled)
        )


def comparable(text: str) -> str:
    """Spell a text as phrases are compared."""
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_FOLDED)
    return " ".join(folded.split())


def _is_apart(text: str, start: int, end: int) -> bool:
    """Tell whether a stretch of a text begins and ends where a word does."""
    begins = start == 0 or _may_part(text[start - 1], text[start])
    return begins and (end == len(text) or _may_part(text[end], text[end - 1]))


def _may_part(outside: str, inside: str) -> bool:
    return (
        not _is_of_a_word(outside)
        or _RUN_TOGETHER.match(outside) is not None
        or _RUN_TOGETHER.match(inside) is not None
    )


def _is_of_a_word(character: str) -> bool:
    """Tell letters, digits, underscores and their marks: vowel signs are no letters in Unicode."""
    return (
        character.isalnum() or character == "_" or unicodedata.category(character).startswith("M")
    )
