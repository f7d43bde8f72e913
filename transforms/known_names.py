r"""Names a row knows: its author's, and those of the accounts it answers or points at.

A name of eight characters and more is masked in any spelling: case, the signs between its parts
(sad_otter, Sad-Otter, sad\_otter, and `sad otter` unless these are ordinary words), with or
without @ or u/ before it, inside a longer word too, and with emoji or marks between its letters.
A shorter name, or one that is an ordinary word, is masked behind @, u/ or r/u_, or where it is a
whole field.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import polars as pl

from transforms.characters import plain
from transforms.masks import SEAL
from transforms.ordinary import SHORTEST_NAME, is_ordinary

_SIGNS: Final = r"[\s_.\-\\]+"
_NOISE: Final = r"[\u0300-\u036f\u20d0-\u20f0\u2600-\u27bf\ufe0f\U0001f000-\U0001faff]"
_LEADS: Final = r"^(?:@+|/?u/|/user/|/?r/u_|did:[a-z0-9]+:)"
NOBODY: Final = ("[deleted]", "[removed]", "deleted", "removed", "handle.invalid")


def rows_with_names(rows: pl.DataFrame) -> pl.DataFrame:
    """Find the texts that hold a name of their row; the rows with `found`, the list of those.

    `rows` has `row` (unique), `text` and `names` (a list). Texts and names are compared without
    blanks and signs, so that hardly a text without a name has to be looked at closely.
    """
    if not (rows["names"].list.len() > 0).any():
        return rows.with_columns(found="names").clear()
    listed = (
        rows.select("row", "names", squeezed=_squeezed(pl.col("text")))
        .with_columns(bare=pl.col("squeezed").str.replace_all(_NOISE, ""))
        .filter(pl.col("names").list.len() > 0)
        .explode("names")
        .select("row", "squeezed", "bare", name=pl.col("names").str.strip_chars())
        .drop_nulls()
    )
    short = _squeezed(pl.col("name"))
    found = (
        _spellings(listed)
        .filter(pl.col("name") != "", ~pl.col("name").is_in(NOBODY))
        .filter(
            pl.when(pl.col("name").str.len_chars() >= SHORTEST_NAME)
            .then(
                pl.col("squeezed").str.contains(short, literal=True)
                | pl.col("bare").str.contains(short, literal=True)
            )
            .otherwise((short != "") & (_written(short) | (pl.col("squeezed") == short)))
        )
        .group_by("row")
        .agg(found=pl.col("name").unique().sort())
    )
    return rows.join(found, on="row", how="inner", maintain_order="left")


def mask_names(text: str, names: Iterable[str]) -> str:
    """Put seals for names in a text, longest name first."""
    longest_first = sorted(names, key=lambda name: (-len(name), name))
    if any(_is_whole_field(text, name) for name in longest_first):
        return SEAL["USER"]
    for name in longest_first:
        text = _pattern(name).sub(_seal, text)
    return text


def _spellings(listed: pl.DataFrame) -> pl.DataFrame:
    """Add to each name its forms: plain characters, and what stands before a handle's first dot."""
    bare = listed.with_columns(name=plain(pl.col("name")).str.replace(_LEADS, ""))
    folded = bare.with_columns(pl.col("name").str.normalize("NFKC"))
    labels = bare.with_columns(pl.col("name").str.extract(r"^([^.\s]+)\.\S+$")).drop_nulls()
    return pl.concat([bare, folded, labels]).unique()


def _squeezed(text: pl.Expr) -> pl.Expr:
    return text.str.to_lowercase().str.replace_all(_SIGNS, "")


def _written(short: pl.Expr) -> pl.Expr:
    """Tell whether a name stands in a text as platforms write accounts."""
    return pl.any_horizontal(
        pl.col("squeezed").str.contains(pl.concat_str(pl.lit(lead), short), literal=True)
        for lead in ("@", "u/", "r/u", "user/")
    )


def _parts(name: str) -> list[str]:
    return [part for part in re.split(_SIGNS, name) if part]


def _is_whole_field(text: str, name: str) -> bool:
    bare = _parts(text.casefold().strip(" \t\r\n@.,!?_-\\"))
    return bool(bare) and bare == _parts(name.casefold())


@lru_cache(maxsize=4096)
def _pattern(name: str) -> re.Pattern[str]:
    """Build the pattern of one name's spellings, with what platforms write before it."""
    parts = _parts(name)
    is_phrase = is_ordinary(" ".join(parts))
    lead = r"(?:@|(?<![^\W_])/?(?:u/|user/|r/u\\?_))"
    between = rf"(?:\\?[_.\-]|{_NOISE})" if is_phrase else r"[\s_.\-\\]{0,3}"
    between = f"{_NOISE}*{between}{_NOISE}*"
    if len("".join(parts)) < SHORTEST_NAME:  # too few letters for a free spelling
        parts, between = [name], ""
    is_free = len(name) >= SHORTEST_NAME and (len(parts) > 1 or not is_ordinary(name))
    core = between.join(_letters(part, is_free=is_free) for part in parts)
    return re.compile(rf"(?i){lead}?{core}" if is_free else rf"(?i){lead}{core}(?!_*[^\W_])")


def _letters(part: str, *, is_free: bool) -> str:
    """Spell a part of a name, its underscores escaped or not, noise between its letters or not."""
    spelled = (rf"\\?{sign}" if sign in {"_", r"\-"} else sign for sign in map(re.escape, part))
    return (rf"{_NOISE}*" if is_free else "").join(spelled)


def _seal(match: re.Match[str]) -> str:
    return SEAL["HANDLE" if match[0].startswith("@") else "USER"]
