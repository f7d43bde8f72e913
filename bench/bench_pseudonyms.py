"""Pseudonyms and row keys beside a loop over hashlib, and how likely two keys meet.

`python -m bench.bench_pseudonyms [ROWS]` prints rows per CPU second of both ways for row keys (64
bits) and pseudonyms (128 bits), by turns, medians of five rounds, and checks that they say the
same. A twentieth as many accounts as rows. The odds are of any two among so many being equal.
"""

import hmac
import sys
import time
from collections.abc import Callable
from statistics import median

import polars as pl

from transforms.keyed import pseudonym, row_key

KEY = bytes(range(32))
ROUNDS = 5
PSEUDONYM_BITS = 128
ROW_KEY_BITS = 64


def native_ids(rows: int) -> pl.DataFrame:
    """Make ids and accounts as Bluesky writes them."""
    numbers = pl.int_range(rows, eager=True)
    accounts = "did:plc:" + (numbers % max(1, rows // 20)).cast(pl.String).str.pad_start(24, "k")
    ids = "at://" + accounts + "/app.bsky.feed.post/" + numbers.cast(pl.String)
    return pl.DataFrame({"native_id": ids, "account": accounts})


def our_keys(ids: pl.DataFrame) -> list[int]:
    """Row keys, by the column."""
    return ids.select(row_key(pl.col("native_id"), KEY)).to_series().to_list()


def our_names(ids: pl.DataFrame) -> list[str]:
    """Pseudonyms, by the column."""
    return ids.select(pseudonym("bluesky", pl.col("account"), KEY)).to_series().to_list()


def their_keys(ids: pl.DataFrame) -> list[int]:
    """Row keys, one call an id."""
    return [int.from_bytes(_digest(value)[:8]) for value in ids["native_id"].to_list()]


def their_names(ids: pl.DataFrame) -> list[str]:
    """Pseudonyms, one call an account."""
    return [_digest(f"author\0{value}").hex()[:32] for value in ids["account"].to_list()]


def _digest(value: str) -> bytes:
    return hmac.digest(KEY.hex().encode(), value.encode(), "sha256")


def spent(way: Callable[[pl.DataFrame], object], ids: pl.DataFrame) -> float:
    """Time one way in CPU seconds."""
    started = time.process_time()
    way(ids)
    return time.process_time() - started


def odds(count: int, bits: int) -> float:
    """Return the chance that any two of `count` keys are equal (birthday bound)."""
    return count * (count - 1) / 2 * 0.5**bits


def main() -> None:
    """Race both, then state the odds."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    ids = native_ids(rows)
    pairs = {"row keys": (our_keys, their_keys), "pseudonyms": (our_names, their_names)}
    for name, ways in pairs.items():
        ours, theirs = (way(ids) for way in ways)
        if ours != theirs:
            raise SystemExit(f"{name}: the two ways differ")
        rounds = [[spent(way, ids) for way in ways] for _ in range(ROUNDS)]
        our_seconds, their_seconds = (median(column) for column in zip(*rounds, strict=True))
        print(
            f"{name:10}  ours {rows / our_seconds:12,.0f}  hashlib {rows / their_seconds:12,.0f}"
            f"  rows per CPU second  {their_seconds / our_seconds:5.2f} x"
        )
    for count in (10**6, 10**7, 10**8):
        print(
            f"{count:12,}  two row keys meet {odds(count, ROW_KEY_BITS):.1e}"
            f"  two pseudonyms {odds(count, PSEUDONYM_BITS):.1e}"
        )


if __name__ == "__main__":
    main()
