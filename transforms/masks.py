"""The placeholders a masked text may hold, and the characters that stand for them meanwhile.

While a text is being masked, each placeholder is one character of Unicode's private use area, a
seal: no later pattern can look into it, and a link or address with a masked part is still one.
"""

from typing import Final

import polars as pl

from schema.vocabulary import LINK_CATEGORIES

MASKS: Final = (
    "HANDLE",  # @name, a handle that is a domain, a DID, an at-uri
    "USER",  # u/name, the post's own author and the accounts it answers, names made like accounts
    "EMAIL",
    "PHONE",
    "ID",  # a platform's id of a post, account or blob
    *(f"LINK:{category}" for category in LINK_CATEGORIES),
    "NAME",  # a person, [NAME 2] the second one that a post names
    "PLACE",  # a town or district, never a country or state
    "ADDRESS",  # street and house number
    "POSTCODE",
    "DATE",  # of birth
    "AGE",  # where a birthday stands beside it
    "EMPLOYER",
    "SCHOOL",
    "HOSPITAL",
    "IP",
    "PAYMENT",  # a card or bank account, by its check digits
    "WALLET",
    "IDENTITY",  # a number that a state or insurer gives to a person
    "VEHICLE",
    "CASE",  # a file, docket, report or claim
    "DETAIL",  # what a coder marked as identifying
)
NAMES_COUNT: Final = 99  # persons that are told apart in one post
PLACEHOLDER: Final = r"\[[A-Z]+(?::[a-z_]+)?(?: [0-9]{1,2})?\]"  # any, as a pattern
_NUMBERED: Final = tuple(f"[NAME {number}]" for number in range(2, NAMES_COUNT + 1))
PLACEHOLDERS: Final = (*(f"[{mask}]" for mask in MASKS), *_NUMBERED)

SEALS: Final = tuple(chr(0xE000 + number) for number in range(len(PLACEHOLDERS)))
SEAL: Final = dict(zip(MASKS, SEALS, strict=False))
SPARED: Final = "\ue0ff"  # stands for an @ that opens an everyday word
SEALED: Final = r"\x{E000}-\x{E0FF}"  # all of them, inside a pattern's brackets


def name_seal(number: int) -> str:
    """Give the seal of a post's person, from 1."""
    return SEAL["NAME"] if number == 1 else SEALS[len(MASKS) + number - 2]


_WRITTEN: Final = pl.lit(pl.Series(PLACEHOLDERS).implode())
_SEALED: Final = pl.lit(pl.Series(SEALS).implode())


def sealed(text: pl.Expr) -> pl.Expr:
    """Put seals for placeholders."""
    return text.str.replace_many(_WRITTEN, _SEALED)


def unsealed(text: pl.Expr) -> pl.Expr:
    """Put placeholders for seals."""
    return text.str.replace_many(_SEALED, _WRITTEN)
