"""What an adjudicator decides: ties, two-step gaps, and any disagreement that touches safety.

Protocol, section 4: the majority of coders settles the rest. Pure.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

import polars as pl

from schema.codebook import Codebook
from schema.vocabulary import UnitKind

Why = Literal["tie", "two steps apart", "safety"]
TWO_STEPS = 2


class Dispute(NamedTuple):
    """One code of one unit on which coders disagree, by value and not by whom."""

    unit_kind: UnitKind
    unit_key: int
    code_id: str
    readings: tuple[int, ...]
    why: Why

    @property
    def uid(self) -> str:
        """What its task is found again by."""
        return f"{self.unit_key:016x}-{self.code_id}"


def find_disputes(codings: pl.DataFrame, codebook: Codebook) -> list[Dispute]:
    """Return what asks for a ruling, in the order of units and codes.

    `codings`: `unit_kind`, `unit_key`, `code`, `value`, one row per coder.
    """
    readings = (
        codings.group_by("unit_kind", "unit_key", "code")
        .agg(pl.col("value").sort())
        .sort("unit_kind", "unit_key", "code")
    )
    found = []
    for kind, unit_key, code_id, values in readings.iter_rows():
        why = why_disputed(values, is_safety=codebook.code(code_id).layer == "safety")
        if why is not None:
            found.append(Dispute(kind, unit_key, code_id, tuple(values), why))
    return found


def why_disputed(values: Sequence[int], *, is_safety: bool) -> Why | None:
    """Say why coders' values of one code ask for a ruling; None where they settle it."""
    if len(set(values)) < 2:
        return None
    if is_safety:
        return "safety"
    if max(values) - min(values) >= TWO_STEPS:
        return "two steps apart"
    [(_, most)] = Counter(values).most_common(1)
    return None if 2 * most > len(values) else "tie"
