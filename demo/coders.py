"""Simulated coders: their answers are drawn round the planted truth, and marked as simulated.

Pure. A coder gives the same answer to the same post every time. Most codes are coded with care;
`Skill.hazy_codes` are those on which coders differ so much that the floors of agreement are missed,
so that a study's locks show.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from demo.model import Community, Post
from demo.truth import BINARY, GATED

ROOT_CODES: Final = (
    "out_of_scope",
    "crisis_flag",
    "identifying_detail",
    "struggleposting",
    *GATED,
    "theme_stigma_openness",
    "theme_advice_crowdsourcing",
    "help_seeking_step",
    "feedback_uptake",
)
REPLY_CODES: Final = (
    "out_of_scope",
    "crisis_flag",
    "identifying_detail",
    "reply_emotional_support",
    "reply_esteem_validation",
    "reply_informational_support",
    "reply_shared_experience",
    "reply_hostile_dismissive",
    "reply_privacy_intrusion",
    "author_relief_followup",
    "feedback_uptake",
    "help_seeking_step",
)
SURE: Final = frozenset({"crisis_flag", "identifying_detail", "out_of_scope", "struggleposting"})


@dataclass(frozen=True, slots=True)
class Errors:
    """Chances: to miss a code that is there, to see one that is not, to take 1 for 2."""

    miss: float
    invent: float
    step: float


@dataclass(frozen=True, slots=True)
class Skill:
    """How well coders see."""

    clear: Errors = Errors(miss=0.02, invent=0.001, step=0.06)
    hazy: Errors = Errors(miss=0.30, invent=0.06, step=0.25)
    hazy_codes: frozenset[str] = frozenset(
        {"digital_vulnerability_signaling", "theme_authentic_identity", "relatability_currency"}
    )

    def errors(self, code: str) -> Errors:
        """Give the chances for a code."""
        if code in SURE:
            return Errors(miss=0.004, invent=0.0, step=0.03)
        return self.hazy if code in self.hazy_codes else self.clear


@dataclass(frozen=True, slots=True)
class Span:
    """Where in the text on show a code was seen: offsets in code points."""

    code_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a simulated coder says of one post: values ≥ 1; a code that is absent is 0."""

    values: Mapping[str, int]
    certainties: Mapping[str, int]
    spans: tuple[Span, ...]


def simulated_answer(
    community: Community,
    native_id: str,
    *,
    coder: str,
    text: str,
    seed: int = 1,
    skill: Skill | None = None,
) -> Answer:
    """Answer for one post whose masked text is `text`, as `coder` would.

    Raises:
        KeyError: the community has no such post.
    """
    post = community.by_id[native_id]
    rng = _stream(seed, coder, native_id)
    values = _values(rng, post, skill or Skill())
    certainties = {
        code: _certainty(rng, is_right=post.values.get(code, 0) == values[code]) for code in values
    }
    evidence = dict(post.evidence)
    spans = [
        Span(code, start, end)
        for code in values
        for start, end in find_spans(text, [evidence[code]] if code in evidence else [])
    ]
    return Answer(values, certainties, tuple(spans))


def simulated_card_answer(
    unit_key: int, codes: Sequence[str], *, coder: str, seed: int = 1, skill: Skill | None = None
) -> Answer:
    """Answer for a thread, a timeline or a community's week, as `coder` would.

    Nothing is planted in these: each has a value of its own, drawn from its key, round which the
    coders' answers are drawn.
    """
    truth = _stream(seed, "truth", f"{unit_key:016x}")
    planted = {code: int(truth.choice(3, p=(0.6, 0.25, 0.15))) for code in codes}
    rng = _stream(seed, coder, f"{unit_key:016x}")
    errors = (skill or Skill()).clear
    seen = {code: _seen(rng, code, value, errors) for code, value in planted.items()}
    certainties = {code: _certainty(rng, is_right=seen[code] == planted[code]) for code in codes}
    return Answer({code: value for code, value in seen.items() if value}, certainties, ())


def find_spans(text: str, sentences: Sequence[str]) -> list[tuple[int, int]]:
    """Find sentences in a masked text; one that masking changed is found by its words.

    With no sentence to look for, or none alike, the text's first sentence stands in. An empty text
    has no span.
    """
    found = [(text.find(one), text.find(one) + len(one)) for one in sentences if one in text]
    if found:
        return found
    pieces = [match.span() for match in re.finditer(r"\S[^.!?\n]*[.!?]*", text)]
    if not pieces:
        return []
    wanted = {word for one in sentences for word in _words(one)}
    alike = [len(wanted & _words(text[start:end])) for start, end in pieces]
    return [pieces[int(np.argmax(alike))]]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _stream(seed: int, coder: str, native_id: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}\x1f{coder}\x1f{native_id}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def _values(rng: np.random.Generator, post: Post, skill: Skill) -> dict[str, int]:
    """Draw what the coder ticks, by the codebook's gates."""
    asked = ROOT_CODES if post.is_root else REPLY_CODES
    seen = {code: _seen(rng, code, post.values.get(code, 0), skill.errors(code)) for code in asked}
    for alone in ("crisis_flag", "out_of_scope"):
        if seen[alone]:
            return {alone: 1}
    is_open = not post.is_root or seen["struggleposting"] >= 1
    return {code: value for code, value in seen.items() if value and (is_open or code not in GATED)}


def _seen(rng: np.random.Generator, code: str, truth: int, errors: Errors) -> int:
    """Draw one value; the same number of draws whatever the outcome."""
    slip, step = rng.random(), rng.random()
    if not truth:
        return 1 if slip < errors.invent else 0
    if slip < errors.miss:
        return 0
    if code in BINARY or step >= errors.step:
        return truth
    return 3 - truth


def _certainty(rng: np.random.Generator, *, is_right: bool) -> int:
    shares = (0.03, 0.15, 0.82) if is_right else (0.35, 0.45, 0.20)
    return 1 + int(rng.choice(3, p=shares))
