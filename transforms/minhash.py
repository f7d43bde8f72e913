"""Candidates for near duplicates: MinHash signatures in bands (locality-sensitive hashing).

Shingles are words and pairs of neighbouring words. Of 64 values one byte each is kept, in 16 bands
of 4: two wordings that share seven tenths of their shingles meet in some band with a chance
of 0.99, two that share a third with 0.18. Whether two are candidates depends on these two alone:
they meet in a band, and enough of their values are equal. The caller verifies each.
Source: Broder 1997; orders of the shingles by odd multiples of their XXH3, modulo 2^32, equal on
every machine.
"""

from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl
from polars_hash import NonCryptographicHashingNameSpace

VALUES: Final = 64
BANDS: Final = [f"band_{number:02d}" for number in range(16)]
LEAST_EQUAL: Final = 23  # of the values, below which a pair is not worth verifying: a third
MOST_BITS_APART: Final = 23  # of 64; two that share half of their shingles differ in 16
BLOCK: Final = 1_000  # wordings sketched at once: their shingles fit a processor's cache
COMPARED: Final = 100_000  # pairs whose values are held at once
CROWD: Final = 64  # rows of a bucket from which on it is searched cluster by cluster

SKETCH: Final = pl.Schema({"bits": pl.UInt64} | dict.fromkeys(BANDS, pl.UInt32))
Signatures: TypeAlias = npt.NDArray[np.uint32]
Values: TypeAlias = npt.NDArray[np.uint8]
Buckets: TypeAlias = npt.NDArray[np.uint32]
Bits: TypeAlias = npt.NDArray[np.uint64]
Indices: TypeAlias = npt.NDArray[np.int64]
NO_PAIRS: Final[Indices] = np.empty((0, 2), dtype=np.int64)

_HALF: Final = np.uint64(32)
_LOW_HALF: Final = np.uint64(2**32 - 1)
_MIXERS: Final = (np.uint32(0x9E3779B1), np.uint32(0x85EBCA77))
_ONE_EACH: Final = np.uint64(0x0101010101010101)
_SHIFT: Final = np.uint32(15)
_FACTORS: Final = np.array(
    [pow(0x915F77F5, place, 2**32) for place in range(1, VALUES + 1)], dtype=np.uint32
)  # odd, so that each orders all 32-bit numbers anew


def sketched(words: pl.Series, scopes: pl.Series) -> pl.DataFrame:
    """Sketch n lists of words: 64 lowest bits, and the bands' values.

    `scopes` (a byte) goes into the values: what is of two scopes never meets.
    """
    mixed = scopes.to_numpy() * np.uint8(0x9D)
    values = (signatures(words) >> np.uint32(8)).astype(np.uint8) ^ mixed[:, None]
    bands = np.ascontiguousarray(values.view("<u4").T)
    bits = np.packbits(values & 1, axis=1).view("<u8")[:, 0]
    return pl.DataFrame({"bits": bits} | dict(zip(BANDS, bands, strict=True)), schema=SKETCH)


def signatures(words: pl.Series) -> Signatures:
    """Sketch each list of words, none empty; n lists to a matrix of n rows and 64 columns."""
    blocks = [_sketch(words.slice(start, BLOCK)) for start in range(0, len(words), BLOCK)]
    return np.concatenate([np.empty((0, VALUES), dtype=np.uint32), *blocks])


def values_of(sketches: pl.DataFrame) -> Values:
    """Lay out what the bands hold as n rows of 64 bytes."""
    bands = np.ascontiguousarray(sketches.select(BANDS).to_numpy(), dtype="<u4")
    values: Values = bands.view(np.uint8).reshape(sketches.height, VALUES)
    return values


def equal_counts(ones: Values, others: Values) -> npt.NDArray[np.uint8]:
    """Count of each pair of rows how many of the 64 values are equal."""
    equal = (ones == others).view(np.uint64)  # eight to a number, which are added at once
    counts: npt.NDArray[np.uint8] = (equal.sum(axis=1) * _ONE_EACH >> np.uint64(56)).astype("u1")
    return counts


class Banded:
    """n sketches, and which of their rows share a bucket in which band."""

    def __init__(self, sketches: pl.DataFrame) -> None:
        """Sort every band once; kept is what shares a bucket, some rows of a hundred."""
        self._bits, self._values = sketches["bits"].to_numpy(), values_of(sketches)
        self._bands = [_shared(sketches[name].to_numpy()) for name in BANDS]

    def neighbour_pairs(self) -> Indices:
        """Propose of each bucket's rows each with the first and with the one before it.

        Two columns of row numbers; no more than 32 pairs a row, so that most of a bucket of
        many is found to be one cluster before all of its pairs are looked at.
        """
        found: list[Indices] = [NO_PAIRS]
        for order, starts in self._bands:
            later = np.flatnonzero(starts != np.arange(len(starts)))
            for before in (starts[later], later - 1):
                pairs = order[np.column_stack([before, later])]
                near = _are_near(self._bits[pairs[:, 0]], self._bits[pairs[:, 1]])
                found.append(self._likely(pairs[near]))
        return _distinct(found)

    def other_pairs(self, clusters: Indices) -> Indices:
        """Propose all pairs that share a bucket and not yet a cluster."""
        found: list[Indices] = [NO_PAIRS]
        for order, starts in self._bands:
            for near in _near_pairs(starts, clusters[order], self._bits[order]):
                found.append(self._likely(order[near]))
        return _distinct(found)

    def _likely(self, pairs: Indices) -> Indices:
        """Keep the pairs that may be alike."""
        parts = [pairs[start : start + COMPARED] for start in range(0, len(pairs), COMPARED)]
        values = self._values
        counts = [equal_counts(values[part[:, 0]], values[part[:, 1]]) for part in parts]
        kept = [part[n >= LEAST_EQUAL] for part, n in zip(parts, counts, strict=True)]
        return np.concatenate([NO_PAIRS, *kept])


def in_order(buckets: Buckets) -> tuple[Indices, Buckets]:
    """Sort the rows by bucket, then by number; return rows and buckets in that order."""
    codes = buckets.astype(np.uint64) << _HALF | np.arange(len(buckets), dtype=np.uint64)
    codes = pl.Series(codes).sort().to_numpy()  # quicker than a sort that returns places
    return (codes & _LOW_HALF).astype(np.int64), (codes >> _HALF).astype(np.uint32)


def _shared(buckets: Buckets) -> tuple[Indices, Indices]:
    """Return the rows that share a bucket, in order, and of each place where its bucket starts."""
    order, ordered = in_order(buckets)
    is_as_before = np.zeros(len(order) + 1, dtype=np.bool_)
    is_as_before[1:-1] = ordered[1:] == ordered[:-1]
    is_shared = is_as_before[:-1] | is_as_before[1:]
    is_first = ~is_as_before[:-1][is_shared]
    return order[is_shared], np.flatnonzero(is_first)[np.cumsum(is_first) - 1]


def _near_pairs(starts: Indices, clusters: Indices, bits: Bits) -> Iterator[Indices]:
    """Yield all pairs of places of one bucket, of two clusters, and near; each pair once."""
    sizes = np.bincount(starts, minlength=len(starts))[starts]
    small = np.flatnonzero((sizes > 1) & (sizes <= CROWD))
    for lag in range(1, CROWD):
        small = small[small + lag < starts[small] + sizes[small]]
        if not len(small):
            break
        apart = small[clusters[small] != clusters[small + lag]]
        apart = apart[_are_near(bits[apart], bits[apart + lag])]
        yield np.column_stack([apart, apart + lag])
    for start in np.flatnonzero((sizes > CROWD) & (starts == np.arange(len(starts)))):
        crowd = np.arange(start, start + sizes[start])
        yield from _crowd_pairs(crowd[np.argsort(clusters[crowd])], clusters, bits)


def _crowd_pairs(places: Indices, clusters: Indices, bits: Bits) -> Iterator[Indices]:
    """Yield the same of one bucket, whose places come cluster by cluster."""
    ends = np.searchsorted(clusters[places], clusters[places], side="right")
    start = 0
    while start < len(places):
        rest = places[ends[start] :]
        stop = start + max(1, COMPARED // max(1, len(rest)))
        near = _are_near(bits[places[start:stop], None], bits[rest])
        near &= np.arange(ends[start], len(places)) >= ends[start:stop, None]
        ones, others = np.nonzero(near)
        yield np.column_stack([places[start + ones], rest[others]])
        start = stop


def _are_near(ones: Bits, others: Bits) -> npt.NDArray[np.bool_]:
    near: npt.NDArray[np.bool_] = np.bitwise_count(ones ^ others) <= MOST_BITS_APART
    return near


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
    hashed = flat.select(NonCryptographicHashingNameSpace(pl.col("word")).xxh3_64())
    single = hashed.to_series().to_numpy().astype(np.uint32)
    paired = single * _MIXERS[0]
    paired[:-1] += single[1:]
    paired ^= paired >> _SHIFT
    paired *= _MIXERS[1]
    paired[lasts] = single[lasts]
    return single, paired
