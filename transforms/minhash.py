"""Candidates for near duplicates: MinHash signatures in bands (locality-sensitive hashing).

Shingles are words and pairs of neighbouring words. 64 values in 16 bands of 4: two wordings that
share seven tenths of their shingles meet in some band with a chance of 0.99, two that share a
third with 0.18. Candidates are only proposed here; the caller verifies each.
Source: rensa 0.5 (full-set R-MinHash); xxHash64 of the shingles, equal on every machine.
"""

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
BLOCK: Final = 20_000  # wordings whose signatures are held as Python numbers at once

Signatures: TypeAlias = npt.NDArray[np.uint32]
Indices: TypeAlias = npt.NDArray[np.int64]


def signatures(words: pl.Series) -> Signatures:
    """Sketch each list of words; n lists to a matrix of n rows and 64 columns."""
    blocks = [_sketch(words.slice(start, BLOCK)) for start in range(0, len(words), BLOCK)]
    return np.concatenate(blocks) if blocks else np.empty((0, VALUES), dtype=np.uint32)


def candidate_pairs(sketches: Signatures, scopes: Indices) -> Indices:
    """Propose pairs of rows that may be alike, of one scope each: two columns, lower row first.

    In a bucket every row is paired with the first and with the one before it, so that a bucket
    of many costs no more than twice its size.
    """
    height = len(sketches)
    found: list[Indices] = [np.empty(0, dtype=np.int64)]
    for band in range(BANDS):
        buckets = _buckets(sketches[:, band * ROWS : (band + 1) * ROWS], scopes)
        order = np.argsort(buckets, kind="stable")
        is_first = np.ones(height, dtype=bool)
        is_first[1:] = buckets[order][1:] != buckets[order][:-1]
        firsts = order[np.flatnonzero(is_first)[np.cumsum(is_first) - 1]]
        later = np.flatnonzero(~is_first)
        found += [firsts[later] * height + order[later], order[later - 1] * height + order[later]]
    codes = np.unique(np.concatenate(found))
    pairs: Indices = np.column_stack(np.divmod(codes, max(height, 1)))
    blocks = np.array_split(pairs, max(1, len(pairs) // BLOCK))
    agreed = np.concatenate([_agreement(sketches, block) for block in blocks])
    likely = (agreed >= LEAST_ESTIMATE) & (scopes[pairs[:, 0]] == scopes[pairs[:, 1]])
    kept: Indices = pairs[likely]
    return kept


def _agreement(sketches: Signatures, pairs: Indices) -> npt.NDArray[np.float64]:
    """Estimate the share of common shingles: the share of equal values."""
    equal = sketches[pairs[:, 0]] == sketches[pairs[:, 1]]
    shares: npt.NDArray[np.float64] = equal.mean(axis=1)
    return shares


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


def _buckets(values: Signatures, scopes: Indices) -> npt.NDArray[np.uint64]:
    """Fold a band's values and the scope into one number; a chance meeting costs one look."""
    folded = scopes.astype(np.uint64)
    for column in values.T:
        folded = (folded ^ column) * np.uint64(0x9E3779B97F4A7C15)
        folded ^= folded >> np.uint64(29)
    return folded
