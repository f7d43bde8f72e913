"""Candidates verified: two wordings are nearly alike where their words truly are.

Similarity is the share of words that stand in both in one order (Indel, of the longest common
subsequence); unverified, half of what MinHash proposes of short posts is wrong. Texts are asked
for by the batch; what one cluster already is, is not looked at.
"""

from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from rapidfuzz.distance import Indel

from transforms.forest import Forest
from transforms.minhash import Indices
from transforms.wordings import wordings

PAIRS: Final = 10_000  # pairs whose texts are held at once
REMEMBERED: Final = 2 * PAIRS  # posts whose words are kept from one question to the next
COMPARED: Final = 1_000  # pairs whose texts are held as Python strings at once
LONG_WORDS: Final = 12
LEAST_SIMILARITY: Final = 0.7
LEAST_SIMILARITY_SHORT: Final = 0.8  # under LONG_WORDS words, where one word weighs more

Keys: TypeAlias = npt.NDArray[np.uint64]
TextsOf = Callable[[pl.Series], pl.DataFrame]
"""From post keys to the columns `post_key` and `text`, in any order; a post may be gone."""
WordsIn = Callable[[Keys], Iterator[tuple[int, list[str], list[str]]]]

_ENDS: Final = {"one": pl.UInt64, "other": pl.UInt64}


def worded_texts(texts_of: TextsOf, post_keys: pl.Series) -> pl.DataFrame:
    """Return `post_key` and `words`, one blank between, of those posts that are held."""
    texts = texts_of(post_keys)
    return texts.select("post_key", words=wordings(texts["text"]))


class WordsOf:
    """Words of posts by key. The last ones asked for are kept: a kept text is dear to fetch."""

    def __init__(self, texts_of: TextsOf) -> None:
        """Begin with none."""
        self._texts_of = texts_of
        self._known = pl.DataFrame(schema={"post_key": pl.UInt64, "words": pl.String})

    def __call__(self, post_keys: pl.Series) -> pl.DataFrame:
        """Return `post_key` and `words` of those posts that are held; each key once."""
        wanted = post_keys.to_frame("post_key")
        known = self._known.join(wanted, on="post_key", how="semi")
        missing = wanted.join(known, on="post_key", how="anti")
        if missing.is_empty():
            return known
        fresh = worded_texts(self._texts_of, missing["post_key"])
        fits = self._known.height + fresh.height <= REMEMBERED
        self._known = pl.concat([self._known, fresh]) if fits else fresh
        return pl.concat([known, fresh])

    def pairs(self, pairs: Keys) -> Iterator[tuple[int, list[str], list[str]]]:
        """Yield of pairs of posts the place and both sides' words; none of a post that is gone."""
        for start in range(0, len(pairs), PAIRS):
            some = pl.DataFrame(pairs[start : start + PAIRS], schema=["one", "other"], orient="row")
            words = self(pl.concat([some["one"], some["other"]]).unique())
            both = some.with_row_index("place", offset=start)
            for side in ("one", "other"):
                named = words.rename({"post_key": side, "words": f"{side}_words"})
                both = both.join(named, on=side, how="left", maintain_order="left")
            both = both.select("place", pl.col("one_words", "other_words").fill_null(""))
            for place, one, other in both.iter_rows(buffer_size=COMPARED):
                yield place, one.split(), other.split()


def verify(forest: Forest, pairs: Indices, keys: Keys, words_in: WordsIn) -> pl.DataFrame:
    """Join what is truly alike; return `one`, `other`, `similarity` of what was joined.

    `pairs` are nodes of the forest, `keys` the posts whose words stand for them.
    """
    alike: list[int] = []
    similarities: list[float] = []
    for start in range(0, len(pairs), PAIRS):
        block = pairs[start : start + PAIRS].tolist()
        apart = [place for place, pair in enumerate(block) if not forest.is_joined(*pair)]
        for place, one, other in words_in(keys[start : start + PAIRS][apart]):
            pair = block[apart[place]]
            if not forest.is_joined(*pair) and (similarity := likeness(one, other)):
                forest.join(*pair)
                alike.append(start + apart[place])
                similarities.append(similarity)
    ends = pl.DataFrame(keys[alike], schema=_ENDS, orient="row")
    return ends.with_columns(similarity=pl.Series(similarities, dtype=pl.Float64))


def likeness(one: list[str], other: list[str]) -> float:
    """Return how similar two wordings are, 0 where that is not enough."""
    is_long = min(len(one), len(other)) >= LONG_WORDS
    least = LEAST_SIMILARITY if is_long else LEAST_SIMILARITY_SHORT
    return Indel.normalized_similarity(one, other, score_cutoff=least) if one else 0.0
