"""Who codes which unit.

In the pilot and reliability rounds (R1, R2) every coder codes every unit; in production
each unit goes to one coder, and a stated share of them to a second. The plan is a pure
function of seed, units and coders, so it is recomputed rather than stored.
"""

import hashlib
from collections.abc import Mapping, Sequence

FULL_OVERLAP_ROUNDS = ("R1", "R2")


def assign(
    unit_keys: Sequence[int],
    coders: Sequence[str],
    *,
    round_: str,
    double_share: float,
    seed: int,
) -> Mapping[str, list[int]]:
    """Map each coder to the units to code, in an order of their own.

    The order of `unit_keys` does not matter. Loads differ by two units at most per pass.
    """
    shuffled = sorted(unit_keys, key=lambda unit: _number(seed, "order", unit))
    if round_ in FULL_OVERLAP_ROUNDS:
        plan = {coder: list(shuffled) for coder in coders}
    else:
        plan = {coder: shuffled[n :: len(coders)] for n, coder in enumerate(coders)}
        _add_second_coders(plan, shuffled, coders, double_share)
    return {
        coder: sorted(units, key=lambda unit: _number(seed, coder, unit))
        for coder, units in plan.items()
    }


def _add_second_coders(
    plan: Mapping[str, list[int]],
    shuffled: Sequence[int],
    coders: Sequence[str],
    double_share: float,
) -> None:
    if len(coders) < 2:
        return
    doubled = round(len(shuffled) * double_share)
    for n, unit in enumerate(shuffled[:doubled]):
        second = coders[(n + 1 + n // len(coders) % (len(coders) - 1)) % len(coders)]
        plan[second].append(unit)


def _number(seed: int, purpose: str, unit: int) -> bytes:
    return hashlib.sha256(f"{seed}|{purpose}|{unit}".encode()).digest()
