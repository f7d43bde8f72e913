"""Word lists: the only thing that picks posts before people code them.

They raise the chance of posts that may hold a rare code (enrichment), and find the authors who may
have told of struggles often enough for a timeline. Nothing is learned from any post.
"""

import re
import tomllib
from importlib import resources

DISCLOSURE = "struggleposting"  # the list that finds disclosures; every other enriches its code


def word_lists() -> dict[str, str]:
    """Return each list as one regular expression for a text in lower case, by code.

    RE2 reads it as Python does: phrases as whole words, the longest first.
    """
    text = (resources.files("annotation") / "word_lists.toml").read_text("utf-8")
    return {code: _expression(phrases) for code, phrases in tomllib.loads(text).items()}


def _expression(phrases: list[str]) -> str:
    ordered = sorted(phrases, key=lambda phrase: (-len(phrase), phrase))
    return rf"\b(?:{'|'.join(re.escape(phrase) for phrase in ordered)})\b"
