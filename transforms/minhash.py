"""Candidates for near duplicates: MinHash signatures in bands (locality-sensitive hashing).

Shingles are words and pairs of neighbouring words. 64 values in 16 bands of 4: two wordings that
share seven tenths of their shingles meet in some band with a chance of 0.99, two that share a
third with 0.18. Candidates are only proposed here; the caller verifies each.
Source: rensa 0.5 (full-set R-MinHash); xxHash64 of the shingles, equal on every machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from polars_hash import NonCryptographicHashingNameSpace
from rensa import RMinHash

VALUES: Final = 64
BANDS: Final = 16
ROWS: Final = VALUES // BANDS
SEED: Final = 20260101
LEAST_ESTIMATE: Final = 0.35  # share of equal values below which a pair is not worth verifying
BLOCK: Final = 5_000  # wordings whose signatures are held as Python numbers at once

Signatures: TypeAlias = npt.NDArray[np.uint32]
Indices: TypeAlias = npt.NDArray[np.int64]
_NO_KEYS: Final = np.empty(0, dtype=np.uint64)
_NO_BYTES: Final = np.empty(0, dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Sketches:
    """What is kept of n wordings, 200 bytes each: their hashes, scopes, buckets, lowest bytes.

    `buckets` is n by 16, a band's values folded; `values` n by 64, of each value the lowest byte:
    two differ in all but one case of 256 where the values do.
    """

    wordings: npt.NDArray[np.uint64]
    scopes: npt.NDArray[np.uint8]
    buckets: npt.NDArray[np.uint64]
    values: npt.NDArray[np.uint8]


def sketched(worded: pl.DataFrame) -> Sketches:
    """Sketch each wording of `worded` once; its columns are wording (hash), scope and words."""
    once = worded.unique("wording", keep="first", maintain_order=True)
    parts = [_sketches(once.slice(start, BLOCK)) for start in range(0, once.height, BLOCK)]
    return joined(parts)


def joined(parts: Sequence[Sketches]) -> Sketches:
    """Put sketches together; of a wording that occurs in several the first stands."""
    wordings = np.concatenate([_NO_KEYS, *(part.wordings for part in parts)])
    first = np.sort(np.unique(wordings, return_index=True)[1])
    return Sketches(
        wordings[first],
        np.concatenate([_NO_BYTES, *(part.scopes for part in parts)])[first],
        np.concatenate([_NO_KEYS.reshape(0, BANDS), *(part.buckets for part in parts)])[first],
        np.concatenate([_NO_BYTES.reshape(0, VALUES), *(part.values for part in parts)])[first],
    )


def signatures(words: pl.Series) -> Signatures:
    """Sketch each list of words; n lists to a matrix of n rows and 64 columns."""
    blocks = [_sketch(words.slice(start, BLOCK)) for start in range(0, len(words), BLOCK)]
    return np.concatenate(blocks) if blocks else np.empty((0, VALUES), dtype=np.uint32)


def candidate_pairs(sketches: Sketches, rows: Indices) -> Indices:
    """Propose pairs of `rows` that may be alike, of one scope each: two columns of places in it.

    In a bucket every row is paired with the first and with the one before it, so that a bucket
    of many costs no more than twice its size.
    """
    height = len(rows)
    found: list[Indices] = [np.empty(0, dtype=np.int64)]
    for band in range(BANDS):
        buckets = sketches.buckets[rows, band]
        order = np.argsort(buckets, kind="stable")
        is_first = np.ones(height, dtype=bool)
        is_first[1:] = buckets[order][1:] != buckets[order][:-1]
        firsts = order[np.flatnonzero(is_first)[np.cumsum(is_first) - 1]]
        later = np.flatnonzero(~is_first)
        found += [firsts[later] * height + order[later], order[later - 1] * height + order[later]]
    codes = np.unique(np.concatenate(found))
    pairs: Indices = np.column_stack(np.divmod(codes, max(height, 1)))
    blocks = np.array_split(rows[pairs], max(1, len(pairs) // BLOCK))
    likely = np.concatenate([_are_likely(sketches, block) for block in blocks])
    kept: Indices = pairs[likely]
    return kept


def _are_likely(sketches: Sketches, pairs: Indices) -> npt.NDArray[np.bool_]:
    """Estimate the share of common shingles by that of equal values; scopes must be equal."""
    one, other = pairs.T
    agreed = (sketches.values[one] == sketches.values[other]).mean(axis=1)
    is_one_scope = sketches.scopes[one] == sketches.scopes[other]
    likely: npt.NDArray[np.bool_] = (agreed >= LEAST_ESTIMATE) & is_one_scope
    return likely


def _sketches(some: pl.DataFrame) -> Sketches:
    values, scopes = _sketch(some["words"]), some["scope"].to_numpy()
    bands = [values[:, band * ROWS : (band + 1) * ROWS] for band in range(BANDS)]
    return Sketches(
        some["wording"].to_numpy(),
        scopes,
        np.column_stack([_buckets(band, scopes) for band in bands]),
        values.astype(np.uint8),
    )


def _sketch(words: pl.Series) -> Signatures:
    flat = (
        words.rename("word")
        .to_frame()
        .with_row_index("row")
        .explode("word")
        .with_columns(
            pair=pl.when(pl.col("row") == pl.col("row").shift(-1)).then(
                pl.concat_str("word", pl.col("word").shift(-1), separator=" ")
            )
        )
    )
    shingles = (
        flat.unpivot(on=["word", "pair"], index="row", value_name="shingle")
        .drop_nulls("shingle")
        .sort("row", maintain_order=True)
        .select("row", hash=NonCryptographicHashingNameSpace(pl.col("shingle")).xxhash64())
    )
    sizes = np.bincount(shingles["row"].to_numpy(), minlength=len(words))
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint64)
    hashes = shingles["hash"].to_numpy()
    matrix: Any = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, VALUES, SEED)
    return np.array(matrix.to_rows(), dtype=np.uint32).reshape(len(words), VALUES)


def _buckets(values: Signatures, scopes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Fold a band's values and the scope into one number; a chance meeting costs one look."""
    folded = scopes.astype(np.uint64)
    for column in values.T:
        folded = (folded ^ column) * np.uint64(0x9E3779B97F4A7C15)
        folded ^= folded >> np.uint64(29)
    return folded
