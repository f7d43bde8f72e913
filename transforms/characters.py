"""Characters that hide a name from a pattern, and nothing from a reader.

Invisible ones are taken out, and marks that strike letters through or pile up on them; so are
emoji between single letters, or inside an account's name; full-width, mathematical and circled
letters become plain (Unicode normal form KC); a text with a long number in another script's digits
has them all in ASCII. A text without any of them is left as it is.
"""

import unicodedata
from typing import Final

import polars as pl

from transforms.masks import SEALED

_INVISIBLE: Final = (
    rf"[\x{{AD}}\x{{34F}}\x{{61C}}\x{{180E}}\x{{200B}}\x{{200E}}\x{{200F}}\x{{202A}}-\x{{202E}}"
    rf"\x{{305}}\x{{332}}-\x{{338}}\x{{33F}}\x{{2060}}-\x{{2064}}\x{{2066}}-\x{{206F}}\x{{FEFF}}{SEALED}]"
)
# These join emoji and letters of some scripts: only after a plain letter or sign are they a trick.
_JOINERS: Final = (
    r"([A-Za-z@._/:\-])[\x{200C}\x{200D}\x{FE00}-\x{FE0F}]+|([0-9])[\x{200C}\x{200D}]+"
)
_PILED: Final = r"([A-Za-z0-9])[\x{300}-\x{36F}]{3,}"  # more than any language puts on a letter
EMOJI: Final = r"[\x{2600}-\x{27BF}\x{2B50}\x{2B55}\x{FE0F}\x{200D}\x{1F000}-\x{1FAFF}]"
_BETWEEN: Final = rf"([A-Za-z0-9_.]){EMOJI}+([A-Za-z0-9_])"
_SPRINKLED: Final = (
    rf"(?:[A-Za-z0-9]{EMOJI}+){{2,}}[A-Za-z0-9]"
    rf"|(?:@|(?-u:\b)u/)[A-Za-z0-9_.]+{EMOJI}+[A-Za-z0-9_]"
)
_DISGUISED: Final = (
    r"[\x{2460}-\x{24FF}\x{FE50}-\x{FE6B}\x{FF01}-\x{FF5E}\x{1D400}-\x{1D7FF}\x{1F110}-\x{1F12A}]"
)
# Numbers in the digits of another script, long enough to lead to somebody.
_NUMBER: Final = r"(?:[\p{Nd}--0-9][\s.()\-]{0,2}){6}"
_DIGITS: Final = {
    chr(point): str(unicodedata.decimal(chr(point)))
    for point in range(0x80, 0x20000)
    if unicodedata.category(chr(point)) == "Nd"
}
TRICKS: Final = "|".join((_INVISIBLE, _JOINERS, _PILED, _SPRINKLED, _DISGUISED, _NUMBER))


def plain(text: pl.Expr) -> pl.Expr:
    """Undo the tricks; strings to strings, null to null."""
    bare = (
        text.str.replace_all(_INVISIBLE, "")
        .str.replace_all(_JOINERS, "${1}${2}")
        .str.replace_all(_PILED, "${1}")
    )
    joined = bare.str.replace_all(_BETWEEN, "${1}${2}").str.replace_all(_BETWEEN, "${1}${2}")
    visible = pl.when(bare.str.contains(_SPRINKLED)).then(joined).otherwise(bare)
    shown = (
        pl.when(visible.str.contains(_DISGUISED))
        .then(visible.str.normalize("NFKC"))
        .otherwise(visible)
    )
    return (
        pl.when(shown.str.contains(_NUMBER))
        .then(shown.str.replace_many(list(_DIGITS), list(_DIGITS.values())))
        .otherwise(shown)
    )
