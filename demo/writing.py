"""Put planted values into words: sentences that carry a code, among sentences that carry none.

The sentences stand in `sentences_*.toml`. Posts differ enough that all duplicates are planted ones.
"""

import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from importlib import resources
from itertools import pairwise
from string import Formatter
from typing import Any, Final

import numpy as np

from schema.vocabulary import Platform

BLUESKY_CHARS: Final = 300  # graphemes; the sentences are plain letters
SHARED_WORDING: Final = 0.3  # Jaccard, over words and pairs of words
TRIES: Final = 60


@cache
def sentences(name: str) -> Mapping[str, Any]:
    """Read one of the sentence files: `root`, `reply` or `plain`."""
    path = resources.files("demo").joinpath(f"sentences_{name}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


@lru_cache(maxsize=8_192)
def _shingles(text: str) -> frozenset[str | tuple[str, str]]:
    """Give a text's words and pairs of neighbouring words."""
    words = re.findall(r"\w+", text.lower())
    return frozenset(words) | frozenset(pairwise(words))


@dataclass(frozen=True, slots=True, repr=False)
class Draft:
    """A text, the sentence that carries each code, and the stock sentences used."""

    text: str
    evidence: tuple[tuple[str, str], ...]
    stock: tuple[str, ...]
    language: str = "en"


@dataclass(slots=True, repr=False)
class Writer:
    """Writes texts from a seed and remembers their stock sentences."""

    rng: np.random.Generator
    _used: dict[str, list[str]] = field(default_factory=dict)
    _texts: set[str] = field(default_factory=set)

    def root(self, platform: Platform, values: Mapping[str, int]) -> tuple[Draft, dict[str, int]]:
        """Write a root post; codes that do not fit a short post are dropped from the values."""
        kept = dict(values)
        while True:
            draft = self._fresh(lambda: self._root(platform, kept))
            if platform == "reddit" or len(draft.text) <= BLUESKY_CHARS:
                return draft, kept
            spare = [code for code in kept if code != "struggleposting"]
            kept.pop(spare[-1] if spare else "struggleposting")

    def reply(
        self, platform: Platform, values: Mapping[str, int], *, small_talk: Sequence[str]
    ) -> tuple[Draft, dict[str, int]]:
        """Write a reply; codes that do not fit a short post are dropped from the values.

        `small_talk` are sentences to say where there is nothing else to say.
        """
        kept = dict(values)
        while True:
            draft = self._fresh(lambda: self._reply(kept, small_talk))
            if platform == "reddit" or len(draft.text) <= BLUESKY_CHARS:
                return draft, kept
            kept.pop(next(reversed(kept)))

    def remember(self, draft: Draft) -> None:
        """Keep a text's stock sentences, so that later texts differ."""
        self._texts.add(draft.text)
        for sentence in draft.stock:
            self._used.setdefault(sentence, []).append(draft.text)

    def title(self, *, is_struggle: bool) -> str:
        """Write a Reddit title."""
        titles = sentences("plain")["titles"]
        return self.fill(self._pick(titles["struggle" if is_struggle else "ordinary"]))

    def edit_line(self) -> str:
        """Write the line that people add below an edited post."""
        return self._pick(sentences("plain")["neutral"]["edit"])

    def fill(self, template: str) -> str:
        """Fill a sentence's slots and begin it with a capital."""
        plain = sentences("plain")
        slots = {**plain["slots"], **plain["detail_slots"]}
        names = [name for _, name, _, _ in Formatter().parse(template) if name]
        text = template.format_map({name: self._pick(slots[name]) for name in names})
        return text[0].upper() + text[1:]

    def _fresh(self, write: Callable[[], Draft]) -> Draft:
        draft = write()
        for _ in range(TRIES):
            if not self._is_stale(draft):
                break
            draft = write()
        self.remember(draft)
        return draft

    def _is_stale(self, draft: Draft) -> bool:
        """Whether an earlier text shares a stock sentence and too much else."""
        if draft.text in self._texts:
            return True
        earlier = {text for sentence in draft.stock for text in self._used.get(sentence, ())}
        own = _shingles(draft.text)
        return any(
            len(own & other) > SHARED_WORDING * len(own | other)
            for other in map(_shingles, earlier)
        )

    def _pick(self, choices: Sequence[str]) -> str:
        return choices[int(self.rng.integers(len(choices)))]

    def _root(self, platform: Platform, values: Mapping[str, int]) -> Draft:
        plain, stock = sentences("plain"), sentences("root")
        if "out_of_scope" in values:
            return self._unusable(plain["out_of_scope"]["root"])
        carriers = {
            code: self._pick(stock[code][str(value)])
            for code, value in values.items()
            if code in stock
        }
        gate = carriers.pop("struggleposting", None)
        lead = [gate] if gate else [self._pick(plain["ordinary"]["root"])]
        if values.get("struggleposting") == 1:
            lead.insert(0, self._pick(plain["ordinary"]["root"]))
        body = list(carriers.values())
        self.rng.shuffle(body)
        roomy = platform == "reddit"
        lines = [*lead, *body, *self._details(2 if roomy else 1, "root")]
        if not roomy and sum(map(len, lines)) + 3 * len(lines) > BLUESKY_CHARS:
            lines.pop()
        if roomy and self.rng.random() < 0.6:
            lines.insert(0, self._pick(plain["neutral"]["opener"]))
        if roomy and self.rng.random() < 0.6:
            lines.append(self._pick(plain["neutral"]["closer"]))
        if not gate and self.rng.random() < 0.7:
            lines.insert(1, self._pick(plain["ordinary"]["more"]))
        evidence = dict(carriers) | ({"struggleposting": gate} if gate else {})
        return self._assemble(lines, evidence, paragraphs=roomy)

    def _reply(self, values: Mapping[str, int], small_talk: Sequence[str]) -> Draft:
        plain, stock = sentences("plain"), sentences("reply")
        if "out_of_scope" in values:
            return self._unusable(plain["out_of_scope"]["reply"])
        carriers = {code: self._pick(stock[code][str(value)]) for code, value in values.items()}
        lines = list(carriers.values())
        self.rng.shuffle(lines)
        if not lines or self.rng.random() < 0.2:
            lines.insert(0, self._pick(small_talk))
        lines += self._details(2 if max(map(len, lines)) > 24 else 1, "reply")
        return self._assemble(lines, carriers)

    def _unusable(self, choices: Sequence[Mapping[str, str]]) -> Draft:
        """Write what cannot be coded: another language, a bot, an advert."""
        chosen = choices[int(self.rng.integers(len(choices)))]
        language = chosen["language"]
        small_talk = self._details(2, "reply") if language == "en" else self._elsewhere(language)
        lines = [chosen["text"], *small_talk]
        draft = self._assemble(lines, {"out_of_scope": lines[0]})
        return replace(draft, language=language)

    def _elsewhere(self, language: str) -> list[str]:
        """Write three sentences of small talk in another language."""
        parts = sentences("plain")["elsewhere"][language]
        return [" ".join(self._pick(part) for part in parts) for _ in range(3)]

    def _details(self, count: int, kind: str) -> list[str]:
        """Write small talk that carries no code and is hardly ever the same twice."""
        forms = sentences("plain")["details"][kind]
        return [self.fill(self._pick(forms)) for _ in range(count)]

    def _assemble(
        self, lines: Sequence[str], carriers: Mapping[str, str], *, paragraphs: bool = False
    ) -> Draft:
        filled = {line: self.fill(line) for line in lines}
        glue = [
            "\n\n" if paragraphs and self.rng.random() < 0.3 else " " for _ in range(len(lines) - 1)
        ]
        text = filled[lines[0]] + "".join(
            space + filled[line] for space, line in zip(glue, lines[1:], strict=True)
        )
        evidence = tuple((code, filled[line]) for code, line in carriers.items())
        return Draft(text, evidence, tuple(lines))
