"""What the codebook's model cannot see: references, examples, keys and coverage.

Each rule is a function that yields (keys to the place, rule, remedy).
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from annotation.finding import Finding
from annotation.form import FORM_UNITS, label_config, shown_name
from annotation.form_lint import lint_form
from schema.codebook import ANY_CODE, Code, Codebook

Problem = tuple[tuple[int | str, ...], str, str]
Problems = Iterator[Problem]
MINIMUM_EXAMPLES = 3
TERMS = THEMES = 10
_WORD = re.compile(r"[a-z][a-z0-9_]*")


def lint(
    codebook: Codebook,
    *,
    file: str = "codebook",
    line_of: Callable[[Sequence[int | str]], int] = lambda keys: 1,
) -> list[Finding]:
    """Return every rule a codebook breaks, in the file's order; empty when it is sound."""
    repeated = list(_unique_ids(codebook))
    problems = repeated or [problem for rule in RULES for problem in rule(codebook)]
    found = [Finding(file, line_of(keys), rule, remedy) for keys, rule, remedy in problems]
    if not found:  # a form of a broken codebook would only repeat its faults
        for kind in FORM_UNITS:
            found += lint_form(label_config(codebook, kind), name=f"the {kind} form")
    return sorted(found, key=lambda finding: finding.line)


def _unique_ids(codebook: Codebook) -> Problems:
    for what, ids in (
        ("codes", [code.id for code in codebook.codes]),
        ("claims", [claim.id for claim in codebook.claims]),
        ("annotation_projects", [project.unit_kind for project in codebook.annotation_projects]),
    ):
        counts = Counter(ids)
        for number, entry in enumerate(ids):
            if counts[entry] > 1:
                yield (what, number), f"{entry} stands twice in {what}", "rename or remove one"


def _known_codes(codebook: Codebook) -> Problems:
    """Hold every mention of a code against the list of codes."""
    known = set(codebook.code_ids)
    for place, mentioned in _mentions(codebook):
        if mentioned not in known:
            yield place, f"{mentioned} is no code of this codebook", "respell it or add the code"


def _mentions(codebook: Codebook) -> Iterator[tuple[tuple[int | str, ...], str]]:
    for n, code in enumerate(codebook.codes):
        yield from _code_mentions(("codes", n), code)
    for n, project in enumerate(codebook.annotation_projects):
        for field in ("plus_codes", "first"):
            yield from ((("annotation_projects", n, field), c) for c in getattr(project, field))
    for n, claim in enumerate(codebook.claims):
        yield from ((("claims", n, "needs", "codes"), code) for code in claim.needs.codes)
    for field in ("terms", "themes", "not_codable_from_one_post"):
        yield from ((("coverage", field), code) for code in getattr(codebook.coverage, field))
    yield from ((("evidence", "not_needed_for"), c) for c in codebook.evidence.not_needed_for)


def _code_mentions(
    at: tuple[int | str, ...], code: Code
) -> Iterator[tuple[tuple[int | str, ...], str]]:
    for r, rule in enumerate(code.decision_rules):
        yield (*at, "decision_rules", r, "against"), rule.against
    for e, miss in enumerate(code.examples.near_miss):
        if miss.instead != "none":
            yield (*at, "examples", "near_miss", e, "instead"), miss.instead
    for other in code.exclusive_with:
        if other != ANY_CODE:
            yield (*at, "exclusive_with"), other
    for other in code.exclusive_except:
        yield (*at, "exclusive_except"), other
    for term in code.gate_terms:
        yield (*at, "gate"), term.code_id


def _neighbours(codebook: Codebook) -> Problems:
    for n, code in enumerate(codebook.codes):
        near = {rule.against for rule in code.decision_rules}
        near |= {miss.instead for miss in code.examples.near_miss} - {"none"}
        if not near - {code.id}:
            rule = f"{code.id} is told apart from no near neighbour"
            yield ("codes", n, "decision_rules"), rule, "name one, by a decision rule or near miss"
        own = [rule.against for rule in code.decision_rules].count(code.id)
        own += [miss.instead for miss in code.examples.near_miss].count(code.id)
        if own or code.id in code.exclusive_with:
            rule = f"{code.id} is told apart from itself"
            yield ("codes", n), rule, "name the neighbouring code instead"


def _examples(codebook: Codebook) -> Problems:
    for n, code in enumerate(codebook.codes):
        for field in ("positive", "near_miss"):
            count = len(getattr(code.examples, field))
            if count < MINIMUM_EXAMPLES:
                rule = f"{code.id} has {count} {field} examples"
                yield ("codes", n, "examples"), rule, f"invent at least {MINIMUM_EXAMPLES}"
        for e, example in enumerate(code.examples.positive):
            if example.value not in code.scale.values[1:]:
                rule = f"a positive example of {code.id} has value {example.value}"
                allowed = " or ".join(map(str, code.scale.values[1:]))
                yield ("codes", n, "examples", "positive", e), rule, f"its scale allows {allowed}"


def _example_anchors(codebook: Codebook) -> Problems:
    """Each anchor above 0 is shown by an example, and no example says two things at once."""
    for n, code in enumerate(codebook.codes):
        shown = {example.value for example in code.examples.positive}
        for value in set(code.scale.values[1:]) - shown:
            rule = f"no example of {code.id} shows the anchor of value {value}"
            yield ("codes", n, "examples", "positive"), rule, "invent one, or correct a value"
        values = Counter(text for text, _ in {(e.text, e.value) for e in code.examples.positive})
        for text, count in values.items():
            if count > 1 or any(miss.text == text for miss in code.examples.near_miss):
                rule = f"an example of {code.id} stands under two values of it"
                yield ("codes", n, "examples"), rule, "keep it where its anchor is"
        yield from _exclusive_examples(codebook, n, code)


def _exclusive_examples(codebook: Codebook, n: int, code: Code) -> Problems:
    mine = {example.text for example in code.examples.positive}
    for other in codebook.codes[n + 1 :]:
        both = mine & {example.text for example in other.examples.positive}
        if both and (code.excludes(other.id) or other.excludes(code.id)):
            rule = f"an example has both {code.id} and {other.id}, which exclude each other"
            yield ("codes", n, "examples"), rule, "keep it under one of them"


def _anchors(codebook: Codebook) -> Problems:
    for n, code in enumerate(codebook.codes):
        scale = codebook.scales.get(code.scale.type)
        if scale is None or tuple(sorted(scale.values)) != code.scale.values:
            rule = f"{code.id} has a {code.scale.type} scale that `scales` does not describe"
            yield ("codes", n, "scale"), rule, "describe every value under scales"
        tier = code.agreement_target.tier
        if tier is not None and tier not in codebook.agreement_tiers:
            rule = f"{code.id} has tier {tier}, which agreement_tiers does not hold"
            yield ("codes", n, "agreement_target"), rule, "add the tier or choose another"


def _form_names(codebook: Codebook) -> Problems:
    """Names and keys that a form shows must differ, form by form."""
    number = {code.id: n for n, code in enumerate(codebook.codes)}
    for project in codebook.annotation_projects:
        codes = codebook.codes_for(project.unit_kind)
        keys, names = [code.hotkey for code in codes], [shown_name(code) for code in codes]
        for what, shown in (("hotkey", keys), ("name", names)):
            counts = Counter(shown)
            for code, value in zip(codes, shown, strict=True):
                if counts[value] > 1:
                    rule = f"{what} {value} of {code.id} stands twice in {project.id}"
                    yield ("codes", number[code.id], what), rule, f"give each code its own {what}"


def _reachable(codebook: Codebook) -> Problems:
    asked = {c.id for p in codebook.annotation_projects for c in codebook.codes_for(p.unit_kind)}
    for n, code in enumerate(codebook.codes):
        if code.id not in asked:
            rule = f"{code.id} is asked on no kind of unit"
            yield ("codes", n, "layer"), rule, "add its layer or the code to an annotation project"
    for n, project in enumerate(codebook.annotation_projects):
        here = {code.id for code in codebook.codes_for(project.unit_kind)}
        for code_id in project.first:
            if code_id not in here and code_id in codebook.code_ids:
                rule = f"{code_id} comes first in {project.id} but is not asked there"
                yield ("annotation_projects", n, "first"), rule, "add it to plus_codes"


def _coverage(codebook: Codebook) -> Problems:
    coverage = codebook.coverage
    terms = [code.id for code in codebook.codes if code.source.kind == "term"]
    themes = [code.id for code in codebook.codes if code.source.kind == "theme"]
    for field, listed, real, wanted in (
        ("terms", coverage.terms, terms, TERMS),
        ("themes", coverage.themes, themes, THEMES),
    ):
        if sorted(listed) != sorted(real):
            rule = f"coverage.{field} is not the list of codes whose source is one of the {field}"
            yield ("coverage", field), rule, "list each of them once"
        if len(real) != wanted:
            rule = f"{len(real)} codes stand for {field}, the source text has {wanted}"
            yield ("coverage", field), rule, "let each have one code"
    elsewhere = {code.id for code in codebook.codes if code.unit != "post"}
    for code_id in sorted(elsewhere - set(coverage.not_codable_from_one_post)):
        rule = f"{code_id} is not coded on a post, and coverage does not say so"
        yield ("coverage", "not_codable_from_one_post"), rule, "add it with its unit"


def _claims(codebook: Codebook) -> Problems:
    """A claim is locked by its codes' floors, so it must name every code its query reads."""
    for n, claim in enumerate(codebook.claims):
        words = set(_WORD.findall((claim.sql or "").lower()))
        for code_id in codebook.code_ids:
            if code_id in words and code_id not in claim.needs.codes:
                rule = f"claim {claim.id} reads {code_id} without needing it"
                yield ("claims", n, "needs"), rule, "add it to needs.codes"
        if claim.is_testable and not claim.needs.codes:
            rule = f"claim {claim.id} is testable and needs no code"
            yield ("claims", n, "needs"), rule, "name the codes that its rows rest on"
        for code_id in claim.needs.codes:
            known = code_id in codebook.code_ids
            if known and codebook.code(code_id).agreement_target.tier is None:
                rule = f"claim {claim.id} needs {code_id}, which has no agreement floor"
                yield ("claims", n, "needs"), rule, "remove it: such a code is no evidence"


def _floors(codebook: Codebook) -> Problems:
    for name, tier in codebook.agreement_tiers.items():
        if tier.metric == "krippendorff_alpha" and tier.interval_floor is None:
            rule = f"{name} has no interval_floor"
            yield ("agreement_tiers", name), rule, "say what the interval's lower end must exceed"
        if not (tier.pilot_floor or 0) <= tier.floor_for_claims <= tier.ambition:
            rule = f"{name}: pilot floor, floor and ambition do not rise"
            yield ("agreement_tiers", name), rule, "put them in order"


RULES: tuple[Callable[[Codebook], Problems], ...] = (
    _known_codes,
    _neighbours,
    _examples,
    _example_anchors,
    _anchors,
    _form_names,
    _reachable,
    _coverage,
    _claims,
    _floors,
)
