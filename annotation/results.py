"""What a coder's annotation says: Label Studio's `result` into values per code, and back.

Label Studio checks little of what it stores, so every part is held against the codebook here.
A refusing problem means that the annotation must not be stored; an advisory one is counted.
No problem and no repr carries text.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.form import (
    CANNOT_CODE,
    CARDS,
    CERTAINTY_SUFFIX,
    CODES,
    EVIDENCE,
    GATED,
    MEMO,
    REASONS,
    REPLY_EVIDENCE,
    TEXT,
    VALUE_SUFFIX,
    tick_list,
)
from annotation.marks import Problem, Shown, Span, read_reply_span, read_span, strings
from schema.codebook import Code, Codebook
from schema.vocabulary import UnitKind

_TICKS = (CODES, GATED + CODES)
_MARKS = (EVIDENCE, GATED + EVIDENCE, REPLY_EVIDENCE)


@dataclass(frozen=True, slots=True)
class ParsedCoding:
    """One coder's decisions on one unit: a value and a certainty for every code asked.

    The values stand also where the coding is refused, so that a crisis flag is never lost to a
    slip elsewhere on the form.
    """

    values: Mapping[str, int]
    certainties: Mapping[str, int]
    spans: tuple[Span, ...]
    has_memo: bool
    problems: tuple[Problem, ...]
    cannot_code: str | None = None  # why, where the coder says that the unit cannot be coded

    @property
    def is_refused(self) -> bool:
        """Tell whether a problem forbids storing the coding."""
        return any(problem.is_refusal for problem in self.problems)


@dataclass(slots=True)
class _Answers:
    """What the controls held, before it is held against the codebook's rules."""

    ticked: set[str] = field(default_factory=set)
    values: dict[str, str] = field(default_factory=dict)
    certainties: dict[str, str] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    has_memo: bool = False
    cannot_code: str | None = None
    problems: list[Problem] = field(default_factory=list)

    def take(self, marks: list[Span] | Problem) -> None:
        """Add the spans that an entry marks, or what is wrong with it."""
        if isinstance(marks, Problem):
            self.problems.append(marks)
        else:
            self.spans += marks


def parse_result(
    codebook: Codebook,
    unit_kind: UnitKind,
    result: Sequence[Mapping[str, Any]],
    text: str,
    thread: object = (),
) -> ParsedCoding:
    """Turn an annotation's `result` into values per code; unticked codes are 0.

    `text` is the masked text the task carried, `thread` what it showed around it. Every broken
    rule becomes a problem; nothing is raised, and nothing of the text enters a problem.
    """
    asked = {code.id: code for code in codebook.codes_for(unit_kind)}
    answers = _read(asked, result, Shown(text, thread if isinstance(thread, list) else []))
    values = dict(_values(asked, answers))
    certainties = dict(_certainties(codebook, asked, answers))
    spans = tuple(sorted(set(answers.spans)))
    problems = [
        *_standing(codebook, unit_kind, values, answers.problems),
        *_rule_problems(codebook, unit_kind, values),
        *_evidence_problems(codebook, unit_kind, values, spans),
        *_reason_problems(answers, values),
    ]
    return ParsedCoding(
        values, certainties, spans, answers.has_memo, tuple(problems), answers.cannot_code
    )


def build_result(
    codebook: Codebook,
    unit_kind: UnitKind,
    values: Mapping[str, int],
    certainties: Mapping[str, int],
    spans: Sequence[tuple[str, int, int] | Span],
    text: str,
) -> list[dict[str, Any]]:
    """Return the `result` that the form would submit for these decisions.

    Codes that `values` leaves out are 0; a certainty left out is the codebook's default.

    Raises:
        KeyError: a code is not asked on this kind of unit.
    """
    asked = {code.id: code for code in codebook.codes_for(unit_kind)}
    ticked = [code_id for code_id in asked if values.get(code_id, 0) > 0]
    for code_id in [*values, *certainties, *(span[0] for span in spans)]:
        if code_id not in asked:
            raise KeyError(code_id)
    lists: dict[str, list[str]] = {}
    for code_id in ticked:
        lists.setdefault(tick_list(codebook, unit_kind, code_id), []).append(code_id)
    result = [_choices(name, chosen) for name, chosen in lists.items()]
    for code_id in ticked:
        if asked[code_id].scale.type == "ordinal_0_2":
            result.append(_choices(code_id + VALUE_SUFFIX, [str(values[code_id])]))
        if certainties.get(code_id, codebook.certainty.default) != codebook.certainty.default:
            result.append(_choices(code_id + CERTAINTY_SUFFIX, [str(certainties[code_id])]))
    marks = {code_id: _marks(codebook, unit_kind, code_id) for code_id in ticked}
    found = (Span(*span) for span in spans)
    return [*result, *(_mark(one, text, marks.get(one.code_id, EVIDENCE)) for one in found)]


def build_reason(reason: str) -> list[dict[str, Any]]:
    """Return the `result` that the form would submit for a unit that cannot be coded."""
    return [_choices(CANNOT_CODE, [reason])]


def _marks(codebook: Codebook, unit_kind: UnitKind, code_id: str) -> str:
    return tick_list(codebook, unit_kind, code_id).removesuffix(CODES) + EVIDENCE


def _choices(control: str, chosen: list[str]) -> dict[str, Any]:
    return _entry(control, "choices", {"choices": chosen}, entry_id=_entry_id(control))


def _mark(span: Span, text: str, control: str) -> dict[str, Any]:
    marked = text[span.start : span.end]
    value = {"start": span.start, "end": span.end, "text": marked, "labels": [span.code_id]}
    return _entry(control, "labels", value, entry_id=_entry_id(*map(str, span[:3])))


def _entry(control: str, type_: str, value: dict[str, Any], *, entry_id: str) -> dict[str, Any]:
    entry = {"id": entry_id, "from_name": control, "to_name": TEXT, "type": type_}
    return entry | {"value": value}


def _entry_id(*parts: str) -> str:
    return hashlib.blake2b("|".join(parts).encode(), digest_size=5).hexdigest()


def _read(asked: Mapping[str, Code], result: Sequence[Mapping[str, Any]], shown: Shown) -> _Answers:
    answers = _Answers()
    seen: set[str] = set()
    for entry in result:
        control, value = entry.get("from_name"), entry.get("value")
        if not isinstance(control, str) or not isinstance(value, Mapping):
            answers.problems.append(Problem("malformed", "an entry without control or value"))
            continue
        if control in seen and control not in _MARKS:
            answers.problems.append(Problem("repeated_control", _known(control, asked)))
        seen.add(control)
        _read_entry(asked, control, value, shown, answers)
    return answers


def _read_entry(
    asked: Mapping[str, Code],
    control: str,
    value: Mapping[str, Any],
    shown: Shown,
    answers: _Answers,
) -> None:
    """Put one control's answer where it belongs."""
    code_id, _, part = control.rpartition("__")
    if control in _TICKS:
        chosen = strings(value.get("choices"))
        answers.ticked |= {code for code in chosen if code in asked}
        unknown = sum(code not in asked for code in chosen)
        answers.problems += [Problem("unknown_code", CODES)] * unknown
    elif control == REPLY_EVIDENCE:
        answers.take(read_reply_span(asked, value, shown))
    elif control in _MARKS:
        answers.take(read_span(asked, value, shown.text))
    elif control == MEMO:
        answers.has_memo = any(memo.strip() for memo in strings(value.get("text")))
    elif control == CANNOT_CODE:
        _read_reason(strings(value.get("choices")), answers)
    elif code_id in asked and f"__{part}" in (VALUE_SUFFIX, CERTAINTY_SUFFIX):
        chosen = strings(value.get("choices"))
        target = answers.values if f"__{part}" == VALUE_SUFFIX else answers.certainties
        target[code_id] = chosen[0] if len(chosen) == 1 else ""
    else:
        answers.problems.append(Problem("unknown_control", _known(control, asked)))


def _read_reason(chosen: list[str], answers: _Answers) -> None:
    if chosen and chosen[0] in REASONS:
        answers.cannot_code = chosen[0]
    elif chosen:
        answers.problems.append(Problem("reason_unknown", CANNOT_CODE))


def _values(asked: Mapping[str, Code], answers: _Answers) -> Iterator[tuple[str, int]]:
    for code_id, code in asked.items():
        given = answers.values.get(code_id)
        is_ticked = code_id in answers.ticked
        if not is_ticked:
            if given is not None:
                answers.problems.append(Problem("value_without_tick", code_id))
            yield code_id, 0
        elif given is None and code.scale.values == (0, 1):
            yield code_id, 1
        elif given is None:
            answers.problems.append(Problem("value_missing", code_id))
            yield code_id, 1
        elif given in map(str, code.scale.values[1:]):
            yield code_id, int(given)
        else:
            answers.problems.append(Problem("value_off_scale", code_id))
            yield code_id, 1


def _certainties(
    codebook: Codebook, asked: Mapping[str, Code], answers: _Answers
) -> Iterator[tuple[str, int]]:
    for code_id in asked:
        given = answers.certainties.get(code_id)
        if given is not None and given not in map(str, codebook.certainty.values):
            answers.problems.append(Problem("certainty_off_scale", code_id))
            given = None
        is_given = given is not None and code_id in answers.ticked
        yield code_id, int(given) if is_given and given else codebook.certainty.default


def _rule_problems(
    codebook: Codebook, unit_kind: UnitKind, values: Mapping[str, int]
) -> Iterator[Problem]:
    ticked = [code_id for code_id, value in values.items() if value > 0]
    for code_id in ticked:
        if not codebook.is_open(code_id, unit_kind, values):
            yield Problem("gate_closed", code_id)
    for code_id in ticked:
        if any(codebook.code(code_id).excludes(other) for other in ticked):
            yield Problem("codes_exclude_each_other", code_id)


def _standing(
    codebook: Codebook,
    unit_kind: UnitKind,
    values: Mapping[str, int],
    problems: Sequence[Problem],
) -> Iterator[Problem]:
    """Leave out the grades of a code whose gate was closed again after it was ticked."""
    for problem in problems:
        is_left_over = problem.rule == "value_without_tick" and not codebook.is_open(
            problem.detail, unit_kind, values
        )
        if not is_left_over:
            yield problem


def _reason_problems(answers: _Answers, values: Mapping[str, int]) -> Iterator[Problem]:
    if answers.cannot_code and any(values.values()):
        yield Problem("coded_and_not_codable", CANNOT_CODE)


def _evidence_problems(
    codebook: Codebook, unit_kind: UnitKind, values: Mapping[str, int], spans: Sequence[Span]
) -> Iterator[Problem]:
    shown = {span.code_id for span in spans}
    is_card = unit_kind in CARDS
    for code_id, value in values.items():
        is_due = not is_card and codebook.needs_evidence(code_id)
        if value > 0 and code_id not in shown and is_due:
            yield Problem("evidence_missing", code_id)
        if value == 0 and code_id in shown:
            yield Problem("span_without_tick", code_id)


def _known(control: str, asked: Mapping[str, Code]) -> str:
    """Name a control only where it is one of ours: anything else could hold anything."""
    code_id = control.rpartition("__")[0]
    known = (*_TICKS, MEMO, CANNOT_CODE)
    return control if control in known or code_id in asked else "a control not of this form"
