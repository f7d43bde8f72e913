r"""What the scrubber's patterns are made of.

They are of Rust's regular expressions: no look-around, linear in the length of the text.
`(?-u:\b)` and `[0-9]` are ASCII on purpose: same result on real text, much faster. `${1}` is
what stood before and stays; `SEALED` lets a pattern take along what an earlier one masked.
"""

from dataclasses import dataclass
from typing import Final

from transforms.masks import SEAL


@dataclass(frozen=True, slots=True)
class Rule:
    """What to look for and what to put in its place."""

    pattern: str
    replacement: str


@dataclass(frozen=True, slots=True)
class Group:
    """Rules that share a trigger: a text without it is looked at no further."""

    trigger: str
    rules: tuple[Rule, ...]


B: Final = r"(?-u:\b)"
WORD: Final = r"\p{L}\p{N}_"
APART: Final = rf"(^|[^{WORD}])"  # no word right before


def kept(mask: str) -> str:
    """Keep what the first group holds and put a placeholder's seal behind it."""
    return "${1}" + SEAL[mask]
