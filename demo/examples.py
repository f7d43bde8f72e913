"""The codebook's own invented examples as posts: their text with the value they teach."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from demo.truth import GATED, OPEN

SAFETY: Final = frozenset({"crisis_flag", "identifying_detail"})
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


class ExampleLike(Protocol):
    """What the community needs of a codebook's example.

    A positive example has its `value` ≥ 1; a near miss has 0 or None, and `instead` names the code
    that holds in place of this one (or None, or "none").
    """

    @property
    def text(self) -> str:
        """The invented text."""

    @property
    def value(self) -> int | None:
        """Value of the code it stands under."""

    @property
    def instead(self) -> str | None:
        """Near misses: the code that does apply."""


@dataclass(frozen=True, slots=True, repr=False)
class Example:
    """An example as plain values."""

    text: str
    value: int | None = None
    instead: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class ReadyPost:
    """An example as a post to be: text and planted values."""

    text: str
    values: Mapping[str, int]


def ready_posts(
    examples: Mapping[str, Sequence[ExampleLike]],
) -> tuple[tuple[ReadyPost, ...], tuple[ReadyPost, ...]]:
    """Turn examples into root posts and replies; cards, threads and safety examples stay out."""
    roots: list[ReadyPost] = []
    replies: list[ReadyPost] = []
    for code, group in examples.items():
        for example in group:
            if code in SAFETY or "[" in example.text:
                continue
            named = code if example.value else example.instead
            if named in SAFETY:
                continue
            if code in ROOT_CODES and (named in ROOT_CODES or named in (None, "none")):
                roots.append(ReadyPost(example.text, _with_gate(named, example.value)))
            elif code in REPLY_CODES and (named in REPLY_CODES or named in (None, "none")):
                replies.append(ReadyPost(example.text, _values(named, example.value)))
    return tuple(roots), tuple(replies)


def _values(code: str | None, value: int | None) -> dict[str, int]:
    return {} if code in (None, "none") else {str(code): value or 1}


def _with_gate(code: str | None, value: int | None) -> dict[str, int]:
    """Add the gate code that a gated code needs; theme_support_community and such are binary."""
    values = _values(code, value)
    if code in GATED:
        values["struggleposting"] = 2
    return values
