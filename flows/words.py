"""Counts and times as people read them."""

from collections.abc import Mapping
from typing import Final

_UNITS: Final = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def pairs(done: Mapping[str, object]) -> str:
    """Say figures by name: `roots 100, replies 160`."""
    told = [f"{name.replace('_', ' ')} {value}" for name, value in done.items()]
    return ", ".join(told) or "nothing"


def tally(counts: Mapping[str, int]) -> str:
    """Say a run's counts, zeros left out: `385 new, 17 removed`."""
    told = [f"{count} {name.removesuffix('_count')}" for name, count in counts.items() if count]
    return ", ".join(told).replace("_", " ") or "nothing new"


def counted(count: int, noun: str) -> str:
    """Say a count of things: `1 gap`, `3 gaps`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def length_of_time(seconds: float) -> str:
    """Say a length of time in its two largest units: `3 h 5 min`."""
    rest = round(seconds)
    told: list[str] = []
    for size, unit in _UNITS:
        if rest >= size or (unit == "s" and not told):
            told.append(f"{rest // size} {unit}")
            rest %= size
    return " ".join(told[:2])
