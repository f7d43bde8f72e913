"""Texts taken apart into words and what stands between them, as flat arrays, and put together.

A word is letters; all else is a gap. Arrays over all the rows at once make the rules on names
and places as fast as patterns; a rule asks for a neighbour and never sees another row's.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms import lexicon as lx
from transforms.lexicon import by_word, lexicon
from transforms.unknown import is_misspelt, name_score

Bits = npt.NDArray[np.int64]
Kinds = npt.NDArray[np.int8]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]

PIECES: Final = r"\p{L}[\p{L}\p{M}]*|\P{L}+"
LIKELY_SCORE: Final = -1.0  # log-odds
SURE_SCORE: Final = 2.0
FEW: Final = 5_000  # distinct words
# What stands between two words.
BLANK: Final = 0
COMMA: Final = 1  # and other signs inside a sentence
HYPHEN: Final = 2
APOSTROPHE: Final = 3
FULL_STOP: Final = 4  # one full stop: an end, or behind a title or an initial
STOP: Final = 5  # an end for sure; also where a text begins and ends
# How a word is written.
LOWER: Final = 0
CAPITAL: Final = 1
UPPER: Final = 2
LETTER: Final = 3  # a single capital


@dataclass(frozen=True, slots=True)
class Tokens:
    """Words of many texts: `piece` is a word's place among all pieces, `row` its text.

    `gaps` has one more entry than there are words: `gaps[i]` stands before word `i`, and `after`
    is what stands behind it in its own row.
    """

    pieces: pl.DataFrame
    piece: Numbers
    row: Numbers
    post: Numbers
    lower: pl.Series
    length: Kinds
    known: Bits
    shape: Kinds
    before: Kinds
    after: Kinds

    def has(self, bits: int) -> Mask:
        """Tell which words have any of the bits."""
        has: Mask = (self.known & bits) != 0
        return has

    def longer(self, letters: int) -> Mask:
        """Tell which words have more letters."""
        longer: Mask = self.length > letters
        return longer

    def share(self, mask: Mask, among: Mask, *, least: int = 0) -> Shares:
        """Give for each word which share of its text's words in `among` is marked.

        0 where fewer than `least` are in `among`.
        """
        if not len(mask):
            return np.zeros(0)
        text = np.cumsum(np.diff(self.row, prepend=self.row[0]) != 0)
        whole = np.bincount(text, among)
        marked = np.bincount(text, mask & among)
        share = np.where(whole >= max(least, 1), marked / np.maximum(whole, 1), 0.0)
        shares: Shares = share[text]
        return shares

    def at(self, mask: Mask, step: int) -> Mask:
        """Ask a word's neighbour, `step` words on, whether it is marked; none is not."""
        moved = np.zeros_like(mask)
        if 0 < abs(step) < len(mask):
            here, there = (slice(None, -step), slice(step, None))
            if step < 0:
                here, there = slice(-step, None), slice(None, step)
            moved[here] = mask[there] & (self.row[here] == self.row[there])
        return moved


def tokens(rows: pl.DataFrame) -> Tokens:
    """Take the texts of `row`, `post` and `text` apart; null and empty texts have no words."""
    pieces = (
        rows.select("row", "post", piece=pl.col("text").str.extract_all(PIECES))
        .explode("piece", keep_nulls=False, empty_as_null=False)
        .with_row_index("at")
    )
    told = _told_once(pieces["piece"].unique())
    read = pieces.join(told, on="piece", how="left", maintain_order="left")
    row, kind = read["row"].to_numpy(), read["gap"].to_numpy()
    is_word = kind < 0
    at = np.flatnonzero(is_word)
    words = read.filter(pl.col("gap") < 0)
    return Tokens(
        pieces=pieces,
        piece=at,
        row=row[at].astype(np.int64),
        post=words["post"].to_numpy().astype(np.int64),
        lower=words["lower"],
        length=words["length"].to_numpy(),
        known=words["known"].to_numpy(),
        shape=words["shape"].to_numpy(),
        before=_gap(kind, row, at, -1),
        after=_gap(kind, row, at, 1),
    )


def _gap(kind: Kinds, row: Numbers, at: Numbers, step: int) -> Kinds:
    """Look up the gap beside each word; a text's end is a stop."""
    beside = np.clip(at + step, 0, max(len(kind) - 1, 0))
    is_inside = (at + step == beside) & (row[beside] == row[at]) & (kind[beside] >= 0)
    return np.where(is_inside, kind[beside], STOP).astype(np.int8)


def _told_once(pieces: pl.Series) -> pl.DataFrame:
    """Say of each piece its `gap` (-1: a word), `lower`, `length`, `known` and `shape`."""
    piece = pl.col("piece")
    plain = piece.str.normalize("NFC")
    frame = pl.DataFrame({"piece": pieces}).with_columns(lower=plain.str.to_lowercase())
    is_capital = piece.str.contains(r"^\p{Lu}")
    shape = (
        pl.when(~is_capital)
        .then(LOWER)
        .when(piece.str.contains(r"\p{Ll}"))
        .then(CAPITAL)
        .when(piece.str.len_chars() == 1)
        .then(LETTER)
        .otherwise(UPPER)
    )
    gap = (
        pl.when(piece.str.contains(r"^\p{L}"))
        .then(-1)
        .when(piece.str.contains(r"^ {1,2}$"))
        .then(BLANK)
        .when(piece.str.contains(r"^['\x{2019}]$"))
        .then(APOSTROPHE)
        .when(piece.str.contains(r"^-$"))
        .then(HYPHEN)
        .when(piece.str.contains(r"^\. ?$"))
        .then(FULL_STOP)
        .when(piece.str.contains(r"^[ ,;/&+)'\x{2019}0-9_\-]+$"))
        .then(COMMA)
        .otherwise(STOP)
    )
    return frame.with_columns(
        _known(frame["lower"]),
        length=pl.col("lower").str.len_chars().clip(upper_bound=100).cast(pl.Int8),
        shape=shape.cast(pl.Int8),
        gap=gap.cast(pl.Int8),
    )


def _known(words: pl.Series) -> pl.Series:
    """Look words up; a join would spend more on its index than few words are worth."""
    if len(words) < FEW:
        bits = by_word()
        known = pl.Series("known", [bits.get(word, 0) for word in words.to_list()], dtype=pl.Int64)
    else:
        frame = words.to_frame("word").join(lexicon(), on="word", how="left", maintain_order="left")
        known = frame["known"].fill_null(0)
    unlisted = ((known == 0) & words.str.contains(r"^\p{Latin}{4,}$")).arg_true()
    if not len(unlisted):
        return known
    told = [_told_by_letters(word) for word in words.gather(unlisted).to_list()]
    return known.scatter(unlisted, pl.Series(told, dtype=pl.Int64))


def _told_by_letters(word: str) -> int:
    """Give the bits of a word that no list has."""
    if is_misspelt(word):
        return lx.MISSPELT
    score = name_score(word)
    return (score > LIKELY_SCORE) * lx.LIKELY | (score > SURE_SCORE) * lx.SURE
