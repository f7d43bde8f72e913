"""Towns and districts in a text: smaller than a country or a state, so they lead to people.

Countries, states and kinds of place (`the clinic`, `my town`) stay: they say much to a coder
and name nobody (45 CFR 164.514(b)(2) draws the line of health data at the same place).
"""

from typing import Final

import numpy as np
import polars as pl

from transforms import lexicon as lx
from transforms.tokens import BLANK, CAPITAL, COMMA, HYPHEN, LOWER, STOP, UPPER, Mask, Tokens

# Words that begin a place's name of several words.
_IS_JOINED: Final = (BLANK, HYPHEN)


def find_places(tokens: Tokens) -> Mask:
    """Mark the words that are a place's name, by the lists and by what stands beside them."""
    is_capital = (tokens.shape == CAPITAL) & ~tokens.has(lx.NOBODY | lx.REGION)
    is_word = tokens.has(lx.WORD)
    is_name = tokens.has(lx.NAMES)
    is_led = tokens.at(tokens.has(lx.PLACE), -1) & (tokens.before == BLANK)
    dwells = tokens.has(lx.DWELLING)
    is_home = is_led & (tokens.at(dwells, -2) | tokens.at(dwells, -3))
    town = tokens.has(lx.TOWN | lx.CITY)
    in_state = _is_before_state(tokens)
    found = _long_names(tokens, is_led)
    found |= is_capital & town & is_led & ~is_word & (~is_name | ~tokens.has(lx.COMMON | lx.FIRST))
    found |= is_capital & town & is_led & tokens.at(tokens.has(lx.IN), -1) & ~is_word
    found |= is_capital & (is_home | in_state) & (town | ~(is_word | is_name))
    is_clear = ~is_word & ~is_name & ~tokens.has(lx.LAST)
    found |= is_capital & town & is_clear
    found |= is_capital & tokens.has(lx.CITY) & ~is_word & ~tokens.has(lx.COMMON | lx.FIRST)
    found |= (
        (tokens.shape == LOWER) & tokens.has(lx.CITY) & is_led & ~is_word & ~tokens.has(lx.COMMON)
    )
    is_plain = town & is_clear & tokens.longer(4) & ~tokens.has(lx.NOBODY | lx.REGION)
    found |= (tokens.shape == UPPER) & (
        is_plain | (tokens.has(lx.CITY) & is_led & ~is_word & ~is_name)
    )
    beside = is_led | tokens.at(dwells, -1) | in_state
    found |= is_plain & (tokens.shape == LOWER) & beside
    is_district = tokens.has(lx.DISTRICT) & ~tokens.has(lx.NOBODY) & (tokens.shape == CAPITAL)
    before_district = tokens.at(is_district, 1)
    found |= is_capital & before_district & (tokens.after == BLANK) & (tokens.before != STOP)
    found |= _sights(tokens, found) | _scenes(tokens)
    is_person = (tokens.at(tokens.has(lx.KIN | lx.TITLE), -1) & (tokens.before == BLANK)) | (
        tokens.at(tokens.has(lx.SAID), 1) & (tokens.after == BLANK) & ~is_led
    )
    kept: Mask = found & ~is_person
    return kept


def _sights(tokens: Tokens, found: Mask) -> Mask:
    """Mark streets and sights with their kind, `Quimby Tower`, but for those that all have."""
    is_capital = (tokens.shape == CAPITAL) & ~tokens.has(lx.REGION)
    own = is_capital & ~tokens.has(lx.FREQUENT | lx.NOBODY)
    kind = is_capital & tokens.has(lx.DISTRICT) & tokens.has(lx.NOBODY) & (tokens.before == BLANK)
    ends = kind & tokens.at(own | found, -1)
    scene = tokens.has(lx.SCENE) & (tokens.shape == CAPITAL) & (tokens.before == BLANK)
    scene &= ~_ends_region(tokens, scene)
    ends |= scene & tokens.at((own & ~tokens.has(lx.KIN | lx.TITLE)) | found, -1)
    before = tokens.at(ends, 1)
    found = ends | before | (own & tokens.at(before, 1) & (tokens.after == BLANK))
    return found


def _scenes(tokens: Tokens) -> Mask:
    """Mark kinds of place with capitalised words before: `Star Wars Land`, `at Haunted House`."""
    named = np.isin(tokens.shape, (CAPITAL, UPPER)) & ~tokens.has(lx.REGION | lx.DETERMINES)
    leads = tokens.has(lx.PLACE)
    is_led = tokens.at(leads, -1) | (
        tokens.at(tokens.has(lx.DETERMINES), -1) & tokens.at(leads, -2)
    )
    kind = tokens.has(lx.SCENE | lx.DISTRICT) & (tokens.shape == CAPITAL)
    kind &= ~_ends_region(tokens, kind)
    blank = tokens.before == BLANK
    is_titled = tokens.share(tokens.shape == CAPITAL, tokens.longer(3), least=4) > 0.6
    found: Mask = np.zeros(len(tokens.row), np.bool_)
    ends: Mask = kind & blank
    for words in range(1, 4):
        ends = ends & tokens.at(named, -words)
        if words > 1:
            ends = ends & tokens.at(blank, 1 - words)
        inside = tokens.at(tokens.before != STOP, -words) & (words > 1)
        hits = ends & ~is_titled & (tokens.at(is_led & blank, -words) | (inside))
        found |= hits
        for step in range(1, words + 1):
            found |= tokens.at(hits, step)
    return found


def _ends_region(tokens: Tokens, kind: Mask) -> Mask:
    """Tell which kinds of place end a country's name: `the United Kingdom`, `Cook Islands`."""
    ends = np.zeros_like(kind)
    at = np.flatnonzero(kind[1:]) + 1
    names = tokens.lower.gather((at - 1).tolist()) + " " + tokens.lower.gather(at.tolist())
    last = {" ".join(name.split()[-2:]) for name in lx.regions()}
    ends[at] = [name in last for name in names]
    return ends


def _is_before_state(tokens: Tokens) -> Mask:
    """Tell which words stand before a state: `Hope, AR`."""
    is_state = tokens.has(lx.REGION) & (tokens.shape == CAPITAL)
    is_state |= (tokens.shape == UPPER) & tokens.has(lx.CODE)
    before = tokens.at(is_state, 1) & (tokens.after == COMMA)
    # without a comma and in lower case: "albany oregon"
    is_beside = tokens.at(tokens.has(lx.REGION) & ~tokens.has(lx.NAMES), 1)
    found: Mask = before | (is_beside & (tokens.after == BLANK) & (tokens.shape == LOWER))
    return found


def _long_names(tokens: Tokens, is_led: Mask) -> Mask:
    """Mark names of two and three words: capitalised, or behind a preposition in any case."""
    found, places = np.zeros(len(tokens.row), np.bool_), lx.places()
    villages = lx.villages()
    joined = np.isin(tokens.after, _IS_JOINED)
    for count in (3, 2):
        words, whole = tokens.lower, np.ones(len(tokens.row), np.bool_)
        is_capital = np.isin(tokens.shape, (CAPITAL, UPPER))
        fits = is_capital.copy()
        for step in range(1, count):
            whole &= tokens.at(np.ones_like(whole), step)
            fits &= tokens.at(is_capital, step)
        for step in range(count - 1):
            whole &= tokens.at(joined, step) if step else joined
        candidates = np.flatnonzero(whole & (fits | is_led) & tokens.has(lx.LEADS))
        if not len(candidates):
            continue
        named = words.gather(candidates.tolist())
        for step in range(1, count):
            named = (
                named
                + pl.Series(np.where(tokens.after[candidates + step - 1] == HYPHEN, "-", " "))
                + words.gather((candidates + step).tolist())
            )
        written = fits[candidates] & is_led[candidates]
        hits = candidates[
            [
                name in places or (is_sure and name in villages)
                for name, is_sure in zip(named, written.tolist(), strict=True)
            ]
        ]
        for step in range(count):
            found[hits + step] = True
    return found
