"""The codebook's own invented examples as posts: their text with the value they teach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from demo.truth import GATED, OPEN

ROOT_CODES: Final = frozenset({"struggleposting", *GATED, *OPEN})
REPLY_CODES: Final = frozenset(
    {
        "reply_emotional_support",
        "reply_esteem_validation",
        "reply_informational_support",
        "reply_shared_experience",
        "reply_hostile_dismissive",
        "reply_privacy_intrusion",
        "author_relief_followup",
    }
)


class PositiveLike(Protocol):
    """An example that carries its code."""

    @property
    def text(self) -> str:
        """The invented text."""

    @property
    def value(self) -> int:
        """Value of the code it stands under, 1 or 2."""


class NearMissLike(Protocol):
    """An example that only looks like its code."""

    @property
    def text(self) -> str:
        """The invented text."""

    @property
    def instead(self) -> str:
        """The code that does apply, or `none`."""


class ExamplesLike(Protocol):
    """One code's examples, as the codebook's model holds them."""

    @property
    def positive(self) -> Sequence[PositiveLike]:
        """What carries the code."""

    @property
    def near_miss(self) -> Sequence[NearMissLike]:
        """What only looks like it."""


@dataclass(frozen=True, slots=True, repr=False)
class ReadyPost:
    """An example as a post to be: text and planted values."""

    text: str
    values: Mapping[str, int]


def ready_posts(
    examples: Mapping[str, ExamplesLike],
) -> tuple[tuple[ReadyPost, ...], tuple[ReadyPost, ...]]:
    """Turn examples into root posts and replies; cards, threads and safety examples stay out."""
    roots: list[ReadyPost] = []
    replies: list[ReadyPost] = []
    for code, group in examples.items():
        taught = [(one.text, code, one.value) for one in group.positive]
        taught += [(one.text, one.instead, 1) for one in group.near_miss]
        for text, named, value in taught:
            if "[" in text:
                continue
            if code in ROOT_CODES and (named in ROOT_CODES or named == "none"):
                roots.append(ReadyPost(text, _with_gate(named, value)))
            elif code in REPLY_CODES and (named in REPLY_CODES or named == "none"):
                replies.append(ReadyPost(text, _values(named, value)))
    return tuple(roots), tuple(replies)


def _values(code: str, value: int) -> dict[str, int]:
    return {} if code == "none" else {code: value}


def _with_gate(code: str, value: int) -> dict[str, int]:
    """Add the gate code, without which a gated code cannot be given."""
    values = _values(code, value)
    if code in GATED:
        values["struggleposting"] = 2
    return values
