"""What changed between two versions of a codebook, and which part of the version must rise.

Major: what a code means, how it is graded, on what unit, behind which gate, beside which codes, or
that it is gone: units coded before are coded again. Minor: a code, rule, example or claim more or
other, without another meaning. Patch: wording, keys, citations. A program cannot tell a reworded
definition from a new one, so a definition counts as major unless only its spelling signs changed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final, Literal, NamedTuple

from schema.codebook import Code, Codebook
from schema.vocabulary import UnitKind

Part = Literal["patch", "minor", "major"]
PARTS: Final[tuple[Part, ...]] = ("patch", "minor", "major")
MAJOR: Final = (
    "definition",
    "scale",
    "unit",
    "gate",
    "exclusive_with",
    "exclusive_except",
    "layer",
)
MINOR: Final = (
    "when_to_use",
    "when_not_to_use",
    "decision_rules",
    "examples",
    "applies_to",
    "rollup",
    "coding_mode",
    "secondary_units",
    "indicators",
    "agreement_target",
)
HEAD_MINOR: Final = (
    "claims",
    "agreement_tiers",
    "agreement_rules",
    "evidence",
    "certainty",
    "scales",
)
# the codes of posts that a card shows, or that its rates are made of
SHOWN: Final[Mapping[UnitKind, frozenset[str]]] = {
    "timeline": frozenset({"struggleposting", "feedback_uptake"}),
    "community": frozenset(
        {
            *("struggleposting", "theme_stigma_openness"),
            *("reply_emotional_support", "reply_esteem_validation"),
        }
    ),
}
_SIGNS = re.compile(r"[\W_]+")


class Change(NamedTuple):
    """One difference: which part of the version it raises, what it touches, and what it is."""

    part: Part
    place: str
    what: str

    def __str__(self) -> str:
        """Say it in one line."""
        return f"{self.part}: {self.place}: {self.what}"


class CodebookDiff(NamedTuple):
    """All differences, the largest first, and what they ask for."""

    old: str
    new: str
    changes: tuple[Change, ...]
    recoded: tuple[UnitKind, ...]

    @property
    def needed(self) -> Part | None:
        """The part of the version that must rise; None where nothing changed."""
        return self.changes[0].part if self.changes else None

    @property
    def stated(self) -> Part | None:
        """The part that did rise; None where the new version is not a later one."""
        old, new = (tuple(map(int, version.split("."))) for version in (self.old, self.new))
        if new <= old:
            return None
        return "major" if new[0] > old[0] else "minor" if new[1] > old[1] else "patch"

    @property
    def is_enough(self) -> bool:
        """Tell whether the new version's number says as much as the changes ask for."""
        if self.needed is None:
            return True
        return self.stated is not None and PARTS.index(self.stated) >= PARTS.index(self.needed)


def diff(old: Codebook, new: Codebook) -> CodebookDiff:
    """Return what changed from `old` to `new`, and the kinds of units that may be coded again.

    Which units of a kind are, `annotation.recoding` says.
    """
    changes = [*_code_changes(old, new), *_asked_changes(old, new), *_head_changes(old, new)]
    changes.sort(key=lambda change: (-PARTS.index(change.part), change.place, change.what))
    return CodebookDiff(old.version, new.version, tuple(changes), _recoded(old, new, changes))


def asked(codebook: Codebook, kind: UnitKind) -> set[str]:
    """Name the codes that a codebook asks of a kind of unit."""
    return {code.id for code in codebook.codes_for(kind)} if kind in _kinds(codebook) else set()


def rests_on(old: Codebook, new: Codebook, kind: UnitKind) -> set[str]:
    """Name the codes of other units that decide what a unit shows, or whether it is coded."""
    gates = {
        term.code_id
        for book in (old, new)
        for code_id in asked(book, kind)
        if not book.gate_within(code_id, kind)
        for term in book.code(code_id).gate_terms
    }
    return gates | SHOWN.get(kind, frozenset())


def _code_changes(old: Codebook, new: Codebook) -> Iterator[Change]:
    before = {code.id: code for code in old.codes}
    after = {code.id: code for code in new.codes}
    for code_id in before.keys() - after.keys():
        yield Change("major", code_id, "the code is gone")
    for code_id in after.keys() - before.keys():
        yield Change("minor", code_id, "the code is new")
    for code_id in before.keys() & after.keys():
        yield from _field_changes(before[code_id], after[code_id])


def _field_changes(before: Code, after: Code) -> Iterator[Change]:
    for field in Code.model_fields:
        one, other = getattr(before, field), getattr(after, field)
        if one == other:
            continue
        part: Part = "major" if field in MAJOR else "minor" if field in MINOR else "patch"
        if field == "definition" and _letters(one) == _letters(other):
            part = "patch"
        yield Change(part, before.id, f"{field} differs")


def _asked_changes(old: Codebook, new: Codebook) -> Iterator[Change]:
    """Compare which codes that both have are asked on which kind of unit."""
    both = set(old.code_ids) & set(new.code_ids)
    for kind in _kinds(old) | _kinds(new):
        one, other = (asked(book, kind) & both for book in (old, new))
        for code_id in one ^ other:
            verb = "is asked no more" if code_id in one else "is asked now"
            yield Change("major", code_id, f"{verb} on the unit {kind}")


def _head_changes(old: Codebook, new: Codebook) -> Iterator[Change]:
    for field in Codebook.model_fields:
        if field in ("codes", "annotation_projects"):
            continue
        one, other = getattr(old, field), getattr(new, field)
        if field == "codebook":
            one, other = (head.model_copy(update={"version": "0.0.0"}) for head in (one, other))
        if one != other:
            yield Change("minor" if field in HEAD_MINOR else "patch", field, "differs")


def _recoded(old: Codebook, new: Codebook, changes: list[Change]) -> tuple[UnitKind, ...]:
    meant = {change.place for change in changes if change.part == "major"}
    kinds = sorted(_kinds(old) | _kinds(new))
    return tuple(
        kind
        for kind in kinds
        if meant & (asked(old, kind) | asked(new, kind) | rests_on(old, new, kind))
    )


def _kinds(codebook: Codebook) -> set[UnitKind]:
    return {project.unit_kind for project in codebook.annotation_projects}


def _letters(text: str) -> str:
    return _SIGNS.sub("", text).casefold()
