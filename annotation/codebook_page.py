"""docs/codebook.md: the codebook as coders read it, generated from the file in force."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from annotation.form import KEYS_HELP
from schema.claims import Claim
from schema.codebook import Code, Codebook
from schema.vocabulary import UNIT_KINDS, UnitKind

UNIT_NAMES: Final[dict[UnitKind, str]] = {
    "root": "Root post",
    "reply": "Reply",
    "thread": "Thread",
    "timeline": "Author's timeline",
    "community": "Community's week",
}
_LAYER_TITLES: Final = {
    "gate_and_terms": "The ten terms",
    "terms_timeline_level": "The ten terms",
    "themes_post_level": "The ten themes",
    "themes_thread_level": "The ten themes",
    "themes_community_level": "The ten themes",
    "reply": "Reply codes",
    "follow_up": "Follow-up codes",
    "safety": "Safety codes",
}


def render(codebook: Codebook) -> str:
    """Return the codebook page as Markdown, ending in a line break."""
    parts = [
        *_head(codebook),
        *_how_to_code(codebook),
        *_which_codes(codebook),
        *_codes(codebook),
        *_agreement(codebook),
        *_claims(codebook),
    ]
    return "\n".join(parts).rstrip() + "\n"


def render_code(codebook: Codebook, code_id: str) -> str:
    """Return one code's section of the page.

    Raises:
        KeyError: the codebook has no such code.
    """
    return "\n".join(_code(codebook, codebook.code(code_id))).rstrip() + "\n"


def _head(codebook: Codebook) -> Iterator[str]:
    head = codebook.codebook
    yield f"# {head.title}"
    yield ""
    yield f"Codebook `{head.id}`, version {head.version} ({head.status.replace('_', ' ')})."
    yield "Generated from the codebook file; edit that. Every example is invented."
    yield ""
    yield _text(head.principle)
    yield ""


def _how_to_code(codebook: Codebook) -> Iterator[str]:
    yield "## How to code"
    yield ""
    yield "1. Read the content note. You may skip any unit without saying why."
    yield "2. Read what stands above the post, then the post. Judge what its words do, not its"
    yield "   author."
    yield "3. Ask the codes under *First* before all others. A `crisis_flag` ends the unit at once."
    yield "4. Tick every code that is present. What you leave unticked counts as 0, absent."
    yield "5. A ticked code opens its row: choose 1 or 2 where it is graded. Lower the certainty"
    default = codebook.certainty.default
    yield f"   where you doubt; left alone it counts as {default}."
    yield "6. Mark the words that show the code: take up its evidence label, then select them."
    yield ""
    yield _text(codebook.evidence.rule)
    exempt = ", ".join(f"`{code_id}`" for code_id in codebook.evidence.not_needed_for)
    yield f"Nothing need be marked for {exempt}."
    yield ""
    yield f"**Keys.** {KEYS_HELP}."
    yield ""
    yield "| certainty | meaning |"
    yield "|---|---|"
    for value, meaning in sorted(codebook.certainty.values.items()):
        yield f"| {value} | {_text(meaning)} |"
    yield ""


def _which_codes(codebook: Codebook) -> Iterator[str]:
    yield "## Which codes on which unit"
    yield ""
    for kind in UNIT_KINDS:
        project = codebook.project(kind)
        yield f"**{UNIT_NAMES[kind]}.** You see {_text(project.shows)}."
        if project.note:
            yield f"{_sentence(project.note)}"
        yield ""
        yield "| key | code | values | opens when |"
        yield "|---|---|---|---|"
        for code in codebook.codes_for(kind):
            values = " ".join(map(str, code.scale.values))
            gate = "always" if code.gate == "none" else code.gate
            link = f"[{_text(code.name)}](#{code.id})"
            yield f"| `{code.hotkey}` | {link} | {values} | {_text(gate)} |"
        yield ""


def _codes(codebook: Codebook) -> Iterator[str]:
    by_title: dict[str, list[Code]] = {}
    for code in codebook.codes:
        by_title.setdefault(_LAYER_TITLES[code.layer], []).append(code)
    for title, codes in by_title.items():
        yield f"## {title}"
        yield ""
        for code in codes:
            yield from _code(codebook, code)


def _code(codebook: Codebook, code: Code) -> Iterator[str]:
    yield f'<a id="{code.id}"></a>'
    yield ""
    yield f"### {code.name}"
    yield ""
    gate = "" if code.gate == "none" else f" Gate: `{code.gate}`."
    yield f"`{code.id}`, key `{code.hotkey}`. For {_text(code.applies_to)}.{gate}"
    yield ""
    yield _text(code.definition)
    yield ""
    yield "| value | give it when |"
    yield "|---|---|"
    for value in code.scale.values:
        yield f"| {value} | {_text(code.scale.anchors[value])} |"
    yield ""
    yield from _bullets("Use it for", map(_text, code.when_to_use))
    yield from _bullets("Not for", map(_text, code.when_not_to_use))
    rules = (f"against [`{r.against}`](#{r.against}): {_text(r.rule)}" for r in code.decision_rules)
    yield from _bullets("Telling it apart", rules)
    yield from _examples(code)
    yield from _facts(codebook, code)


def _examples(code: Code) -> Iterator[str]:
    yield "| value | example | why |"
    yield "|---|---|---|"
    for example in code.examples.positive:
        yield f"| **{example.value}** | {_text(example.text)} | {_text(example.note)} |"
    for miss in code.examples.near_miss:
        rather = "" if miss.instead == "none" else f"; rather [`{miss.instead}`](#{miss.instead})"
        yield f"| 0 | {_text(miss.text)} | {_text(miss.note)}{rather} |"
    yield ""


def _facts(codebook: Codebook, code: Code) -> Iterator[str]:
    facts = [f"Source: {_text(code.source.passage)}"]
    if code.source.also:
        facts[0] += f"; {_text(code.source.also)}"
    if code.rollup:
        facts.append(f"Roll-up: {_text(code.rollup)}")
    if code.sensitive.flag:
        facts.append(f"Sensitive: {_text(code.sensitive.why)}")
    floor = codebook.floor(code.id)
    level = codebook.level(code.id)
    told = "no floor" if floor is None else f"floor {floor:g}, {level} alpha"
    note = code.agreement_target.note
    facts.append(f"Agreement: {told}" + (f" ({_text(note)})" if note else ""))
    prevalence = code.prevalence
    facts.append(f"Expected share: {prevalence.expected} of {_text(prevalence.frame)}")
    yield from (f"- {fact}" for fact in facts)
    yield ""


def _agreement(codebook: Codebook) -> Iterator[str]:
    yield "## How well coders must agree"
    yield ""
    yield "| tier | floor | interval above | ambition | why |"
    yield "|---|---|---|---|---|"
    for name, tier in codebook.agreement_tiers.items():
        above = "" if tier.interval_floor is None else f"{tier.interval_floor:.2f}"
        floor, ambition = f"{tier.floor_for_claims:g}", f"{tier.ambition:.2f}"
        label = name.replace("_", " ")
        yield f"| {label} | {floor} | {above} | {ambition} | {_text(tier.why)} |"
    yield ""
    yield from (f"- {_sentence(rule)}" for rule in codebook.agreement_rules)
    yield "- Below its floor a code is exploratory, and every claim that needs it is locked."
    yield ""


def _claims(codebook: Codebook) -> Iterator[str]:
    yield "## What the codes are for: the claims"
    yield ""
    yield "Each claim is one query over the published file. A result says *goes with*, never"
    yield "*causes*."
    yield ""
    yield "| claim | statement | how tested | smallest effect | codes it rests on |"
    yield "|---|---|---|---|---|"
    yield from (_claim(claim) for claim in codebook.claims)
    yield ""
    yield "## Versions"
    yield ""
    versioning = codebook.codebook.versioning
    for part in ("major", "minor", "patch"):
        yield f"- **{part}**: {_text(getattr(versioning, part))}"
    yield f"- {_sentence(versioning.rule)}"


def _claim(claim: Claim) -> str:
    codes = ", ".join(f"`{code_id}`" for code_id in claim.needs.codes)
    if not claim.is_testable:
        return f"| {claim.id} | {_text(claim.statement)} | not testable | | {codes} |"
    tested = f"{claim.kind}, {claim.testability}, {claim.priority}"
    direction = "at least" if claim.sign > 0 else "at most"
    effect = f"{direction} {claim.sesoi:g}"
    return f"| {claim.id} | {_text(claim.statement)} | {tested} | {effect} | {codes} |"


def _bullets(title: str, items: Iterable[str]) -> Iterator[str]:
    """List items that are Markdown already."""
    yield f"**{title}**"
    yield ""
    yield from (f"- {item}" for item in items)
    yield ""


def _sentence(text: str) -> str:
    flat = _text(text)
    return flat[:1].upper() + flat[1:].rstrip(".") + "."


def _text(text: str) -> str:
    """Put a text on one line, and keep Markdown from reading its signs as markup."""
    return re.sub(r"([\\<*\[\]`|])", r"\\\1", " ".join(text.split()))
