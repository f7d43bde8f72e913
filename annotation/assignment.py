"""Who codes which unit.

In the pilot and reliability rounds (R1, R2) every coder codes every unit. In production each unit
goes to one coder, a stated share of them to a second, and sentinels, which look like any other, to
everybody. Who has a unit keeps it; what a coder avoids goes to others. The plan is a pure function
of seed, units, coders and what was handed out, so a coder who comes late takes up what is left,
and what a coder who left had not coded is dealt anew.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import islice

FULL_OVERLAP_ROUNDS = ("R1", "R2")
SENTINELS_A_WEEK = 20
SENTINEL_EVERY = 5  # of a coder's units: four batches of 25 hold a week's sentinels


def assign(
    unit_keys: Sequence[int],
    coders: Sequence[str],
    *,
    round_: str,
    double_share: float,
    seed: int,
    sentinels: int = 0,
    held: Mapping[int, Collection[str]] | None = None,
    avoided: Mapping[str, Collection[int]] | None = None,
) -> Mapping[str, list[int]]:
    """Map each coder to the units to code, in an order of their own.

    `held` says who has or coded a unit already, `avoided` which units a coder must not get. The
    order of `unit_keys` does not matter. Of those who may take a unit, the one with the fewest
    does. A unit that too many avoid gets fewer coders than planned.
    """
    shuffled = _shuffled(unit_keys, seed)
    for_all = sentinel_units(unit_keys, round_=round_, seed=seed, count=sentinels)
    everybody = len(shuffled) if round_ in FULL_OVERLAP_ROUNDS else len(for_all)
    doubled = everybody + round(max(len(shuffled) - everybody, 0) * double_share)
    plan: dict[str, list[int]] = {coder: [] for coder in coders}
    loads: Counter[str] = Counter()
    for unit, who in _first(shuffled, coders, held or {}):
        plan[who].append(unit)
        loads[who] += 1
    for n, unit in enumerate(shuffled):
        wanted = len(coders) if n < everybody else 2 if n < doubled else 1
        had = (held or {}).get(unit, ())
        free = [
            coder
            for coder in coders
            if coder not in had and unit not in (avoided or {}).get(coder, ())
        ]
        free.sort(key=lambda coder: (loads[coder], _number(seed, coder, unit)))
        for coder in free[: max(wanted - len(had), 0)]:
            plan[coder].append(unit)
            loads[coder] += 1
    return {
        coder: _interleaved(sorted(units, key=lambda unit: _number(seed, coder, unit)), for_all)
        for coder, units in plan.items()
    }


def sentinel_units(
    unit_keys: Sequence[int], *, round_: str, seed: int, count: int
) -> Collection[int]:
    """Return which units go to everybody in production; where all do, none is set apart."""
    if round_ in FULL_OVERLAP_ROUNDS:
        return frozenset()
    return frozenset(_shuffled(unit_keys, seed)[:count])


def _shuffled(unit_keys: Sequence[int], seed: int) -> list[int]:
    return sorted(unit_keys, key=lambda unit: _number(seed, "order", unit))


def _interleaved(units: Sequence[int], for_all: Collection[int]) -> list[int]:
    """Let every fifth unit be a sentinel while there are any: a week's come within four batches."""
    rest = iter([unit for unit in units if unit not in for_all])
    placed: list[int] = []
    for sentinel in (unit for unit in units if unit in for_all):
        placed += [*islice(rest, SENTINEL_EVERY - 1), sentinel]
    return [*placed, *rest]


def _first(
    units: Sequence[int], coders: Sequence[str], held: Mapping[int, Collection[str]]
) -> list[tuple[int, str]]:
    """List what coders who are still there hold."""
    return [(unit, coder) for unit in units for coder in coders if coder in held.get(unit, ())]


def _number(seed: int, purpose: str, unit: int) -> bytes:
    return hashlib.sha256(f"{seed}|{purpose}|{unit}".encode()).digest()
