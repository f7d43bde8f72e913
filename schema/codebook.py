"""The codebook as frozen models: codes with their rules, and the claims they bear on.

A codebook says what coders look for, how each code is scaled, on which unit of analysis it is
coded and how well coders must agree before a claim may use it. It is data, read from a file by
the annotation room; nothing here opens a file.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, StringConstraints, model_validator

from schema.claims import Claim, CodebookUnit, CodeId, Entry, Sentence
from schema.vocabulary import UnitKind

Hotkey = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]$")]
Version = Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
ScaleType = Literal["ordinal_0_2", "binary"]
Level = Literal["nominal", "ordinal"]
Layer = Literal[
    "gate_and_terms",
    "terms_timeline_level",
    "themes_post_level",
    "themes_thread_level",
    "themes_community_level",
    "reply",
    "follow_up",
    "safety",
]
TierName = Literal["A_surface_act", "B_bounded_inference", "C_latent_motive", "D_computed"]

ANY_CODE = "*"
_GATE_TERM = re.compile(r"^([a-z][a-z0-9_]*)\s*>=\s*([1-9])$")


class GateTerm(NamedTuple):
    """One way through a gate: the code reached at least this value on the unit or its root."""

    code_id: str
    minimum: int


class Source(Entry):
    """Where in the source text, or in our own rules, a code comes from."""

    kind: Literal["term", "theme", "measure", "safety", "design"]
    passage: Sentence
    also: Sentence | None = None


class Scale(Entry):
    """A code's values, each with the words that anchor it."""

    type: ScaleType
    anchors: dict[int, Sentence]

    @property
    def values(self) -> tuple[int, ...]:
        """The values a coder may give, ascending; 0 is always absence."""
        return tuple(sorted(self.anchors))

    @model_validator(mode="after")
    def _anchors_fit_type(self) -> Self:
        wanted = (0, 1, 2) if self.type == "ordinal_0_2" else (0, 1)
        if self.values != wanted:
            raise ValueError(f"a {self.type} scale has the anchors {list(wanted)}: give each one")
        return self


class Sensitivity(Entry):
    """Whether the code touches what may harm a person, and why."""

    flag: bool
    why: Sentence


class DecisionRule(Entry):
    """How to tell a code from a near neighbour."""

    against: CodeId
    rule: Sentence


class Example(Entry):
    """An invented message that carries the code."""

    platform: Sentence
    value: int
    text: Sentence
    note: Sentence


class NearMiss(Entry):
    """An invented message that looks like the code; `instead` is the right one, or `none`."""

    platform: Sentence
    instead: CodeId
    text: Sentence
    note: Sentence


class Examples(Entry):
    """What the code is, and what it only resembles."""

    positive: tuple[Example, ...]
    near_miss: tuple[NearMiss, ...]


class Indicator(Entry):
    """A computed quantity that goes with a code; `source` names tables, columns or views."""

    id: CodeId
    source: Sentence = Field(alias="from")
    formula: Sentence
    role: Literal[
        "base_rate",
        "component",
        "enrichment",
        "evidence",
        "exclusion",
        "exposure",
        "outcome",
        "predictor",
        "quality",
        "reward",
        "risk",
        "score",
        "validation",
    ]


class Prevalence(Entry):
    """How often the code is expected in which frame, and on what ground that is said."""

    frame: Sentence
    expected: Sentence
    basis: Literal["analogue", "measured", "working_prior", "design", "none"]
    cite: Sentence
    general_feed: Sentence | None = None


class AgreementTarget(Entry):
    """The tier whose floor a code must reach; no tier: agreement decides nothing."""

    tier: TierName | None
    note: Sentence | None = None


class Tier(Entry):
    """How well coders must agree on codes of one kind before a claim may use them."""

    metric: Literal["krippendorff_alpha", "audit_precision_and_recall"]
    floor_for_claims: float = Field(gt=0, le=1)
    interval_floor: float | None = Field(default=None, gt=0, le=1)
    pilot_floor: float | None = Field(default=None, gt=0, le=1)
    ambition: float = Field(gt=0, le=1)
    why: Sentence


class Code(Entry):
    """One code: what it means, when it applies, how it differs from its neighbours."""

    id: CodeId
    name: Sentence
    layer: Layer
    source: Source
    unit: CodebookUnit
    secondary_units: tuple[CodebookUnit | Literal["span"], ...]
    coding_mode: Literal["human", "hybrid"]
    scale: Scale
    hotkey: Hotkey
    exclusive_with: tuple[CodeId | Literal["*"], ...]
    exclusive_except: tuple[CodeId, ...] = ()
    gate: Sentence
    applies_to: Sentence
    rollup: Sentence | None = None
    sensitive: Sensitivity
    definition: Sentence
    when_to_use: tuple[Sentence, ...] = Field(min_length=1)
    when_not_to_use: tuple[Sentence, ...] = Field(min_length=1)
    decision_rules: tuple[DecisionRule, ...] = Field(min_length=1)
    examples: Examples
    indicators: tuple[Indicator, ...]
    difficulty: Literal["low", "medium", "high"]
    prevalence: Prevalence
    agreement_target: AgreementTarget
    literature: tuple[Sentence, ...]

    @property
    def gate_terms(self) -> tuple[GateTerm, ...]:
        """The ways through the gate, any of which suffices; empty where there is no gate."""
        if self.gate == "none":
            return ()
        terms = [_GATE_TERM.match(part.strip()) for part in re.split(r"\bor\b", self.gate)]
        return tuple(GateTerm(term[1], int(term[2])) for term in terms if term)

    @model_validator(mode="after")
    def _gate_parses(self) -> Self:
        parts = 0 if self.gate == "none" else len(re.split(r"\bor\b", self.gate))
        if len(self.gate_terms) != parts:
            raise ValueError(
                "gate is not an expression: write `none`, `some_code >= 1`, or several of these "
                "joined by `or`; conditions in words belong in applies_to"
            )
        return self

    def excludes(self, other: str) -> bool:
        """Tell whether this code forbids `other` on the same unit."""
        if other == self.id or other in self.exclusive_except:
            return False
        return ANY_CODE in self.exclusive_with or other in self.exclusive_with


class Versioning(Entry):
    """What a change of each part of the version number means."""

    scheme: Literal["semver"]
    major: Sentence
    minor: Sentence
    patch: Sentence
    rule: Sentence


class CodebookHead(Entry):
    """Name, version and principle of a codebook."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
    version: Version
    status: Literal["draft_for_pilot", "in_use", "retired"]
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
    title: Sentence
    source_document: Sentence
    principle: Sentence
    versioning: Versioning


class AnnotationProject(Entry):
    """Which codes are asked on one kind of unit, and what its coders see."""

    id: Sentence
    unit_kind: UnitKind
    layers: tuple[Layer, ...]
    plus_codes: tuple[CodeId, ...] = ()
    first: tuple[CodeId, ...]
    shows: Sentence
    note: Sentence | None = None


class EvidenceRule(Entry):
    """What must be highlighted in the text, and for which codes nothing can be."""

    rule: Sentence
    not_needed_for: tuple[CodeId, ...]


class ScaleKind(Entry):
    """A scale's level of measurement and the general meaning of its values."""

    level: Level
    values: dict[int, Sentence]


class Certainty(Entry):
    """How sure a coder is of a decision."""

    values: dict[int, Sentence]
    default: int
    rule: Sentence


class CodebookCoverage(Entry):
    """The source text's terms and themes, each by the code that stands for it."""

    terms: tuple[CodeId, ...]
    themes: tuple[CodeId, ...]
    not_codable_from_one_post: dict[CodeId, Sentence]


class Codebook(Entry):
    """A whole codebook of one version."""

    codebook: CodebookHead
    units_of_analysis: dict[CodebookUnit | Literal["span"], Sentence]
    annotation_projects: tuple[AnnotationProject, ...]
    evidence: EvidenceRule
    scales: dict[ScaleType, ScaleKind]
    certainty: Certainty
    agreement_tiers: dict[TierName, Tier]
    agreement_rules: tuple[Sentence, ...]
    codes: tuple[Code, ...] = Field(min_length=1)
    claims: tuple[Claim, ...]
    coverage: CodebookCoverage

    @property
    def version(self) -> str:
        """The version stamped on every coding."""
        return self.codebook.version

    @property
    def code_ids(self) -> tuple[str, ...]:
        """Every code, in the file's order."""
        return tuple(code.id for code in self.codes)

    def code(self, code_id: str) -> Code:
        """Return one code.

        Raises:
            KeyError: the codebook has no such code.
        """
        for code in self.codes:
            if code.id == code_id:
                return code
        raise KeyError(code_id)

    def codes_for(self, unit_kind: UnitKind) -> tuple[Code, ...]:
        """Return the codes asked on a kind of unit: those asked first, then in file order."""
        project = self.project(unit_kind)
        asked = [c for c in self.codes if c.layer in project.layers or c.id in project.plus_codes]
        first = [code for wanted in project.first for code in asked if code.id == wanted]
        return (*first, *(code for code in asked if code not in first))

    def project(self, unit_kind: UnitKind) -> AnnotationProject:
        """Return the annotation project of a kind of unit.

        Raises:
            KeyError: the codebook codes nothing on this kind of unit.
        """
        for project in self.annotation_projects:
            if project.unit_kind == unit_kind:
                return project
        raise KeyError(unit_kind)

    def is_graded(self, code_id: str) -> bool:
        """Tell whether a ticked code still needs its 1 or 2."""
        return self.code(code_id).scale.type == "ordinal_0_2"

    def level(self, code_id: str) -> Level:
        """Name the level of measurement at which agreement on a code is computed."""
        return self.scales[self.code(code_id).scale.type].level

    def tier(self, code_id: str) -> Tier | None:
        """Return the agreement tier of a code; none where agreement decides nothing."""
        name = self.code(code_id).agreement_target.tier
        return None if name is None else self.agreement_tiers[name]

    def floor(self, code_id: str) -> float | None:
        """Return the alpha below which no claim may use a code."""
        tier = self.tier(code_id)
        return None if tier is None else tier.floor_for_claims

    def interval_floor(self, code_id: str) -> float | None:
        """Return what the lower end of alpha's interval must exceed."""
        tier = self.tier(code_id)
        return None if tier is None else tier.interval_floor

    def gate_within(self, code_id: str, unit_kind: UnitKind) -> tuple[GateTerm, ...]:
        """Return the gate's terms where its codes are coded on this very unit, else nothing.

        A thread's gate looks at its root post, which is another unit.
        """
        here = {code.id for code in self.codes_for(unit_kind)}
        terms = self.code(code_id).gate_terms
        return terms if all(term.code_id in here for term in terms) else ()

    def is_open(self, code_id: str, unit_kind: UnitKind, values: Mapping[str, int]) -> bool:
        """Tell whether a unit's values let a code be more than 0 on the same unit."""
        terms = self.gate_within(code_id, unit_kind)
        return not terms or any(values.get(term.code_id, 0) >= term.minimum for term in terms)

    def needs_evidence(self, code_id: str) -> bool:
        """Tell whether a value of 1 or 2 must be shown in the text."""
        return self.code(code_id).unit == "post" and code_id not in self.evidence.not_needed_for
