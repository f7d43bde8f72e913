"""What a new version of the codebook leaves standing, unit by unit, and what is coded again.

A unit is coded again where its coders used a code that a major change touched, and *used* means
that the code was theirs to give: a considered 0 may be a 1 under another meaning. It was not
theirs where its gate was closed, or where a code that was given forbids it (out of scope beside
anything else). A code that went was used where somebody gave it. A unit that shows what others'
codes say, a thread or a card, rests on these codes too. Everything else is carried: its codings
count under the new version, for the reason stated. Pure.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from annotation.codebook_diff import CodebookDiff, asked, rests_on
from annotation.quiz import CRISIS_CODE
from schema.codebook import Codebook
from schema.vocabulary import UnitKind

Values = Mapping[str, int]
NOTHING_MAJOR: Final = "no code's meaning, scale, unit or gate changed"
NOT_ASKED: Final = "no changed code is asked of such a unit"
NOT_USED: Final = "the changed codes were closed, or forbidden by another, for every coder"


def carried_because(
    old: Codebook, new: Codebook, found: CodebookDiff, kind: UnitKind, values: Sequence[Values]
) -> str | None:
    """Say why a unit's codings under `old` count under `new` as well; None: it is coded again.

    `found` is the difference of the two; `values` has what each coder gave, a value per code.
    """
    changed = changed_codes(found)
    if not changed:
        return NOTHING_MAJOR
    if changed & rests_on(old, new, kind):
        return None
    mine = changed & (asked(old, kind) | asked(new, kind))
    if not mine:
        return NOT_ASKED
    is_used = any(_is_used(old, new, kind, code_id, given) for code_id in mine for given in values)
    return None if is_used else NOT_USED


def changed_codes(found: CodebookDiff) -> set[str]:
    """Name the codes that a major change touched; not the safety code: its values are not kept."""
    return {change.place for change in found.changes if change.part == "major"} - {CRISIS_CODE}


def asked_by_both(old: Codebook, new: Codebook, kind: UnitKind) -> list[str]:
    """Name the codes whose values count of a carried unit, in the new codebook's order."""
    both = asked(old, kind) & asked(new, kind)
    return [code_id for code_id in new.code_ids if code_id in both]


def _is_used(old: Codebook, new: Codebook, kind: UnitKind, code_id: str, given: Values) -> bool:
    if code_id not in asked(new, kind):
        return given.get(code_id, 0) > 0
    if code_id not in asked(old, kind):
        return True  # nobody was asked
    is_open = any(book.is_open(code_id, kind, given) for book in (old, new))
    return is_open and not _is_forbidden(old, new, code_id, given)


def _is_forbidden(old: Codebook, new: Codebook, code_id: str, given: Values) -> bool:
    """Tell whether a code that was given forbids this one, then as now."""
    return any(
        value > 0
        and other in new.code_ids
        and all(book.code(other).excludes(code_id) for book in (old, new))
        for other, value in given.items()
    )
