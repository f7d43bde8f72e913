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

FULL_OVERLAP_ROUNDS = ("R1", "R2")
SENTINELS_A_WEEK = 20


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
    shuffled = sorted(unit_keys, key=lambda unit: _number(seed, "order", unit))
    everybody = len(shuffled) if round_ in FULL_OVERLAP_ROUNDS else sentinels
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
        coder: sorted(units, key=lambda unit: _number(seed, coder, unit))
        for coder, units in plan.items()
    }


def _first(
    units: Sequence[int], coders: Sequence[str], held: Mapping[int, Collection[str]]
) -> list[tuple[int, str]]:
    """List what coders who are still there hold."""
    return [(unit, coder) for unit in units for coder in coders if coder in held.get(unit, ())]


def _number(seed: int, purpose: str, unit: int) -> bytes:
    return hashlib.sha256(f"{seed}|{purpose}|{unit}".encode()).digest()
