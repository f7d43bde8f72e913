"""New sketches beside kept ones: which pairs meet in a band and may be alike.

Kept sketches are looked through once, a block at a time, and each band's values asked of a table
of the new ones' (one look each), so that of ten million kept values few are compared.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.minhash import (
    BANDS,
    LEAST_EQUAL,
    MOST_BITS_APART,
    NO_PAIRS,
    Buckets,
    Indices,
    equal_counts,
    in_order,
    values_of,
)

SLOTS_PER_SKETCH: Final = 16
LEAST_SLOT_BITS: Final = 20
MOST_SLOT_BITS: Final = 24


class Probe:
    """New sketches, laid out so that kept ones find those that they meet."""

    def __init__(self, sketches: pl.DataFrame) -> None:
        """Lay out n sketches: for each band their order, and which slots are taken."""
        self._bits = sketches["bits"].to_numpy()
        self._values = values_of(sketches)
        wanted = (SLOTS_PER_SKETCH * max(1, sketches.height)).bit_length()
        self._slot_bits = min(max(wanted, LEAST_SLOT_BITS), MOST_SLOT_BITS)
        self._bands = [self._laid_out(sketches[name].to_numpy()) for name in BANDS]

    def meetings(self, kept: pl.DataFrame) -> Indices:
        """Return pairs of a new sketch's row and a kept one's that may be alike, each once.

        Three columns; the last says how many of the 64 values are equal.
        """
        bits = kept["bits"].to_numpy()
        found: list[Indices] = [NO_PAIRS]
        for band, name in enumerate(BANDS):
            new, old = self._met(band, kept[name].to_numpy())
            near = np.bitwise_count(self._bits[new] ^ bits[old]) <= MOST_BITS_APART
            found.append(np.column_stack([new[near], old[near]]))
        pairs = np.unique(np.concatenate(found), axis=0)
        rows, places = np.unique(pairs[:, 1], return_inverse=True)
        values = values_of(kept[rows])
        counts = equal_counts(self._values[pairs[:, 0]], values[places])
        likely: Indices = np.column_stack([pairs, counts])[counts >= LEAST_EQUAL]
        return likely

    def _laid_out(self, buckets: Buckets) -> tuple[Indices, Buckets, npt.NDArray[np.bool_]]:
        order, ordered = in_order(buckets)
        is_taken = np.zeros(1 << self._slot_bits, dtype=np.bool_)
        is_taken[self._slots(buckets)] = True
        return order, ordered, is_taken

    def _slots(self, buckets: Buckets) -> Buckets:
        slots: Buckets = (buckets * np.uint32(0x9E3779B1)) >> np.uint32(32 - self._slot_bits)
        return slots

    def _met(self, band: int, buckets: Buckets) -> tuple[Indices, Indices]:
        """Pair the rows that have one value in a band: new ones, kept ones."""
        order, ordered, is_taken = self._bands[band]
        rows = np.flatnonzero(is_taken[self._slots(buckets)])
        firsts = np.searchsorted(ordered, buckets[rows])
        is_met = np.append(ordered, 0)[firsts] == buckets[rows]
        rows, firsts = rows[is_met], firsts[is_met]
        ends = np.searchsorted(ordered, buckets[rows], side="right")
        counts = ends - firsts
        within = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        return order[np.repeat(firsts, counts) + within], np.repeat(rows, counts)
