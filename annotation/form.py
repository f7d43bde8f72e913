"""The coding form: a codebook as a Label Studio labelling configuration.

A multiple-choice list holds the codes of the unit; a tick means a value of 1 or more. Codes
behind a gate stand in a list of their own, which opens once the gate's code is ticked. A ticked
code opens, in its own row, its 1 | 2 (ordinal codes) and its certainty. Evidence is marked in the
text with a label per code. What is not ticked is 0. A unit that cannot be coded is said to be so,
with a reason, instead of ticks.

Root posts and replies show what stands above them, threads the sampled replies below the root, in
which evidence is marked too, with labels of their own that are clicked.
Timelines and communities are cards of figures: no post's words, and so no evidence.

Keys: the code's key ticks it, Shift and the key takes up its evidence label, Alt and the key
gives 1, Alt, Shift and the key gives 2. Certainty is clicked. Keys are explicit everywhere,
because Label Studio hands out free letters to whatever has none, and changes them with the list.

Tasks carry the data fields of `TASK_FIELDS`; `thread` is never an empty list, which would blank
Label Studio's screen.
"""

from typing import Final, NamedTuple
from xml.etree import ElementTree as ET

from annotation.form_style import STYLE, evidence_style
from schema.codebook import Code, Codebook
from schema.vocabulary import UNIT_KINDS, UnitKind

CODES: Final = "codes"
GATED: Final = "gated_"  # before the names of the lists that a gate opens
EVIDENCE: Final = "evidence"
REPLY_EVIDENCE: Final = "reply_evidence"
CANNOT_CODE: Final = "cannot_code"
MEMO: Final = "memo"
TEXT: Final = "text"
VALUE_SUFFIX: Final = "__value"
CERTAINTY_SUFFIX: Final = "__certainty"
NO_KEY: Final = " "  # truthy for Label Studio, so it assigns none of its own; bound to no key
FORM_UNITS: Final[tuple[UnitKind, ...]] = UNIT_KINDS
CARDS: Final[tuple[UnitKind, ...]] = ("timeline", "community")
TASK_FIELDS: Final = (
    "post_uid",
    "content_note",
    "thread",
    "title",
    "text",
    "codebook_version",
    "round",
    "unit_kind",
    "batch",
    "parts",
)
EMPTY_THREAD: Final = ({"author": "—", "text": "Nothing else of this thread is shown."},)
# what a coder says who cannot code a unit: the stored word and the one shown
REASONS: Final = {
    "language": "Not a language I read",
    "unclear": "I cannot make it out",
    "masked": "Too much is masked",
    "context": "Context is missing",
    "personal": "I know the author",
}
EVIDENCE_HELP: Final = "Shift+key takes up its evidence label · "
KEYS_HELP: Final = (
    f"A code's key ticks it · {EVIDENCE_HELP}Alt+key gives 1 · "
    "Alt+Shift+key gives 2 · certainty is 3 unless changed · Ctrl+Enter submits"
)
_GROUPS: Final = {
    "gate_and_terms": "Terms",
    "terms_timeline_level": "Terms",
    "themes_post_level": "Themes",
    "themes_thread_level": "Themes",
    "themes_community_level": "Themes",
    "reply": "Reply",
    "follow_up": "Follow-up",
    "safety": "Safety",
}


class _Place(NamedTuple):
    """Where something stands in the grid of codes: row from 1, block 0 (left) or 1."""

    row: int
    block: int

    def style(self, *, part: int, width: int = 1) -> str:
        """Say where one of the place's three parts (code, evidence, grades) stands, in CSS."""
        column = 1 + self.block * 3 + part
        return f"grid-row:{self.row};grid-column:{column}/span {width}"


class _List(NamedTuple):
    """A list of codes: its prefix, its codes, and the condition under which it is open."""

    prefix: str
    codes: list[Code]
    when: dict[str, str]

    @property
    def name(self) -> str:
        return self.prefix + CODES

    @property
    def marks(self) -> str:
        return self.prefix + EVIDENCE


def label_config(codebook: Codebook, unit_kind: UnitKind) -> str:
    """Return the labelling configuration for a kind of unit, as indented XML."""
    groups = _groups(codebook, unit_kind)
    headings, places = _layout(groups)
    codes = [code for group in groups.values() for code in group]
    lists = _lists(codebook, unit_kind, codes)
    root = ET.Element("View", className="confide")
    ET.SubElement(root, "Style").text = STYLE + _evidence_style(lists, places)
    _reading(ET.SubElement(root, "View", className="confide-read"), unit_kind, codes)
    parent = ET.SubElement(root, "View", className="confide-code")
    ET.SubElement(parent, "Header", value=_keys_help(unit_kind), size="6")
    grid = ET.SubElement(parent, "View", className="confide-grid")
    _headings(grid, headings)
    for one in lists:
        _ticks(grid, one, places)
    if unit_kind not in CARDS:
        for one in lists:
            _evidence(grid, one)
    for one in lists:
        for code in one.codes:
            _grades(grid, code, places[code.id], one.name)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def tick_list(codebook: Codebook, unit_kind: UnitKind, code_id: str) -> str:
    """Name the list that a code is ticked in: the open one, or the one that its gate opens."""
    terms = codebook.gate_within(code_id, unit_kind)
    return GATED + CODES if terms else CODES


def shown_name(code: Code) -> str:
    """Return a code's name as the form shows it.

    Label Studio cuts `whenChoiceValue` at commas, so a comma would keep the row from opening.
    """
    name = code.name.removeprefix("Reply - ").replace(", ", " / ").replace(",", " / ")
    return name[:1].upper() + name[1:]


def _keys_help(unit_kind: UnitKind) -> str:
    return KEYS_HELP if unit_kind not in CARDS else KEYS_HELP.replace(EVIDENCE_HELP, "")


def _lists(codebook: Codebook, unit_kind: UnitKind, codes: list[Code]) -> list[_List]:
    """Part the codes: those always open, and those that open with their gate's code."""
    of = {code.id: tick_list(codebook, unit_kind, code.id) for code in codes}
    terms = {term for code in codes for term in codebook.gate_within(code.id, unit_kind)}
    opened = [code for code in codes if of[code.id] == CODES]
    gated = [code for code in codes if of[code.id] != CODES]
    shown = ",".join(sorted({shown_name(codebook.code(term.code_id)) for term in terms}))
    when = {"visibleWhen": "choice-selected", "whenTagName": CODES, "whenChoiceValue": shown}
    found = [_List("", opened, {}), _List(GATED, gated, when)]
    return [one for one in found if one.codes]


def _reading(parent: ET.Element, unit_kind: UnitKind, codes: list[Code]) -> None:
    """Add what is read: content note, context, title and text; then the memo."""
    note = ET.SubElement(parent, "View", className="confide-note")
    ET.SubElement(note, "Text", name="content_note", value="$content_note")
    if unit_kind in ("root", "reply"):
        _thread(parent, "Above this post (read only)")
    ET.SubElement(parent, "Header", value="$title", size="4")
    shape = "confide-text confide-card" if unit_kind in CARDS else "confide-text confide-blur"
    body = ET.SubElement(parent, "View", className=shape)
    ET.SubElement(body, "Text", name=TEXT, value="$text", granularity="symbol")
    if unit_kind == "thread":
        _thread(parent, "Sampled replies below it, oldest first: take up a label, mark words")
        _reply_evidence(parent, codes)
    attributes = {"placeholder": "Memo for the team; no names, no quotes", "rows": "2"}
    ET.SubElement(
        parent, "TextArea", {"name": MEMO, "toName": TEXT, "maxSubmissions": "1", **attributes}
    )
    _cannot_code(ET.SubElement(parent, "View", className="confide-cannot"))


def _thread(parent: ET.Element, heading: str) -> None:
    context = ET.SubElement(parent, "View", className="confide-thread confide-blur")
    ET.SubElement(context, "Header", value=heading, size="6")
    attributes = {"layout": "dialogue", "nameKey": "author", "textKey": "text"}
    ET.SubElement(context, "Paragraphs", {"name": "thread", "value": "$thread", **attributes})


def _reply_evidence(parent: ET.Element, codes: list[Code]) -> None:
    """Add a label per code for the replies: one list marks one text in Label Studio."""
    cell = ET.SubElement(parent, "View", className="confide-reply-marks")
    labels = ET.SubElement(cell, "ParagraphLabels", name=REPLY_EVIDENCE, toName="thread")
    for code in codes:
        ET.SubElement(labels, "Label", value=shown_name(code), alias=code.id, hotkey=NO_KEY)


def _cannot_code(parent: ET.Element) -> None:
    """Add the reasons for which a unit cannot be coded; one, or none."""
    ET.SubElement(parent, "Header", value="Cannot be coded (tick nothing else)", size="6")
    attributes = {"choice": "single", "showInline": "true"}
    choices = ET.SubElement(parent, "Choices", {"name": CANNOT_CODE, "toName": TEXT, **attributes})
    for reason, shown in REASONS.items():
        ET.SubElement(choices, "Choice", value=shown, alias=reason, hotkey=NO_KEY)


def _headings(grid: ET.Element, headings: dict[str, _Place]) -> None:
    for title, place in headings.items():
        style = place.style(part=0, width=3)
        cell = ET.SubElement(grid, "View", className="confide-heading", style=style)
        ET.SubElement(cell, "Header", value=title, size="5")


def _ticks(grid: ET.Element, one: _List, places: dict[str, _Place]) -> None:
    """Add a list of codes; a tick means 1 or more."""
    cell = ET.SubElement(grid, "View", {"className": "confide-codes", **one.when})
    given = {"name": one.name, "toName": TEXT, "choice": "multiple", **one.when}
    choices = ET.SubElement(cell, "Choices", given)
    for code in one.codes:
        attributes = {"value": shown_name(code), "alias": code.id, "hotkey": code.hotkey}
        attributes |= {"hint": code.definition, "style": places[code.id].style(part=0)}
        ET.SubElement(choices, "Choice", attributes)


def _evidence(grid: ET.Element, one: _List) -> None:
    """Add a label per code, to be marked in the text; shown by its key beside the code."""
    cell = ET.SubElement(grid, "View", {"className": f"confide-marks {one.marks}", **one.when})
    labels = ET.SubElement(cell, "Labels", name=one.marks, toName=TEXT)
    for code in one.codes:
        attributes = {"value": shown_name(code), "alias": code.id}
        ET.SubElement(labels, "Label", attributes | {"hotkey": f"shift+{code.hotkey}"})


def _evidence_style(lists: list[_List], places: dict[str, _Place]) -> str:
    return "".join(
        evidence_style(one.marks, [places[code.id].style(part=1) for code in one.codes])
        for one in lists
    )


def _groups(codebook: Codebook, unit_kind: UnitKind) -> dict[str, list[Code]]:
    """Group a unit's codes under headings; the codes asked first come under the first."""
    first = codebook.project(unit_kind).first
    groups: dict[str, list[Code]] = {}
    for code in codebook.codes_for(unit_kind):
        title = "First" if code.id in first else _GROUPS[code.layer]
        groups.setdefault(title, []).append(code)
    return groups


def _layout(groups: dict[str, list[Code]]) -> tuple[dict[str, _Place], dict[str, _Place]]:
    """Place headings and codes: whole groups, the left block filled to half, then the right."""
    half = sum(len(codes) + 1 for codes in groups.values()) / 2
    headings: dict[str, _Place] = {}
    places: dict[str, _Place] = {}
    used = [0, 0]
    for title, codes in groups.items():
        block = 0 if used[0] < half else 1
        headings[title] = _Place(used[block] + 1, block)
        for offset, code in enumerate(codes, start=2):
            places[code.id] = _Place(used[block] + offset, block)
        used[block] += len(codes) + 1
    return headings, places


def _grades(parent: ET.Element, code: Code, place: _Place, ticks: str) -> None:
    """Add the row that a tick opens: 1 | 2 for ordinal codes, certainty for all."""
    when = {
        "visibleWhen": "choice-selected",
        "whenTagName": ticks,
        "whenChoiceValue": shown_name(code),
    }
    style = place.style(part=2)
    row = ET.SubElement(parent, "View", {"className": "confide-grades", "style": style, **when})
    # The condition stands on each list too: only then are a closed row's answers not submitted.
    radio = {"toName": TEXT, "choice": "single-radio", "showInline": "true", **when}
    if code.scale.type == "ordinal_0_2":
        missing = f"{shown_name(code)}: choose 1 or 2."
        required = {"required": "true", "requiredMessage": missing}
        values = ET.SubElement(
            row, "Choices", {"name": code.id + VALUE_SUFFIX, **radio, **required}
        )
        for value, modifier in ((1, "alt"), (2, "alt+shift")):
            hint = code.scale.anchors[value]
            hotkey = f"{modifier}+{code.hotkey}"
            ET.SubElement(values, "Choice", value=str(value), hotkey=hotkey, hint=hint)
    ET.SubElement(row, "Header", value="sure", size="6")
    certainty = ET.SubElement(row, "Choices", {"name": code.id + CERTAINTY_SUFFIX, **radio})
    for value in (1, 2, 3):
        ET.SubElement(certainty, "Choice", value=str(value), hotkey=NO_KEY)
