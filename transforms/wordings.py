"""A post's wording as duplicates are told by it: its words, normalised."""

from typing import Final

import polars as pl

from transforms.masks import PLACEHOLDER

_IGNORED: Final = rf"(?i){PLACEHOLDER}|[a-z][a-z0-9+.\-]{{1,20}}://\S+|\bwww\.\S+"
# Scripts written without blanks: each character is a word.
_SINGLE: Final = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORDS: Final = rf"[{_SINGLE}]|[[\p{{L}}\p{{M}}\p{{N}}]--[{_SINGLE}]]+"


def words_of(text: pl.Expr) -> pl.Expr:
    """List a masked text's words: letters and digits alone, in lower case.

    Links and placeholders are out; full-width and other forms count as the plain ones (NFKC).
    """
    return (
        text.str.replace_all(_IGNORED, " ")
        .str.normalize("NFKC")
        .str.to_lowercase()
        .str.extract_all(_WORDS)
    )
