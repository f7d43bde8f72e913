"""The coding form: what people see, and the proof that its keys and names hold together."""

from typing import Any
from xml.etree import ElementTree as ET

import pytest

from annotation.codebook import load_codebook
from annotation.form import CARDS, FORM_UNITS, KEYS_HELP, TASK_FIELDS, label_config, shown_name
from annotation.form_lint import RESERVED_KEYS, lint_form, normal_key
from schema.codebook import Codebook
from schema.vocabulary import UnitKind
from tests.support.needs import REPOSITORY

CODEBOOK = load_codebook()
GOLDEN = REPOSITORY / "tests" / "golden"


def tags(xml: str, kind: str) -> list[dict[str, str]]:
    return [tag.attrib for tag in ET.fromstring(xml).iter(kind)]


@pytest.mark.parametrize("unit_kind", FORM_UNITS)
def test_the_form_is_the_golden_one(unit_kind: UnitKind) -> None:
    golden = (GOLDEN / f"label_config_{unit_kind}.xml").read_text("utf-8")
    assert label_config(CODEBOOK, unit_kind) == golden


@pytest.mark.parametrize("unit_kind", FORM_UNITS)
def test_the_form_breaks_no_rule(unit_kind: UnitKind) -> None:
    assert lint_form(label_config(CODEBOOK, unit_kind)) == []


@pytest.mark.parametrize("unit_kind", FORM_UNITS)
def test_every_code_has_one_tick_one_label_and_one_row(unit_kind: UnitKind) -> None:
    xml = label_config(CODEBOOK, unit_kind)
    asked = CODEBOOK.codes_for(unit_kind)
    ids = {code.id for code in asked}
    ticks = [c for c in tags(xml, "Choice") if c.get("alias") in ids]
    assert sorted(tick["alias"] for tick in ticks) == sorted(ids)
    assert {tick["alias"]: tick["hotkey"] for tick in ticks} == {c.id: c.hotkey for c in asked}
    assert all(tick["hint"] for tick in ticks)
    labels = {label["alias"]: label["hotkey"] for label in tags(xml, "Label")}
    marked = [] if unit_kind in CARDS else asked
    assert labels == {code.id: f"shift+{code.hotkey}" for code in marked}
    lists = {choices["name"] for choices in tags(xml, "Choices")}
    graded = {f"{code.id}__value" for code in asked if CODEBOOK.is_graded(code.id)}
    rows = graded | {f"{code_id}__certainty" for code_id in ids}
    assert lists - {"gated_codes"} == {"codes", "cannot_code"} | rows


def test_every_code_is_asked_on_some_unit() -> None:
    asked = {
        choice["alias"]
        for unit_kind in FORM_UNITS
        for choice in tags(label_config(CODEBOOK, unit_kind), "Choice")
        if "alias" in choice
    }
    assert asked >= set(CODEBOOK.code_ids)
    assert len(CODEBOOK.code_ids) == 32


def test_the_gate_opens_the_list_of_the_codes_behind_it() -> None:
    root = ET.fromstring(label_config(CODEBOOK, "root"))
    [gated] = [one for one in root.iter("Choices") if one.get("name") == "gated_codes"]
    assert gated.get("whenChoiceValue") == "Struggleposting"
    behind = {choice.get("alias") for choice in gated}
    assert behind == {c.id for c in CODEBOOK.codes_for("root") if c.gate_terms}
    for unit_kind in ("reply", "thread", "timeline", "community"):
        assert "gated_codes" not in label_config(CODEBOOK, unit_kind)


def test_a_card_shows_no_thread_and_asks_for_no_evidence() -> None:
    for unit_kind in CARDS:
        xml = label_config(CODEBOOK, unit_kind)
        assert "$thread" not in xml
        assert "Shift+key takes up" not in xml


def test_gate_codes_stand_first() -> None:
    root = ET.fromstring(label_config(CODEBOOK, "root"))
    [codes] = [choices for choices in root.iter("Choices") if choices.get("name") == "codes"]
    ticks = [choice.get("alias") for choice in codes]
    assert ticks[:4] == ["out_of_scope", "crisis_flag", "identifying_detail", "struggleposting"]


def test_a_closed_row_submits_nothing() -> None:
    for choices in tags(label_config(CODEBOOK, "root"), "Choices"):
        if choices["name"] not in ("codes", "cannot_code"):
            assert choices["visibleWhen"] == "choice-selected"
            assert choices["whenTagName"] in ("codes", "gated_codes")


def test_the_form_asks_only_for_fields_that_tasks_carry() -> None:
    for unit_kind in FORM_UNITS:
        root = ET.fromstring(label_config(CODEBOOK, unit_kind))
        asked = {
            tag.get("value", "") for tag in root.iter() if tag.get("value", "").startswith("$")
        }
        assert {field.removeprefix("$") for field in asked} <= set(TASK_FIELDS)


def test_the_keys_are_told_on_the_form() -> None:
    assert KEYS_HELP in label_config(CODEBOOK, "reply")


def renamed(name: str) -> Codebook:
    first, *others = CODEBOOK.codes
    update: dict[str, Any] = {"codes": (first.model_copy(update={"name": name}), *others)}
    return CODEBOOK.model_copy(update=update)


@pytest.mark.parametrize("name", ['<b a="1">&amp;', "A & b", "1 < 2 > 0", 'It\'s "so"'])
def test_markup_in_a_name_is_text(name: str) -> None:
    xml = label_config(renamed(name), "root")
    assert lint_form(xml) == []
    assert name in [choice["value"] for choice in tags(xml, "Choice")]


def test_a_comma_in_a_name_does_not_reach_a_condition() -> None:
    codebook = renamed("Grief, loss,and strain")
    assert shown_name(codebook.codes[0]) == "Grief / loss / and strain"
    assert lint_form(label_config(codebook, "root")) == []


GOOD = """<View>
<Text name="text" value="$text"/>
<Choices name="codes" toName="text"><Choice value="One" alias="one" hotkey="1"/>
<Choice value="Two" alias="two" hotkey="2"/></Choices>
<Labels name="evidence" toName="text"><Label value="One" alias="one" hotkey="shift+1"/></Labels>
<View visibleWhen="choice-selected" whenTagName="codes" whenChoiceValue="One"/>
</View>"""


def test_a_sound_form_has_no_findings() -> None:
    assert lint_form(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "rule"),
    [
        ('hotkey="2"', 'hotkey="1"', 4, "key 1 stands in codes and in codes"),
        ('hotkey="shift+1"', 'hotkey="2"', 5, "key 2 stands in evidence and in codes"),
        ('hotkey="2"', 'hotkey="Shift + 1"', 5, "key shift+1 stands in evidence and in codes"),
        ('hotkey="2"', 'hotkey="u"', 4, "key u is Label Studio's own"),
        ('hotkey="shift+1"', 'hotkey="alt+r"', 5, "key alt+r is Label Studio's own"),
        (' hotkey="2"', "", 4, "a Choice of codes has no key"),
        ('alias="two"', 'alias="one"', 4, "alias one stands twice in codes"),
        ('value="Two"', 'value="One"', 4, "value One stands twice in codes"),
        ('whenChoiceValue="One"', 'whenChoiceValue="one"', 6, "condition one is no shown name"),
        (
            'whenChoiceValue="One"',
            'whenChoiceValue="One, two"',
            6,
            "condition  two is",
        ),
        ('whenTagName="codes"', 'whenTagName="code"', 6, "View refers to code, which is not"),
        ('name="evidence" toName="text"', 'name="evidence" toName="t"', 5, "Labels refers to t"),
        ('name="evidence"', 'name="codes"', 5, "name codes stands twice"),
        ("</View>", "", 7, "the form is not XML"),
    ],
)
def test_the_lint_finds(old: str, new: str, line: int, rule: str) -> None:
    assert old in GOOD
    found = lint_form(GOOD.replace(old, new, 1), name="a form")
    assert any(finding.rule.startswith(rule) for finding in found), found
    assert line in [finding.line for finding in found]
    assert all(finding.file == "a form" and finding.remedy for finding in found)


def test_modifiers_have_one_order() -> None:
    assert normal_key("Shift+Alt+Q") == normal_key("alt+shift+q") == "alt+shift+q"
    assert {normal_key(key) for key in RESERVED_KEYS} == RESERVED_KEYS
