"""Person names in a text: by lists, by capitals, and by what stands beside them.

How much a word needs depends on how rarely it is anything but a name (`lexicon.py`): Karen is
one in any case, Jack where it is capitalised, Rose inside a sentence, Hope only where a cue says
so: `my sister Hope`, `Hope said`, `Hope Miller`. A capitalised word that no dictionary has is a
name where a cue says so. What is found once is a name everywhere in its text.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from transforms import lexicon as lx
from transforms.tokens import (
    APOSTROPHE,
    BLANK,
    CAPITAL,
    COMMA,
    FULL_STOP,
    HYPHEN,
    LETTER,
    LOWER,
    STOP,
    UPPER,
    Mask,
    Tokens,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Signs:
    """What stands beside each word."""

    is_titled: Mask  # its text capitalises most words, so a capital says nothing
    is_english: Mask  # an English dictionary has most words, so an unknown one tells
    starts: Mask  # a sentence begins with it
    is_capital: Mask
    kin: Mask  # `my sister`, `my boss,`
    title: Mask
    titled: Mask  # by a title that is nothing else: mr, dr
    called: Mask
    told: Mask
    toward: Mask
    said: Mask
    owns: Mask  # 's
    surname: Mask  # a capitalised family name follows

    @property
    def sure(self) -> Mask:
        """Any sign that makes a name of a word."""
        return self.kin | self.title | self.called | self.told | self.said | self.surname


def find_people(tokens: Tokens, places: Mask) -> Mask:
    """Mark the words that are a person's name and no place's."""
    signs = read_signs(tokens)
    found = (_listed(tokens, signs) | _unlisted(tokens, signs)) & ~places
    for _ in range(3):
        found |= (_longer(tokens, signs, found) | _beside(tokens, signs, found)) & ~places
    return found | again(tokens, found, places)


def read_signs(tokens: Tokens) -> Signs:
    """Look at each word's neighbours and at its text."""
    blank = tokens.before == BLANK
    is_upper = tokens.shape == UPPER
    shouts = tokens.at(is_upper, -1) | tokens.at(is_upper, 1)
    is_capital = (tokens.shape == CAPITAL) | (is_upper & ~shouts)
    lower = tokens.shape == LOWER
    telling = (lower | tokens.has(lx.FREQUENT)) & ~tokens.has(lx.COMMON) & tokens.longer(1)
    titled = tokens.share(tokens.shape == CAPITAL, tokens.longer(3), least=4) > 0.6
    last = tokens.has(lx.LAST) & is_capital & ~tokens.has(lx.NOBODY)
    last &= ~(titled & tokens.has(lx.WORD))
    is_be = tokens.has(lx.BE)
    named = tokens.at(is_be, -1) & tokens.at(tokens.has(lx.NAMED), -2)
    return Signs(
        is_titled=titled,
        is_english=_is_english(tokens, telling),
        starts=(tokens.before >= FULL_STOP) | titled,
        is_capital=is_capital,
        kin=tokens.at(tokens.has(lx.KIN), -1) & (blank | (tokens.before == COMMA)),
        title=tokens.at(tokens.has(lx.TITLE), -1) & (blank | (tokens.before == FULL_STOP)),
        titled=tokens.at(tokens.has(lx.ADDRESS), -1)
        & (tokens.before != COMMA)
        & (tokens.before < STOP),
        called=(tokens.at(tokens.has(lx.CALLED), -1) | named) & blank,
        told=tokens.at(tokens.has(lx.TOLD), -1) & blank,
        toward=tokens.at(tokens.has(lx.TOWARD), -1) & blank,
        said=tokens.at(tokens.has(lx.SAID), 1) & (tokens.after == BLANK),
        owns=(tokens.after == APOSTROPHE) & tokens.at(tokens.has(lx.BE) & ~tokens.longer(1), 1),
        surname=tokens.at(last, 1) & (tokens.after == BLANK),
    )


def _is_english(tokens: Tokens, telling: Mask) -> Mask:
    """Tell of each word whether its text is English: most words that tell are.

    In a text of few words, names that no list has may be half of them.
    """
    english = tokens.has(lx.FREQUENT | lx.SAID | lx.KIN)
    share = tokens.share(english, telling)
    listed = telling & ~tokens.has(lx.LIKELY | lx.SURE)
    without_names = tokens.share(english, listed, least=2)
    is_english: Mask = (share > 0.55) | ((share > 0.45) & (without_names > 0.75))
    return is_english


def _listed(tokens: Tokens, signs: Signs) -> Mask:
    """Mark first names of the lists, each degree by its own signs."""
    capital, lower = signs.is_capital, tokens.shape == LOWER
    first = tokens.has(lx.COMMON | lx.FIRST)
    inside = tokens.has(lx.INSIDE)
    found = tokens.has(lx.COMMON) & (tokens.shape != LETTER) & (signs.is_english | ~lower)
    is_loud = (tokens.shape == UPPER) & ~tokens.has(lx.WORD) & tokens.longer(3)
    found |= first & (capital | is_loud)
    family = (tokens.shape == UPPER) & tokens.longer(3) & ~tokens.has(lx.WORD | lx.NOBODY)
    found |= first & (tokens.shape == UPPER) & tokens.at(family, 1) & (tokens.after == BLANK)
    rare = tokens.has(lx.FIRST) & ~tokens.has(lx.WORD) & tokens.longer(4)
    found |= rare & lower & signs.is_english
    goes_on = tokens.at(tokens.has(lx.STATE) & ~tokens.has(lx.PARTICLE), 1) & (
        tokens.after == BLANK
    )
    found |= inside & capital & goes_on & ~signs.is_titled
    found |= inside & capital & (~signs.starts | signs.sure | signs.toward | signs.owns)
    found |= tokens.has(lx.SIGNED) & capital & signs.sure
    # in lower case behind kin: "my boyfriend jake", "my son mark is four"
    states = tokens.at(tokens.has(lx.STATE), 1) & (tokens.after == BLANK)
    goes_on = states | signs.said | (tokens.after >= COMMA)
    found |= lower & signs.kin & first & ~tokens.has(lx.WORD)
    found |= lower & signs.kin & (tokens.before == BLANK) & (first | inside) & goes_on
    found |= lower & signs.called & (first | inside)
    found |= lower & signs.titled & (first | inside | tokens.has(lx.LAST))
    found |= lower & signs.title & (first | tokens.has(lx.LAST)) & ~tokens.has(lx.WORD)
    is_not = (tokens.after == APOSTROPHE) & tokens.at(tokens.has(lx.NOT), 1)
    clitic = (tokens.before == APOSTROPHE) & (~tokens.longer(2))
    is_region = tokens.has(lx.REGION) & ~signs.sure
    # "notice gaby gave herself": a verb that only a person does, and no article before
    alone = ~tokens.at(tokens.has(lx.DETERMINES | lx.KIN), -1) & ~tokens.has(lx.FREQUENT)
    does = tokens.at(tokens.has(lx.ACTS | lx.SAID) & ~tokens.has(lx.STATE), 1)
    does &= tokens.after == BLANK
    found |= lower & tokens.has(lx.FIRST) & alone & does & signs.is_english
    named: Mask = found & ~tokens.has(lx.NOBODY) & ~clitic & ~is_not & ~is_region
    return named


def _unlisted(tokens: Tokens, signs: Signs) -> Mask:
    """Mark capitalised words that no dictionary has, and family names, by their signs."""
    unknown = signs.is_capital & ~tokens.has(
        lx.WORD | lx.NOBODY | lx.REGION | lx.INSIDE | lx.SIGNED | lx.KIN | lx.TITLE
    )
    unknown &= tokens.shape == CAPITAL
    english = signs.is_english
    last = unknown & tokens.has(lx.LAST)
    found = unknown & (signs.kin | signs.called | signs.told | signs.said)
    found |= (tokens.shape == CAPITAL) & signs.title & ~tokens.has(lx.NOBODY)
    found |= last & english & (~signs.starts | tokens.longer(3))
    found |= unknown & tokens.at(last, 1) & (tokens.after == BLANK)
    well_spelt = ~tokens.has(lx.MISSPELT) | tokens.at(tokens.has(lx.PLACE), -1)
    found |= unknown & ~signs.starts & english & tokens.longer(2) & well_spelt
    found |= unknown & english & tokens.has(lx.LIKELY)
    lower = (tokens.shape == LOWER) & english & tokens.longer(4)
    found |= lower & tokens.has(lx.SURE)
    found |= _by_sequel(tokens, signs)
    rare = tokens.has(lx.WORD) & ~tokens.has(lx.FREQUENT | lx.NOBODY | lx.SIGNED | lx.REGION)
    found |= (tokens.shape == CAPITAL) & rare & tokens.has(lx.LAST) & (~signs.starts | signs.owns)
    named = tokens.has(lx.LAST | lx.FIRST) & ~tokens.has(lx.WORD | lx.NOBODY | lx.REGION | lx.CITY)
    found |= lower & named
    initial = tokens.at(tokens.shape == LETTER, -1) & (tokens.before == FULL_STOP)
    found |= unknown & initial
    return found


def _by_sequel(tokens: Tokens, signs: Signs) -> Mask:
    """Mark words that no list has and that do or own something: `Pyrion is`, `kapil's`."""
    bare = (tokens.known & ~(lx.LIKELY | lx.SURE | lx.LAST | lx.LEADS)) == 0
    verbs = tokens.has(lx.STATE | lx.SAID | lx.ACTS)
    states = tokens.at(verbs & (tokens.shape == LOWER), 1)
    acts = (states & (tokens.after == BLANK)) | signs.owns
    beside = acts | signs.kin | signs.toward | signs.titled
    is_told = tokens.has(lx.LIKELY | lx.SURE | lx.LAST) & beside & (tokens.shape == LOWER)
    is_capital = (tokens.shape == CAPITAL) & signs.starts & acts
    found: Mask = bare & signs.is_english & tokens.longer(3) & (is_told | is_capital)
    return found


def _longer(tokens: Tokens, signs: Signs, found: Mask) -> Mask:
    """Mark what belongs to a found name: family names, second names, initials, particles."""
    joined = (tokens.before == BLANK) | (tokens.before == HYPHEN)
    behind = tokens.at(found, -1)
    capital = tokens.shape == CAPITAL
    known = tokens.has(lx.LAST | lx.NAMES) | ~tokens.has(lx.FREQUENT)
    usable = known & ~tokens.has(lx.NOBODY | lx.REGION | lx.KIN)
    more: Mask = behind & joined & capital & usable
    more &= ~signs.is_titled | (tokens.has(lx.LAST) & ~tokens.has(lx.WORD))
    lower = (tokens.shape == LOWER) & tokens.has(lx.LAST) & ~tokens.has(lx.FREQUENT)
    bare = (tokens.known & ~(lx.LIKELY | lx.SURE | lx.LEADS)) == 0
    new = (tokens.shape == LOWER) & bare & tokens.longer(3) & signs.is_english
    lower |= new
    after_lower = tokens.at(tokens.shape == LOWER, -1) | (new & tokens.longer(4))
    more |= behind & (tokens.before == BLANK) & lower & after_lower
    short = (capital | (tokens.shape == UPPER)) & ~tokens.longer(3)
    short &= ~tokens.has(lx.WORD | lx.NOBODY | lx.REGION | lx.KIN | lx.TITLE | lx.CODE)
    more |= short & tokens.at(found, 1) & (tokens.after == BLANK) & ~signs.is_titled
    is_letter = (tokens.shape == LETTER) & ~tokens.has(lx.WORD)
    more |= behind & (tokens.before == BLANK) & is_letter
    after_initial = tokens.at(found & (tokens.shape == LETTER), -1)
    more |= after_initial & ((tokens.before == FULL_STOP) | (tokens.before == APOSTROPHE)) & capital
    before_name = tokens.at(found, 1) & (tokens.after == HYPHEN) & capital
    before_name |= behind & joined & capital & tokens.at(found, 1) & (tokens.after == BLANK)
    loud = (tokens.shape == UPPER) & tokens.longer(3) & ~tokens.has(lx.WORD | lx.NOBODY)
    more |= tokens.at(found & (tokens.shape == UPPER), -1) & (tokens.before == BLANK) & loud
    particle = tokens.has(lx.PARTICLE)
    leads = tokens.at(capital & usable, 1) & (tokens.after == BLANK)
    more |= before_name | (behind & (tokens.before == BLANK) & particle & leads)
    return more


def _beside(tokens: Tokens, signs: Signs, found: Mask) -> Mask:
    """Mark who is named together with a found name, `Karen and Hope`, and what stages call it."""
    blank = tokens.before == BLANK
    joined = tokens.at(tokens.has(lx.JOINS), -1) & blank & tokens.at(blank, -1)
    behind = joined & tokens.at(found, -2)
    before = tokens.at(tokens.has(lx.JOINS) & blank, 1) & tokens.at(found & blank, 2)
    nobody = tokens.has(lx.NOBODY | lx.REGION | lx.KIN | lx.TITLE)
    nobody |= tokens.has(lx.FREQUENT) & ~tokens.has(lx.NAMES)
    listed = tokens.has(lx.NAMES | lx.LAST)
    bare = (tokens.known & ~(lx.LIKELY | lx.SURE | lx.LEADS)) == 0
    capital = (tokens.shape == CAPITAL) & ~signs.is_titled & signs.is_capital
    lower = (tokens.shape == LOWER) & tokens.longer(3) & ~tokens.has(lx.WORD)
    names = (capital & (listed | bare)) | (lower & (listed | bare))
    beside: Mask = (behind | (before & ~signs.starts)) & names & ~nobody
    stage = tokens.has(lx.STAGE)
    written = capital & ~tokens.has(lx.NOBODY)
    beside |= stage & (tokens.after == BLANK) & tokens.at(found, 1)
    beside |= tokens.at(stage & signs.is_capital, -1) & blank & written
    return beside


def again(tokens: Tokens, found: Mask, places: Mask) -> Mask:
    """Mark the other mentions of what is a name in the same post."""
    is_first = tokens.has(lx.COMMON | lx.FIRST)
    is_capital = (tokens.shape == CAPITAL) & ~tokens.has(lx.SIGNED)
    telling = ~tokens.has(lx.WORD) | is_first | is_capital
    telling &= tokens.longer(2) & (tokens.shape != LETTER) & ~places
    posts = np.unique(tokens.post[found])
    at = np.flatnonzero(telling & ~found & np.isin(tokens.post, posts))
    if not len(at):
        return np.zeros_like(found)
    named, asked = (
        pl.DataFrame({"post": tokens.post[some], "lower": tokens.lower.gather(some.tolist())})
        for some in (np.flatnonzero(found), at)
    )
    again = asked.with_row_index("place").join(named, on=["post", "lower"], how="semi")
    marked = np.zeros_like(found)
    marked[at[again["place"].to_numpy()]] = True
    return marked
