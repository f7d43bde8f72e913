"""Counts as people read them."""

from collections.abc import Mapping


def pairs(done: Mapping[str, object]) -> str:
    """Say figures by name: `roots 100, replies 160`."""
    told = [f"{name.replace('_', ' ')} {value}" for name, value in done.items()]
    return ", ".join(told) or "nothing"


def tally(counts: Mapping[str, int]) -> str:
    """Say a run's counts, zeros left out: `385 new, 17 removed`."""
    told = [f"{count} {name.removesuffix('_count')}" for name, count in counts.items() if count]
    return ", ".join(told).replace("_", " ") or "nothing new"
