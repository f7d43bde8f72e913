"""Candidates for near duplicates: MinHash signatures in bands (locality-sensitive hashing).

Shingles are words and pairs of neighbouring words. Of 64 values the lowest bytes are kept, in 16
bands of 4: two wordings that share seven tenths of their shingles meet in some band with a chance
of 0.99, two that share a third with 0.18. Whether two are candidates depends on these two alone:
they meet in a band, and enough of their values are equal. The caller verifies each.
Source: rensa 0.5 (full-set R-MinHash); xxHash64 of the shingles, equal on every machine.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from polars_hash import NonCryptographicHashingNameSpace
from rensa import RMinHash

VALUES: Final = 64
BANDS: Final = [f"band_{number:02d}" for number in range(16)]
SEED: Final = 20260101
LEAST_ESTIMATE: Final = 0.35  # share of equal values below which a pair is not worth verifying
MOST_BITS_APART: Final = 23  # of 64; two that share half of their shingles differ in 16
BLOCK: Final = 5_000  # wordings whose signatures are held as Python numbers at once
COMPARED: Final = 100_000  # pairs whose values are held at once
CROWD: Final = 64  # rows of a bucket from which on it is searched cluster by cluster

SKETCH: Final = pl.Schema(
    {"spelling": pl.UInt64, "bits": pl.UInt64} | dict.fromkeys(BANDS, pl.UInt32)
)
Signatures: TypeAlias = npt.NDArray[np.uint32]
Values: TypeAlias = npt.NDArray[np.uint8]
Bits: TypeAlias = npt.NDArray[np.uint64]
Indices: TypeAlias = npt.NDArray[np.int64]
NO_PAIRS: Final[Indices] = np.empty((0, 2), dtype=np.int64)


def sketched(worded: pl.DataFrame) -> pl.DataFrame:
    """Sketch the n lists of `words`: their `spelling`, 64 lowest bits, and the bands' values.

    `scope` (a byte) goes into the values: what is of two scopes never meets.
    """
    parts = [_sketches(worded.slice(start, BLOCK)) for start in range(0, worded.height, BLOCK)]
    return pl.concat([SKETCH.to_frame(), *parts])


def signatures(words: pl.Series) -> Signatures:
    """Sketch each list of words; n lists to a matrix of n rows and 64 columns."""
    blocks = [_sketch(words.slice(start, BLOCK)) for start in range(0, len(words), BLOCK)]
    return np.concatenate(blocks) if blocks else np.empty((0, VALUES), dtype=np.uint32)


def values_of(sketches: pl.DataFrame) -> Values:
    """Lay out what the bands hold as n rows of 64 bytes."""
    bands = np.ascontiguousarray(sketches.select(BANDS).to_numpy(), dtype="<u4")
    values: Values = bands.view(np.uint8).reshape(sketches.height, VALUES)
    return values


def are_likely(ones: Values, others: Values) -> npt.NDArray[np.bool_]:
    """Tell of each pair of rows whether the estimated share of common shingles is enough."""
    likely: npt.NDArray[np.bool_] = (ones == others).mean(axis=1) >= LEAST_ESTIMATE
    return likely


def neighbour_pairs(sketches: pl.DataFrame) -> Indices:
    """Propose of each bucket's rows each with the first and with the one before it.

    Two columns of row numbers; no more than 32 pairs a row, so that most of a bucket of
    many is found to be one cluster before all of its pairs are looked at.
    """
    bits, values = sketches["bits"].to_numpy(), values_of(sketches)
    found: list[Indices] = [NO_PAIRS]
    for band in BANDS:
        order, starts = _grouped(sketches[band].to_numpy())
        later = np.flatnonzero(starts != np.arange(len(starts)))
        for before in (starts[later], later - 1):
            found.append(_likely(bits, values, order[before], order[later]))
    return _distinct(found)


def other_pairs(sketches: pl.DataFrame, clusters: Indices) -> Indices:
    """Propose all pairs that share a bucket and not yet a cluster."""
    bits, values = sketches["bits"].to_numpy(), values_of(sketches)
    found: list[Indices] = [NO_PAIRS]
    for band in BANDS:
        for ones, others in _bucket_pairs(sketches[band].to_numpy(), clusters):
            found.append(_likely(bits, values, ones, others))
    return _distinct(found)


def _grouped(buckets: npt.NDArray[np.uint32]) -> tuple[Indices, Indices]:
    """Return rows by bucket, and of each place in that order where its bucket starts."""
    order = np.argsort(buckets, kind="stable")
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = buckets[order][1:] != buckets[order][:-1]
    return order, np.flatnonzero(is_first)[np.cumsum(is_first) - 1]


def _bucket_pairs(
    buckets: npt.NDArray[np.uint32], clusters: Indices
) -> Iterator[tuple[Indices, Indices]]:
    """Yield both sides of all pairs of rows of one bucket and two clusters, each pair once."""
    order, starts = _grouped(buckets)
    sizes = np.bincount(starts, minlength=len(order))[starts]
    small = np.flatnonzero((sizes > 1) & (sizes <= CROWD))
    for lag in range(1, CROWD):
        small = small[small + lag < starts[small] + sizes[small]]
        if not len(small):
            break
        ones, others = order[small], order[small + lag]
        apart = clusters[ones] != clusters[others]
        yield ones[apart], others[apart]
    for start in np.flatnonzero((sizes > CROWD) & (starts == np.arange(len(order)))):
        yield from _crowd_pairs(order[start : start + sizes[start]], clusters)


def _crowd_pairs(rows: Indices, clusters: Indices) -> Iterator[tuple[Indices, Indices]]:
    rows = rows[np.argsort(clusters[rows], kind="stable")]
    _, firsts, counts = np.unique(clusters[rows], return_index=True, return_counts=True)
    for first, count in zip(firsts.tolist(), counts.tolist(), strict=True):
        rest = rows[first + count :]
        step = max(1, COMPARED // max(1, len(rest)))
        for start in range(first, first + count, step):
            some = rows[start : min(start + step, first + count)]
            yield np.repeat(some, len(rest)), np.tile(rest, len(some))


def _likely(bits: Bits, values: Values, ones: Indices, others: Indices) -> Indices:
    """Keep the pairs that may be alike; two columns. The bits are the quicker look."""
    near = np.bitwise_count(bits[ones] ^ bits[others]) <= MOST_BITS_APART
    pairs = np.column_stack([ones[near], others[near]])
    parts = [pairs[start : start + COMPARED] for start in range(0, len(pairs), COMPARED)]
    kept = [part[are_likely(values[part[:, 0]], values[part[:, 1]])] for part in parts]
    return np.concatenate([NO_PAIRS, *kept])


def _distinct(found: Sequence[Indices]) -> Indices:
    """Keep each pair once, the smaller number first, sorted."""
    pairs = np.concatenate(found)
    codes = np.unique(pairs.min(axis=1) << 32 | pairs.max(axis=1))
    distinct: Indices = np.column_stack([codes >> 32, codes & 0xFFFFFFFF])
    return distinct


def _sketches(some: pl.DataFrame) -> pl.DataFrame:
    mixed = some["scope"].to_numpy() * np.uint8(0x9D)
    values = _sketch(some["words"]).astype(np.uint8) ^ mixed[:, None]
    bands = np.ascontiguousarray(values).view("<u4")
    bits = np.ascontiguousarray(np.packbits(values & 1, axis=1)).view("<u8")[:, 0]
    columns = {name: bands[:, number] for number, name in enumerate(BANDS)}
    return pl.DataFrame({"spelling": some["spelling"], "bits": bits} | columns, schema=SKETCH)


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
