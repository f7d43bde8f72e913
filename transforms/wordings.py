"""A post's wording as duplicates are told by it: its words, normalised."""

from typing import Final

import polars as pl

from transforms.masks import PLACEHOLDER

# an ASCII boundary: one of Unicode's would make the search of any other text twenty times slower
_SIGNS_OF_IGNORED: Final = ["[", "://", "www."]
_IGNORED: Final = rf"(?i){PLACEHOLDER}|[a-z][a-z0-9+.\-]{{1,20}}://\S+|(?-u:\b)www\.\S+"
# Scripts written without blanks: each character is a word.
_SINGLE: Final = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_IN_WORDS: Final = rf"\p{{L}}\p{{M}}\p{{N}}{_SINGLE}"
# whatever parts words, but for the one blank that may stay as it is
_BETWEEN: Final = rf"[^{_IN_WORDS} ][^{_IN_WORDS}]*| [^{_IN_WORDS}]+"


def wordings(texts: pl.Series) -> pl.Series:
    """Return masked texts' words with one blank between; n texts to n, null where there is none.

    Letters and digits alone, in lower case; links and placeholders are out; full-width and other
    forms count as the plain ones (NFKC).
    """
    text, odd = pl.col("text"), pl.col("odd")
    is_odd = text.str.len_bytes() != text.str.len_chars()
    is_marked = text.str.contains_any(_SIGNS_OF_IGNORED, ascii_case_insensitive=True)
    rest = pl.when(is_marked).then(text).str.replace_all(_IGNORED, " ")
    return (
        texts.rename("text")
        .to_frame()
        .with_columns(pl.coalesce(rest, text))  # a search of null costs nothing
        .with_columns(odd=pl.when(is_odd).then(text).str.normalize("NFKC"))
        .with_columns(odd.str.to_lowercase().str.replace_all(rf"[{_SINGLE}]", " ${0} "))
        .select(pl.coalesce(odd, text.str.to_lowercase()).str.replace_all(_BETWEEN, " "))
        .select(odd.str.strip_chars(" "))
        .select(pl.when(odd != "").then(odd).alias("wording"))
        .to_series()
    )
