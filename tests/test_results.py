"""Label Studio's result into values and back: nothing lost, nothing unfounded taken."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from annotation.codebook import load_codebook
from annotation.form import CARDS, FORM_UNITS
from annotation.marks import Span
from annotation.results import ParsedCoding, build_reason, build_result, parse_result
from schema.vocabulary import UnitKind

CODEBOOK = load_codebook()
TEXT = "I miss the noise of a full house. 😶‍🌫️ Say hi?\r\nPlease."
Result = list[dict[str, Any]]


def parsed(result: Result, unit_kind: UnitKind = "root") -> ParsedCoding:
    return parse_result(CODEBOOK, unit_kind, result, TEXT)


def ticks(*codes: str) -> dict[str, Any]:
    return {"from_name": "codes", "type": "choices", "value": {"choices": list(codes)}}


def radio(control: str, *chosen: Any) -> dict[str, Any]:
    return {"from_name": control, "type": "choices", "value": {"choices": list(chosen)}}


def mark(code_id: str, start: Any, end: Any, text: Any = None) -> dict[str, Any]:
    words = TEXT[start:end] if text is None else text
    value = {"start": start, "end": end, "text": words, "labels": [code_id]}
    return {"from_name": "evidence", "type": "labels", "value": value}


def told(result: Result, unit_kind: UnitKind = "root") -> set[tuple[str, str]]:
    return {tuple(problem) for problem in parsed(result, unit_kind).problems}


@st.composite
def decisions(draw: st.DrawFn) -> tuple[Any, ...]:
    """Draw what a careful coder may decide: gates kept, exclusions kept."""
    unit_kind = draw(st.sampled_from(FORM_UNITS))
    asked = CODEBOOK.codes_for(unit_kind)
    values = {code.id: draw(st.sampled_from(code.scale.values)) for code in asked}
    values["out_of_scope"] = 0
    for code_id in values:
        if not CODEBOOK.is_open(code_id, unit_kind, values):
            values[code_id] = 0
    certainties = {
        code_id: draw(st.integers(1, 3)) if value else 3 for code_id, value in values.items()
    }
    text = draw(st.text(min_size=1))
    place = st.integers(0, len(text) - 1)
    present = [code_id for code_id, value in values.items() if value]
    spans = set()
    for code_id in present if unit_kind not in CARDS else ():
        start = draw(place)
        spans.add(Span(code_id, start, draw(st.integers(start + 1, len(text)))))
    return unit_kind, values, certainties, tuple(sorted(spans)), text


@given(decisions())
def test_what_is_built_is_read_back_as_it_was(decided: tuple[Any, ...]) -> None:
    unit_kind, values, certainties, spans, text = decided
    result = build_result(CODEBOOK, unit_kind, values, certainties, spans, text)
    coding = parse_result(CODEBOOK, unit_kind, result, text)
    assert coding == ParsedCoding(values, certainties, spans, has_memo=False, problems=())


def test_the_order_of_entries_does_not_matter() -> None:
    spans = [Span("struggleposting", 0, 6), Span("struggleposting", 0, 10)]
    result = build_result(CODEBOOK, "root", {"struggleposting": 2}, {}, spans, TEXT)
    assert parsed(result) == parsed(result[::-1])


def test_an_empty_result_says_that_every_code_is_absent() -> None:
    coding = parsed([])
    assert set(coding.values) == {code.id for code in CODEBOOK.codes_for("root")}
    assert set(coding.values.values()) == {0}
    assert set(coding.certainties.values()) == {3}
    assert coding.problems == ()


def test_what_label_studio_stored_of_a_browser_session_is_read() -> None:
    stored = [
        ticks("struggleposting", "audience_empathy_seeking", "theme_support_community"),
        radio("struggleposting__value", "2"),
        radio("audience_empathy_seeking__value", "1"),
        mark("audience_empathy_seeking", 0, 6),
        # a line break inside a marked text comes back as backslash and n
        mark("theme_support_community", 42, 54, r"i?\nPlease"),
        mark("struggleposting", 2, 6),
        radio("audience_empathy_seeking__certainty", "1"),
        {"from_name": "memo", "type": "textarea", "value": {"text": ["not sure of the second"]}},
    ]
    start = TEXT.index("i?")
    stored[4]["value"] |= {"start": start, "end": len(TEXT) - 1}
    coding = parsed(stored)
    assert coding.problems == ()
    assert coding.values["struggleposting"] == 2
    assert coding.values["theme_support_community"] == 1
    assert coding.certainties["audience_empathy_seeking"] == 1
    assert coding.certainties["struggleposting"] == 3
    assert coding.has_memo
    assert Span("theme_support_community", start, len(TEXT) - 1) in coding.spans


GATE = [
    ticks("struggleposting"),
    radio("struggleposting__value", "1"),
    mark("struggleposting", 0, 6),
]


@pytest.mark.parametrize(
    ("result", "rule", "detail"),
    [
        ([{"value": {}}], "malformed", "an entry without control or value"),
        ([{"from_name": "codes", "value": "x"}], "malformed", "an entry without control or value"),
        ([radio("mood", "1")], "unknown_control", "a control not of this form"),
        ([radio("struggleposting__colour", "1")], "unknown_control", "struggleposting__colour"),
        ([ticks("reply_emotional_support")], "unknown_code", "codes"),
        ([ticks("Struggleposting")], "unknown_code", "codes"),
        ([{"from_name": "codes", "value": {"choices": [7]}}], "unknown_code", "codes"),
        ([ticks(), ticks()], "repeated_control", "codes"),
        ([ticks("struggleposting")], "value_missing", "struggleposting"),
        (
            [ticks("struggleposting"), radio("struggleposting__value", "3")],
            "value_off_scale",
            "struggleposting",
        ),
        (
            [ticks("struggleposting"), radio("struggleposting__value", "1", "2")],
            "value_off_scale",
            "struggleposting",
        ),
        (
            [*GATE, ticks("struggleposting"), radio("struggleposting__certainty", "4")],
            "certainty_off_scale",
            "struggleposting",
        ),
        ([radio("struggleposting__value", "1")], "value_without_tick", "struggleposting"),
        (
            [ticks("virtual_catharsis"), radio("virtual_catharsis__value", "1")],
            "gate_closed",
            "virtual_catharsis",
        ),
        (
            [ticks("out_of_scope", "help_seeking_step")],
            "codes_exclude_each_other",
            "out_of_scope",
        ),
        ([mark("struggleposting", 0, 10_000, "x")], "span_outside_text", "struggleposting"),
        ([mark("struggleposting", 5, 5, "")], "span_outside_text", "struggleposting"),
        ([mark("struggleposting", "0", 5, "x")], "span_outside_text", "struggleposting"),
        ([mark("struggleposting", 0, 6, "I hate")], "span_text_differs", "struggleposting"),
        ([mark("nobody", 0, 6)], "unknown_code", "evidence"),
    ],
)
def test_what_breaks_a_rule_is_refused(result: Result, rule: str, detail: str) -> None:
    coding = parsed(result)
    assert coding.is_refused
    assert (rule, detail) in told(result)


def test_a_unit_that_cannot_be_coded_says_why() -> None:
    coding = parsed(build_reason("masked"))
    assert (coding.cannot_code, coding.problems) == ("masked", ())
    assert set(coding.values.values()) == {0}


def test_a_unit_is_coded_or_not_never_both() -> None:
    both = [ticks("help_seeking_step"), *build_reason("masked")]
    assert ("coded_and_not_codable", "cannot_code") in told(both)
    assert parsed(both).is_refused
    assert parsed([radio("cannot_code", "tired")]).is_refused


def test_grades_that_a_closed_gate_left_behind_are_no_slip() -> None:
    left = [radio("virtual_catharsis__value", "1"), radio("struggleposting__value", "1")]
    assert told(left) == {("value_without_tick", "struggleposting")}
    assert told([ticks("struggleposting"), *left]) >= {("value_without_tick", "virtual_catharsis")}


def test_missing_evidence_is_counted_but_not_refused() -> None:
    coding = parsed(GATE[:2])
    assert told(GATE[:2]) == {("evidence_missing", "struggleposting")}
    assert not coding.is_refused


def test_a_mark_for_an_unticked_code_is_counted_but_not_refused() -> None:
    coding = parsed([mark("help_seeking_step", 0, 6)])
    assert [problem.rule for problem in coding.problems] == ["span_without_tick"]
    assert not coding.is_refused


def test_safety_codes_stand_beside_out_of_scope_without_evidence() -> None:
    assert told([ticks("out_of_scope", "crisis_flag")]) == set()


def test_a_crisis_flag_survives_a_refusal() -> None:
    coding = parsed([ticks("crisis_flag", "virtual_catharsis")])
    assert coding.is_refused
    assert coding.values["crisis_flag"] == 1


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["from_name", "value", "type", "id"]),
            st.recursive(
                st.none() | st.text() | st.integers() | st.sampled_from(["codes", "evidence"]),
                lambda inner: (
                    st.lists(inner)
                    | st.dictionaries(
                        st.sampled_from(["choices", "labels", "start", "text"]), inner
                    )
                ),
            ),
        )
    )
)
def test_no_result_however_odd_stops_the_pull(result: Result) -> None:
    assert set(parsed(result).values.values()) <= {0, 1, 2}


@given(st.text(min_size=12))
def test_no_problem_repeats_what_a_person_typed(typed: str) -> None:
    odd = [
        radio(typed, typed),
        ticks(typed),
        mark(typed, 0, 3),
        mark("struggleposting", 0, 3, typed),
    ]
    known = {code.id for code in CODEBOOK.codes}
    for problem in parsed(odd).problems:
        assert typed in known or typed not in problem.detail


def test_a_code_of_another_unit_cannot_be_built() -> None:
    with pytest.raises(KeyError, match="reply_emotional_support"):
        build_result(CODEBOOK, "root", {"reply_emotional_support": 1}, {}, [], TEXT)


UID = f"{21:016x}"
IN_REPLY = "So do I 🌧️. I am lighter since."
THREAD = [
    {"author": "—", "text": "The post that this one answers was deleted."},
    {"author": "Reader 1", "text": IN_REPLY, "uid": UID},
]


def in_reply(words: str, *, turn: int = 1, units: bool = True, **changes: object) -> dict[str, Any]:
    """Return a mark as the form gives it for words of a reply, an emoji counted twice."""
    start = IN_REPLY.index(words)
    before, inside = IN_REPLY[:start], words
    length = (lambda text: len(text.encode("utf-16-le")) // 2) if units else len
    value = {
        "start": str(turn),
        "end": str(turn),
        "startOffset": length(before),
        "endOffset": length(before) + length(inside),
        "text": words,
        "paragraphlabels": ["theme_risks_rewards"],
    }
    return {"from_name": "reply_evidence", "to_name": "thread", "value": value | changes}


def parsed_thread(*marks: dict[str, Any]) -> ParsedCoding:
    ticked = build_result(CODEBOOK, "thread", {"theme_risks_rewards": 1}, {}, [], TEXT)
    return parse_result(CODEBOOK, "thread", [*ticked, *marks], TEXT, THREAD)


@pytest.mark.parametrize("units", [True, False])
def test_evidence_in_a_reply_is_of_that_reply_in_code_points(units: bool) -> None:
    coding = parsed_thread(in_reply("lighter", units=units), in_reply("So do I", units=units))
    at = IN_REPLY.index("lighter")
    assert coding.problems == ()
    assert coding.spans == (
        Span("theme_risks_rewards", 0, 7, UID),
        Span("theme_risks_rewards", at, at + 7, UID),
    )


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"end": "0"}, "span_outside_text"),  # over two posts
        ({"start": "0", "end": "0"}, "span_outside_text"),  # no reply: nobody wrote it
        ({"start": "9", "end": "9"}, "span_outside_text"),
        ({"start": None, "end": None}, "span_outside_text"),
        ({"startOffset": -1}, "span_outside_text"),
        ({"startOffset": 3}, "span_text_differs"),
        ({"text": "heavier"}, "span_text_differs"),
        ({"paragraphlabels": ["moss"]}, "unknown_code"),
    ],
)
def test_a_mark_that_fits_no_reply_is_refused(changes: dict[str, object], rule: str) -> None:
    coding = parsed_thread(in_reply("lighter", **changes))
    assert coding.is_refused
    assert rule in {problem.rule for problem in coding.problems}
