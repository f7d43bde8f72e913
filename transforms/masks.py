"""The placeholders a masked text may hold, and the characters that stand for them meanwhile.

While a text is being masked, each placeholder is one character of Unicode's private use area, a
seal: no later pattern can look into it, and a link or address with a masked part is still one.
"""

from typing import Final

from schema.vocabulary import LINK_CATEGORIES

MASKS: Final = (
    "HANDLE",  # @name, a handle that is a domain, a DID, an at-uri
    "USER",  # u/name, the post's own author and the accounts it answers, names made like accounts
    "EMAIL",
    "PHONE",
    "ID",  # a platform's id of a post, account or blob
    *(f"LINK:{category}" for category in LINK_CATEGORIES),
)
PLACEHOLDERS: Final = tuple(f"[{mask}]" for mask in MASKS)

SEALS: Final = tuple(chr(0xE000 + number) for number in range(len(MASKS)))
SEAL: Final = dict(zip(MASKS, SEALS, strict=True))
SPARED: Final = "\ue01f"  # stands for an @ that opens an everyday word
SEALED: Final = r"\x{E000}-\x{E01F}"  # all of them, inside a pattern's brackets
