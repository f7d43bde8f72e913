"""What kind of page a link leads to: one rule for link columns and for URLs inside texts.

The rules are data, in `link_hosts.toml`; a person can read and extend them.
"""

import tomllib
from pathlib import Path
from typing import Final, cast

import polars as pl

from schema.vocabulary import LINK_CATEGORIES, LinkCategory
from transforms.masks import SEALED

RULES_FILE: Final = Path(__file__).with_name("link_hosts.toml")

# A link ends at a blank, an angle bracket or a quote, and never with punctuation.
REST: Final = r"""[^\s<>"]*[^\s<>"'.,;:!?)\]}*~|\x{2018}-\x{201F}\x{2026}]"""
TAIL: Final = rf"[/?#](?:{REST})?"
SCHEME: Final = r"(?:[a-z][a-z0-9+\-]{1,20}://)"
# A link without scheme begins where no word, address or path is under way.
START: Final = r"(^|[^0-9A-Za-z_@/.]|\.\.)"
_LABELS: Final = rf"(?:[\p{{L}}\p{{N}}_\-{SEALED}]+\.)*"


def _read_rules() -> tuple[tuple[LinkCategory, str], ...]:
    """Turn the file into patterns for whole links without scheme, in the order to ask them."""
    with RULES_FILE.open("rb") as file:
        rules = tomllib.load(file)
    if unknown := set(rules) - set(LINK_CATEGORIES):
        raise ValueError(f"{RULES_FILE.name} has unknown categories: {', '.join(sorted(unknown))}")
    return tuple(
        (cast(LinkCategory, category), pattern(rule[kind]))
        for kind, pattern in (("pages", _pages), ("hosts", _hosts), ("parameters", _parameters))
        for category, rule in rules.items()
        if kind in rule
    )


def _pages(pages: list[str]) -> str:
    # a page's rule may end inside a word, so the rest of the link is taken along
    return rf"{_LABELS}(?:{'|'.join(pages)})(?:{REST})?"


def _hosts(hosts: list[str]) -> str:
    names = "|".join(host.replace(".", r"\.") for host in hosts)
    return rf"{_LABELS}(?:{names})(?-u:\b)(?::[0-9]+)?(?:{TAIL})?"


def _parameters(parameters: list[str]) -> str:
    named = rf"""\?(?:[^\s<>"]*&)?(?:{"|".join(parameters)})"""
    return rf"""[^\s<>"?@]+\.[^\s<>"?@]+{named}(?:{REST})?"""


LINK_RULES: Final = _read_rules()


def link_category(url: pl.Expr) -> pl.Expr:
    """Sort whole links into categories; strings to strings, null to null, never anything else."""
    bare = url.str.strip_chars().str.replace(rf"(?i)^{SCHEME}?(?:www\.)?", "")
    found = pl.lit("other")
    for category, pattern in reversed(LINK_RULES):
        fits = bare.str.contains(rf"(?i)^(?:{pattern})")
        found = pl.when(fits).then(pl.lit(category)).otherwise(found)
    return pl.when(url.is_not_null()).then(found)
