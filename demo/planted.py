"""Which claims are true in an invented corpus, and how strongly.

A claim that is `null` lies exactly at its smallest effect: the hardest place not to call it
supported. `true` and `false` lie a step beyond it, in and against the claim's direction.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Literal

import numpy as np

from schema.claims import Claim

Truth = Literal["true", "false", "null"]
TRUTHS: Final[tuple[Truth, ...]] = ("true", "false", "null")
STEPS: Final[Mapping[str, float]] = {
    "C01": 0.08,
    "C02": 0.06,
    "C03": 0.3,
    "C04": 0.06,
    "C05": 0.06,
    "C06": 0.04,
    "C08": 0.08,
    "C09": 0.25,
    "C10": 0.06,
    "C11": 0.04,
    "C12": 0.05,
    "C13": 0.5,
    "C14": 0.08,
    "C15": 0.07,
    "C16": 0.2,
    "C17": 0.12,
    "C18": 0.06,
    "C19": 0.08,
    "C20": 0.06,
    "C21": 0.3,
    "C22": 0.6,
    "C23": 0.008,
    "C24": 0.04,
    "C24b": 0.006,
    "C25": 0.06,
    "C27": 0.06,
    "C28": 0.2,
    "C29": 0.05,
    "C30": 0.06,
    "C31": 0.08,
    "C32": 0.06,
    "C33": 0.06,
    "C34": 0.06,
    "C35": 0.15,
    "C36": 0.06,
    "C37": 0.08,
    "C38": 0.15,
    "C39": 0.12,
    "C40": 0.12,
    "C41": 0.04,
    "C42": 0.06,
    "C43": 0.15,
}  # in the unit of each claim's measure


def plant(
    claims: Iterable[Claim], truths: Mapping[str, Truth], *, strength: float = 1.0
) -> dict[str, float]:
    """Return the effect to plant for every testable claim; `null` where `truths` says nothing.

    Raises:
        ValueError: a claim cannot be tested, so there is nothing to plant; or the strength is not
            between 0 and 1, beyond which chances would leave 0 to 1.
    """
    if not 0 <= strength <= 1:
        raise ValueError("strength must lie between 0 and 1")
    testable = {claim.id: claim for claim in claims if claim.is_testable}
    if strange := sorted(set(truths) - set(testable)):
        raise ValueError(f"claim {strange[0]} cannot be planted: it is not testable")
    side = {"true": 1, "false": -1, "null": 0}
    return {
        name: (claim.sesoi or 0.0)
        + claim.sign * side[truths.get(name, "null")] * strength * STEPS[name]
        for name, claim in testable.items()
    }


def draw_truths(claims: Iterable[Claim], rng: np.random.Generator) -> dict[str, Truth]:
    """Let chance say of each testable claim whether it is true, false or null."""
    names = [claim.id for claim in claims if claim.is_testable]
    return dict(zip(names, (TRUTHS[n] for n in rng.integers(0, 3, len(names))), strict=True))
