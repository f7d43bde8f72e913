"""The coding form: a codebook as a Label Studio labelling configuration.

One multiple-choice list holds every code of the unit; a tick means a value of 1 or more. A
ticked code opens, in its own row, its 1 | 2 (ordinal codes) and its certainty. Evidence is
marked in the text with a label per code. What is not ticked is 0.

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
from schema.vocabulary import UnitKind

CODES: Final = "codes"
EVIDENCE: Final = "evidence"
MEMO: Final = "memo"
TEXT: Final = "text"
VALUE_SUFFIX: Final = "__value"
CERTAINTY_SUFFIX: Final = "__certainty"
NO_KEY: Final = " "  # truthy for Label Studio, so it assigns none of its own; bound to no key
FORM_UNITS: Final[tuple[UnitKind, ...]] = ("root", "reply")
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
)
EMPTY_THREAD: Final = ({"author": "—", "text": "Nothing stands above this post."},)
KEYS_HELP: Final = (
    "A code's key ticks it · Shift+key takes up its evidence label · Alt+key gives 1 · "
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


def label_config(codebook: Codebook, unit_kind: UnitKind) -> str:
    """Return the labelling configuration for a kind of unit, as indented XML.

    Raises:
        ValueError: forms exist for root posts and replies only, so far.
    """
    if unit_kind not in FORM_UNITS:
        raise ValueError(
            f"there is no coding form for a {unit_kind} yet: only for {' and '.join(FORM_UNITS)}"
        )
    groups = _groups(codebook, unit_kind)
    headings, places = _layout(groups)
    codes = [code for group in groups.values() for code in group]
    root = ET.Element("View", className="confide")
    marks = [places[code.id].style(part=1) for code in codes]
    ET.SubElement(root, "Style").text = STYLE + evidence_style(marks)
    _reading(ET.SubElement(root, "View", className="confide-read"))
    parent = ET.SubElement(root, "View", className="confide-code")
    ET.SubElement(parent, "Header", value=KEYS_HELP, size="6")
    grid = ET.SubElement(parent, "View", className="confide-grid")
    _headings(grid, headings)
    _ticks(grid, codes, places)
    _evidence(grid, codes)
    for code in codes:
        _grades(grid, code, places[code.id])
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def shown_name(code: Code) -> str:
    """Return a code's name as the form shows it.

    Label Studio cuts `whenChoiceValue` at commas, so a comma would keep the row from opening.
    """
    name = code.name.removeprefix("Reply - ").replace(", ", " / ").replace(",", " / ")
    return name[:1].upper() + name[1:]


def _reading(parent: ET.Element) -> None:
    """Add what is read: content note, context, title and text; and the memo."""
    note = ET.SubElement(parent, "View", className="confide-note")
    ET.SubElement(note, "Text", name="content_note", value="$content_note")
    context = ET.SubElement(parent, "View", className="confide-thread")
    ET.SubElement(context, "Header", value="Above this post (read only)", size="6")
    attributes = {"layout": "dialogue", "nameKey": "author", "textKey": "text"}
    ET.SubElement(context, "Paragraphs", {"name": "thread", "value": "$thread", **attributes})
    ET.SubElement(parent, "Header", value="$title", size="4")
    body = ET.SubElement(parent, "View", className="confide-text")
    ET.SubElement(body, "Text", name=TEXT, value="$text", granularity="symbol")
    attributes = {"placeholder": "Memo for the team; no names, no quotes", "rows": "2"}
    ET.SubElement(
        parent, "TextArea", {"name": MEMO, "toName": TEXT, "maxSubmissions": "1", **attributes}
    )


def _headings(grid: ET.Element, headings: dict[str, _Place]) -> None:
    for title, place in headings.items():
        style = place.style(part=0, width=3)
        cell = ET.SubElement(grid, "View", className="confide-heading", style=style)
        ET.SubElement(cell, "Header", value=title, size="5")


def _ticks(grid: ET.Element, codes: list[Code], places: dict[str, _Place]) -> None:
    """Add the one list of codes; a tick means 1 or more."""
    cell = ET.SubElement(grid, "View", className="confide-codes")
    choices = ET.SubElement(cell, "Choices", name=CODES, toName=TEXT, choice="multiple")
    for code in codes:
        attributes = {"value": shown_name(code), "alias": code.id, "hotkey": code.hotkey}
        attributes |= {"hint": code.definition, "style": places[code.id].style(part=0)}
        ET.SubElement(choices, "Choice", attributes)


def _evidence(grid: ET.Element, codes: list[Code]) -> None:
    """Add a label per code, to be marked in the text; shown by its key beside the code."""
    cell = ET.SubElement(grid, "View", className="confide-marks")
    labels = ET.SubElement(cell, "Labels", name=EVIDENCE, toName=TEXT)
    for code in codes:
        attributes = {"value": shown_name(code), "alias": code.id}
        ET.SubElement(labels, "Label", attributes | {"hotkey": f"shift+{code.hotkey}"})


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


def _grades(parent: ET.Element, code: Code, place: _Place) -> None:
    """Add the row that a tick opens: 1 | 2 for ordinal codes, certainty for all."""
    when = {
        "visibleWhen": "choice-selected",
        "whenTagName": CODES,
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
