"""Candidates for near duplicates: MinHash signatures in bands (locality-sensitive hashing).

Shingles are words and pairs of neighbouring words. Of 64 values one byte each is kept, in 16 bands
of 4: two wordings that share seven tenths of their shingles meet in some band with a chance
of 0.99, two that share a third with 0.18. Whether two are candidates depends on these two alone:
they meet in a band, and enough of their values are equal. The caller verifies each.
Source: Broder 1997; orders of the shingles by odd multiples of their xxHash64, modulo 2^32, equal
on every machine.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from polars_hash import NonCryptographicHashingNameSpace

VALUES: Final = 64
BANDS: Final = [f"band_{number:02d}" for number in range(16)]
LEAST_ESTIMATE: Final = 0.35  # share of equal values below which a pair is not worth verifying
MOST_BITS_APART: Final = 23  # of 64; two that share half of their shingles differ in 16
BLOCK: Final = 1_000  # wordings sketched at once: their shingles fit a processor's cache
COMPARED: Final = 100_000  # pairs whose values are held at once
CROWD: Final = 64  # rows of a bucket from which on it is searched cluster by cluster

SKETCH: Final = pl.Schema(
    {"spelling": pl.UInt64, "bits": pl.UInt64} | dict.fromkeys(BANDS, pl.UInt32)
)
Signatures: TypeAlias = npt.NDArray[np.uint32]
Values: TypeAlias = npt.NDArray[np.uint8]
Buckets: TypeAlias = npt.NDArray[np.uint32]
Bits: TypeAlias = npt.NDArray[np.uint64]
Indices: TypeAlias = npt.NDArray[np.int64]
NO_PAIRS: Final[Indices] = np.empty((0, 2), dtype=np.int64)

_HALF: Final = np.uint64(32)
_LOW_HALF: Final = np.uint64(2**32 - 1)
_MIXERS: Final = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xD6E8FEB86659FD93))
_FACTORS: Final = np.array(
    [pow(0x915F77F5, place, 2**32) for place in range(1, VALUES + 1)], dtype=np.uint32
)  # odd, so that each orders all 32-bit numbers anew


def sketched(worded: pl.DataFrame) -> pl.DataFrame:
    """Sketch the n lists of `words`: their `spelling`, 64 lowest bits, and the bands' values.

    `scope` (a byte) goes into the values: what is of two scopes never meets.
    """
    mixed = worded["scope"].to_numpy() * np.uint8(0x9D)
    values = (signatures(worded["words"]) >> np.uint32(8)).astype(np.uint8) ^ mixed[:, None]
    bands = np.ascontiguousarray(values.view("<u4").T)
    bits = np.packbits(values & 1, axis=1).view("<u8")[:, 0]
    columns = {"spelling": worded["spelling"], "bits": bits}
    return pl.DataFrame(columns | dict(zip(BANDS, bands, strict=True)), schema=SKETCH)


def signatures(words: pl.Series) -> Signatures:
    """Sketch each list of words, none empty; n lists to a matrix of n rows and 64 columns."""
    blocks = [_sketch(words.slice(start, BLOCK)) for start in range(0, len(words), BLOCK)]
    return np.concatenate([np.empty((0, VALUES), dtype=np.uint32), *blocks])


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
        order, starts = _shared(sketches[band].to_numpy())
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


def in_order(buckets: Buckets) -> tuple[Indices, Buckets]:
    """Sort the rows by bucket, then by number; return rows and buckets in that order."""
    codes = buckets.astype(np.uint64) << _HALF | np.arange(len(buckets), dtype=np.uint64)
    codes.sort()  # quicker than a sort that returns places
    return (codes & _LOW_HALF).astype(np.int64), (codes >> _HALF).astype(np.uint32)


def _shared(buckets: Buckets) -> tuple[Indices, Indices]:
    """Return the rows that share a bucket, in order, and of each place where its bucket starts."""
    order, ordered = in_order(buckets)
    is_as_before = np.zeros(len(order) + 1, dtype=np.bool_)
    is_as_before[1:-1] = ordered[1:] == ordered[:-1]
    is_shared = is_as_before[:-1] | is_as_before[1:]
    is_first = ~is_as_before[:-1][is_shared]
    return order[is_shared], np.flatnonzero(is_first)[np.cumsum(is_first) - 1]


def _bucket_pairs(buckets: Buckets, clusters: Indices) -> Iterator[tuple[Indices, Indices]]:
    """Yield both sides of all pairs of rows of one bucket and two clusters, each pair once."""
    order, starts = _shared(buckets)
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


def _sketch(words: pl.Series) -> Signatures:
    """Find the least of each list's shingles in each order; no list is empty."""
    ends = np.cumsum(words.list.len().to_numpy(), dtype=np.int64)
    starts = np.concatenate([[0], ends[:-1]])
    single, paired = _shingles(words, ends - 1)
    least = np.empty((VALUES, len(words)), dtype=np.uint32)
    ones, others = np.empty_like(single), np.empty_like(paired)
    for factor, row in zip(_FACTORS, least, strict=True):
        np.multiply(single, factor, out=ones)
        np.multiply(paired, factor, out=others)
        np.minimum(ones, others, out=ones)
        np.minimum.reduceat(ones, starts, out=row)
    return least.T


def _shingles(words: pl.Series, lasts: Indices) -> tuple[Signatures, Signatures]:
    """Hash each word, and each with the next; `lasts` have none and count for themselves."""
    flat = words.explode().rename("word").to_frame()
    hashed = flat.select(NonCryptographicHashingNameSpace(pl.col("word")).xxhash64())
    single = hashed.to_series().to_numpy()
    paired = single * _MIXERS[0] + np.roll(single, -1)
    paired ^= paired >> _HALF
    paired *= _MIXERS[1]
    paired[lasts] = single[lasts]
    return (single >> _HALF).astype(np.uint32), (paired >> _HALF).astype(np.uint32)
