"""What is known of a word alone: whether it is a name, a place, a dictionary word or a cue.

The lists lie in `gazetteer/`, whose README states where each is from and its licence.
"""

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import polars as pl

GAZETTEER: Final = Path(__file__).with_name("gazetteer")

DERIVED: Final = ("web_words", "web_names")  # lists that were learnt from the others

# One bit each, so that one number says everything of a word.
COMMON: Final = 1  # a common first name: a name in any case
FIRST: Final = 2  # a first name: where it is capitalised
INSIDE: Final = 4  # a first name where it is capitalised inside a sentence
SIGNED: Final = 8  # a first name only where a cue says so
LAST: Final = 16
WORD: Final = 32  # in the dictionary
TOWN: Final = 64
NOBODY: Final = 128  # a brand, a drug, a people: capitalised, and no person
KIN: Final = 256
TITLE: Final = 512
SAID: Final = 1024
TOWARD: Final = 2048
CALLED: Final = 4096
STATE: Final = 8192
PLACE: Final = 16384
DWELLING: Final = 32768
DISTRICT: Final = 65536
CITY: Final = 1 << 17  # a town of 200,000 and more
REGION: Final = 1 << 18  # a country or state, too large to name anybody
TOLD: Final = 1 << 19
NAMED: Final = 1 << 20
FREQUENT: Final = 1 << 30  # among the 6,000 most frequent words
NAMES: Final = COMMON | FIRST | INSIDE | SIGNED

BE: Final = 1 << 22
IN: Final = 1 << 23
PARTICLE: Final = 1 << 24
ADDRESS: Final = 1 << 25  # a title that is nothing else
CODE: Final = 1 << 26  # a state's two letters
LIKELY: Final = 1 << 28  # in no list, and its letters are rather a name's
SURE: Final = 1 << 29  # in no list, and its letters are a name's
NOT: Final = 1 << 21  # the t of don't
LEADS: Final = 1 << 27  # a place of several words begins with it
STAGE: Final = 1 << 31  # begins a stage name: lil, dj
ACTS: Final = 1 << 32  # a verb of the third person that is hardly a noun
SCENE: Final = 1 << 33  # a kind of place that is a word or a family name as well: lake, park
JOINS: Final = 1 << 34
DETERMINES: Final = 1 << 36  # the, my
MISSPELT: Final = 1 << 35  # in no list, and one letter off a frequent word

_CUES: Final = {
    "kin": KIN, "title": TITLE, "said": SAID, "toward": TOWARD, "called": CALLED, "state": STATE,
    "told": TOLD, "named": NAMED, "place": PLACE, "dwelling": DWELLING, "district": DISTRICT,
    "nobody": NOBODY, "sight": NOBODY | DISTRICT,
    "stage": STAGE, "acts": ACTS, "scene": SCENE, "joins": JOINS,
    "determiner": DETERMINES,
    "be": BE, "inside": IN, "particle": PARTICLE, "address": ADDRESS, "code": CODE, "negation": NOT,
}  # fmt: skip
_SHORT: Final = 3  # letters: rare names so short are words in some language


@cache
def lexicon() -> pl.DataFrame:
    """Give `by_word` as a frame: `word` (lower case, unique) and `known`."""
    return pl.DataFrame(
        {"word": list(by_word()), "known": list(by_word().values())},
        schema={"word": pl.String, "known": pl.Int64},
    )


@cache
def by_word() -> dict[str, int]:
    """Read the lists: of each word, in lower case, the bits that hold."""
    known: dict[str, int] = {}

    def learn(words: set[str], bit: int) -> None:
        for word in words:
            known[word] = known.get(word, 0) | bit

    degrees = _sections()
    in_degree = set[str]().union(*degrees.values())
    cues = _cues()
    common, rare = _list("common_first_names") - in_degree, _list("first_names") - in_degree
    common |= degrees["common"] | set(cues.pop("famous").split())
    towns = _single(_lines("cities")) - set(cues.pop("ordinary_towns").split())
    nicknames = set(cues.pop("town_nicknames").split())
    surnames = set(cues.pop("surnames").split())
    frequent = _list("frequent_words") - common - towns - surnames
    modern = set(cues.pop("words").split())
    plain = _list("words") | (_list("nouns") - rare)
    words = (plain - common - towns - surnames) | frequent | modern
    last = _list("last_names") | _list("famous")
    learn(words, WORD)
    learn(frequent, FREQUENT)
    learn({name for name in common if len(name) > _SHORT or name not in _list("words")}, COMMON)
    learn(common, FIRST)
    learn(rare - words - towns, FIRST)
    learn((rare & words) - last, SIGNED)
    learn(degrees["capitalised"], FIRST)
    learn(degrees["inside"], INSIDE)
    learn(degrees["signed"], SIGNED)
    learn(last, LAST)
    learn(_single(places() | villages()), TOWN)
    learn(_single(_lines("cities")) | nicknames, CITY)
    learn(_single(_lines("regions")), REGION)
    long = (places() | villages()) - _single(places() | villages())
    learn({re.split("[ -]", place)[0] for place in long}, LEADS)
    for cue, listed in cues.items():
        learn(set(listed.split()), _CUES[cue])
    web_words, web_names = (_list(name) - known.keys() for name in DERIVED)
    learn(web_words, WORD)
    learn(web_names, LIKELY | SURE)
    return known


@cache
def places() -> frozenset[str]:
    """Read the names of towns, lower case, of up to three words; of big ones in every language."""
    return _lines("places") | _lines("cities") | _lines("spellings") | _lines("landmarks")


@cache
def villages() -> frozenset[str]:
    """Read the names of places so small that only capitals and a cue tell them from words."""
    return _lines("villages")


@cache
def regions() -> frozenset[str]:
    """Read the names of countries and states, lower case: too large to name anybody."""
    return _lines("regions")


@cache
def _many() -> frozenset[str]:
    return frozenset(_cues()["nobody"].split())


def employs_many(name: str) -> bool:
    """Tell whether so many work for an employer that it tells nobody."""
    return name.lower().split()[0] in _many()


def _lines(name: str) -> frozenset[str]:
    return frozenset(_read(name).strip().replace("\n", "|").split("|"))


def _single(names: frozenset[str]) -> set[str]:
    return {name for name in names if " " not in name and "-" not in name}


def _read(name: str) -> str:
    return (GAZETTEER / f"{name}.txt").read_text(encoding="utf-8")


def derived() -> set[str]:
    """Read the words that no list but the learnt ones has, or that those have as well."""
    return set[str]().union(*map(_list, DERIVED))


def _list(name: str) -> set[str]:
    return set(_read(name).split())


def _sections() -> dict[str, set[str]]:
    """Read the first names that are also words, by their degree."""
    degrees: dict[str, set[str]] = {}
    for line in _read("names_that_are_words").splitlines():
        if line.startswith("["):
            degree = degrees.setdefault(line.strip("[]"), set())
        elif line and not line.startswith("#"):
            degree.update(line.split())
    return degrees


def _cues() -> dict[str, str]:
    with (GAZETTEER / "cues.toml").open("rb") as file:
        cues: dict[str, str] = tomllib.load(file)
    return cues
