"""The form of an adjudicator: one disputed code of one unit, its readings, and the rules at hand.

Who gave which reading is nowhere in it. A ruling is a value and the decision rule that it rests on,
or a dispute, where no rule decides. Tasks carry `TASK_FIELDS` besides those of a coder's form.
"""

from typing import Final
from xml.etree import ElementTree as ET

from annotation.form import TEXT
from annotation.form_style import STYLE
from schema.codebook import Code, Codebook

VALUE: Final = "ruling"
RULE: Final = "rule"
PROPOSAL: Final = "proposal"
DISPUTE: Final = "dispute"
TASK_FIELDS: Final = ("dispute", "code", "definition", "anchors", "rules", "readings", "why")


def adjudication_config(codebook: Codebook) -> str:
    """Return the labelling configuration, the same for every code and kind of unit."""
    root = ET.Element("View", className="confide")
    ET.SubElement(root, "Style").text = STYLE
    _reading(ET.SubElement(root, "View", className="confide-read"))
    ruling = ET.SubElement(root, "View", className="confide-code")
    for field, size in (("code", "4"), ("why", "6"), ("readings", "5")):
        ET.SubElement(ruling, "Header", value=f"${field}", size=size)
    for field in ("definition", "anchors", "rules"):
        box = ET.SubElement(ruling, "View", className="confide-text")
        ET.SubElement(box, "Text", name=field, value=f"${field}")
    _values(ruling, codebook)
    _rules(ruling, codebook)
    when = {"visibleWhen": "choice-selected", "whenTagName": RULE, "whenChoiceValue": _NO_RULE}
    asked = {"placeholder": "The rule you propose: a paraphrase, no names, no quotes", "rows": "2"}
    view = ET.SubElement(ruling, "View", when)
    ET.SubElement(view, "TextArea", {"name": PROPOSAL, "toName": TEXT, **asked})
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _reading(parent: ET.Element) -> None:
    """Add what is read, as a coder's form shows it: blurred until the mouse is over it."""
    note = ET.SubElement(parent, "View", className="confide-note")
    ET.SubElement(note, "Text", name="content_note", value="$content_note")
    context = ET.SubElement(parent, "View", className="confide-thread confide-blur")
    attributes = {"layout": "dialogue", "nameKey": "author", "textKey": "text"}
    ET.SubElement(context, "Paragraphs", {"name": "thread", "value": "$thread", **attributes})
    ET.SubElement(parent, "Header", value="$title", size="4")
    body = ET.SubElement(parent, "View", className="confide-text confide-blur")
    ET.SubElement(body, "Text", name=TEXT, value="$text", granularity="symbol")


_NO_RULE: Final = "No rule decides this: open a dispute"


def _values(root: ET.Element, codebook: Codebook) -> None:
    required = {"required": "true", "requiredMessage": "Choose the value."}
    row = {"name": VALUE, "toName": TEXT, "choice": "single-radio", "showInline": "true"}
    choices = ET.SubElement(root, "Choices", row | required)
    for value in sorted({value for code in codebook.codes for value in code.scale.values}):
        ET.SubElement(choices, "Choice", value=str(value), hotkey=str(value))


def _rules(root: ET.Element, codebook: Codebook) -> None:
    required = {"required": "true", "requiredMessage": "Cite a rule, or open a dispute."}
    row = {"name": RULE, "toName": TEXT, "choice": "single-radio"}
    choices = ET.SubElement(root, "Choices", row | required)
    most = max(len(code.decision_rules) for code in codebook.codes)
    for number, key in zip(range(1, most + 1), "qwertasdfg", strict=False):
        ET.SubElement(choices, "Choice", value=f"Rule {number}", alias=str(number), hotkey=key)
    ET.SubElement(choices, "Choice", value=_NO_RULE, alias=DISPUTE, hotkey="p")


def shown_rules(code: Code) -> str:
    """Number a code's decision rules, as its task shows them."""
    return "\n".join(
        f"Rule {number}, against {rule.against}: {rule.rule}"
        for number, rule in enumerate(code.decision_rules, start=1)
    )


def shown_anchors(code: Code) -> str:
    """Write out what each value of a code means."""
    return "\n".join(f"{value}: {words}" for value, words in sorted(code.scale.anchors.items()))
