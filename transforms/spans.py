"""Where in a text something was masked, told from the text and its masked twin."""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from rapidfuzz.distance import Indel

from transforms.masks import PLACEHOLDERS, SEALS

_WRITTEN: Final = re.compile("|".join(map(re.escape, PLACEHOLDERS)))
_LONGEST: Final = 2_000  # code points one placeholder may stand for, where it must be guessed
_PEOPLE: Final = re.compile(r"[^\d@/\n\[\]]{1,80}")
_NUMBERS: Final = re.compile(r"[\d\W_xX]+")
_FREE: Final = re.compile(r".+", re.DOTALL)
_FITS: Final = {"NAME": _PEOPLE, "PLACE": _PEOPLE, "PHONE": _NUMBERS, "USER": re.compile(r"\S+"),
                "HANDLE": re.compile(r"\S+"), "IP": re.compile(r"\S+")}  # fmt: skip

Span = tuple[int, int, str]


def spans(text: str, masked: str) -> list[Span]:
    """List what was masked: start and end in code points of `text`, and the class, in order.

    What is a placeholder in `text` already is left out.
    """
    if text == masked:
        return []
    literals = _WRITTEN.split(masked)
    written = _WRITTEN.findall(masked)
    for has_foreign_digits in (False, True):
        characters, places = _plain(text, has_foreign_digits=has_foreign_digits)
        cuts = _aligned(characters, literals, written)
        if cuts is not None:
            return [
                (places[start], places[end - 1] + 1, _class(placeholder))
                for (start, end), placeholder in zip(cuts, written, strict=True)
                if characters[start:end] != placeholder
            ]
    return _by_edits(text, masked)


def _class(placeholder: str) -> str:
    return placeholder.strip("[]").split()[0]


def _plain(text: str, *, has_foreign_digits: bool) -> tuple[str, list[int]]:
    """Undo tricks as `characters.plain` does, remembering each character's place."""
    shown, places = [], []
    for at, character in enumerate(text):
        if unicodedata.category(character) in {"Cf", "Co"} and character not in "\u200c\u200d":
            continue
        plain = unicodedata.normalize("NFKC", character) if character > "\u2000" else character
        if has_foreign_digits and character.isdecimal():
            plain = str(unicodedata.decimal(character))
        for part in plain:
            shown.append(part)
            places.append(at)
    return "".join(shown), places


def _aligned(text: str, literals: list[str], written: list[str]) -> list[tuple[int, int]] | None:
    """Find for each placeholder what it stands for, so that the literals stand between."""
    if not text.startswith(literals[0]):
        return None

    @lru_cache(maxsize=100_000)
    def rest(number: int, start: int) -> tuple[int, tuple[int, ...]] | None:
        """Give the least number of misfits from a placeholder on, and where each one ends."""
        if number == len(written):
            return (0, ()) if start == len(text) else None
        best = None
        fits = _FITS.get(_class(written[number]), _FREE)
        for end in _ends(text, literals[number + 1], start, is_last=number + 1 == len(written)):
            later = rest(number + 1, end + len(literals[number + 1]))
            if later is None:
                continue
            misfit = 0 if fits.fullmatch(text, start, end) else 1
            if best is None or misfit + later[0] < best[0]:
                best = (misfit + later[0], (end, *later[1]))
            if best[0] == 0:
                break
        return best

    found = rest(0, len(literals[0])) if len(written) < 200 else None
    if found is None:
        return None
    cuts, start = [], len(literals[0])
    for end, literal in zip(found[1], literals[1:], strict=True):
        cuts.append((start, end))
        start = end + len(literal)
    return cuts


def _ends(text: str, literal: str, start: int, *, is_last: bool) -> list[int]:
    """List where a placeholder that begins at `start` may end: before its literal."""
    if is_last:
        end = len(text) - len(literal)
        return [end] if end > start and text.endswith(literal) else []
    if not literal:
        return list(range(start + 1, min(start + _LONGEST, len(text)) + 1))[:100]
    ends: list[int] = []
    at = text.find(literal, start + 1)
    while at >= 0 and at - start <= _LONGEST and len(ends) < 50:
        ends.append(at)
        at = text.find(literal, at + 1)
    return ends


def _by_edits(text: str, masked: str) -> list[Span]:
    """Tell spans from the least edit, where tricks elsewhere in the text were undone."""
    sealed = _WRITTEN.sub(lambda found: SEALS[PLACEHOLDERS.index(found[0])], masked)
    found = []
    for edit in Indel.opcodes(text, sealed).as_list():
        inside = sealed[edit.dest_start : edit.dest_end]
        for seal in inside:
            if seal in SEALS:
                placeholder = PLACEHOLDERS[SEALS.index(seal)]
                found.append((edit.src_start, edit.src_end, _class(placeholder)))
    return found
