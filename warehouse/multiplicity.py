"""Tail probabilities and their correction over several claims. Pure."""

import math
from collections.abc import Mapping


def t_point(df: float) -> float:
    """Return Student's 97.5 percent point; the twin of the macro `t_quantile`, which names it."""
    df = max(df, 2.0)
    terms = (2.372271, 2.822502, 2.555852, 1.589536)
    return 1.959964 + sum(term / df**power for power, term in enumerate(terms, start=1))


def t_tail(t: float, df: float) -> float:
    """Return the chance that Student's t exceeds `t`; within 3 percent at 3 df, 0.3 from 8 on.

    Source: Wallace 1959, by the normal's tail.
    """
    df = max(df, 2.0)
    z = (8 * df + 1) / (8 * df + 3) * math.sqrt(df * math.log1p(t * t / df))
    return 0.5 * math.erfc(math.copysign(z, t) / math.sqrt(2))


def false_discovery_rates(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return each p value's q: the rate of false discoveries at which it would still count.

    Source: Benjamini and Hochberg 1995, the step-up procedure.
    """
    falling = sorted(p_values, key=lambda name: (p_values[name], name), reverse=True)
    smallest, found = 1.0, {}
    for rank, name in zip(range(len(falling), 0, -1), falling, strict=True):
        smallest = min(smallest, p_values[name] * len(falling) / rank)
        found[name] = smallest
    return found
