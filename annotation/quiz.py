"""The quiz: the codebook's invented examples as units, in the coders' own form.

A coder sits it in her own project before she codes real posts, and again after a major version.
Passed: 85 percent of the values right, and no crisis missed. Source: protocol, section 1. Pure.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from annotation.form import FORM_UNITS
from schema.codebook import Codebook
from schema.coding import CodingTask, Turn
from schema.vocabulary import UnitKind

ROUND: Final = "quiz"
PASS_SHARE: Final = 0.85
CRISIS_CODE: Final = "crisis_flag"
NOTE: Final = "Training: an invented message. It may speak of illness, violence, loss or self-harm."
NOTHING_ABOVE: Final = (Turn("—", "An invented example: nothing stands above it."),)


class Question(NamedTuple):
    """One example: where it is asked, its text, and the values that its place in the book says.

    Codes it says nothing of are not asked about. `instead` is what a near miss is; any value of 1
    or more is right.
    """

    key: int
    unit_kind: UnitKind
    text: str
    code_id: str
    value: int
    instead: str | None


class Score(NamedTuple):
    """What a coder got right."""

    asked_count: int
    answered_count: int
    right_count: int
    crisis_missed_count: int

    @property
    def is_passed(self) -> bool:
        """Tell whether the coder may code: all answered, enough right, no crisis missed."""
        is_whole = self.answered_count == self.asked_count
        is_enough = self.right_count >= PASS_SHARE * self.asked_count
        return is_whole and is_enough and not self.crisis_missed_count


def questions(codebook: Codebook) -> list[Question]:
    """Return one question per example, shuffled the same way each time.

    A code is asked on the first kind of unit that has a form and offers it.
    """
    found = []
    for code in codebook.codes:
        kinds = [kind for kind in FORM_UNITS if code in codebook.codes_for(kind)]
        for kind in kinds[:1]:
            offered = {other.id for other in codebook.codes_for(kind)}
            for example in code.examples.positive:
                key = _key(code.id, example.text)
                found.append(Question(key, kind, example.text, code.id, example.value, None))
            for miss in code.examples.near_miss:
                instead = miss.instead if miss.instead in offered else None
                key = _key(code.id, miss.text)
                found.append(Question(key, kind, miss.text, code.id, 0, instead))
    return sorted(found, key=lambda question: question.key)


def quiz_tasks(asked: Sequence[Question], kind: UnitKind) -> list[CodingTask]:
    """Return the tasks of one kind of unit, as any unit is shown."""
    return [
        CodingTask(
            unit_key=question.key,
            unit_kind=kind,
            title="",
            text=question.text,
            thread=NOTHING_ABOVE,
            content_note=NOTE,
        )
        for question in asked
        if question.unit_kind == kind
    ]


def right_values(question: Question, codebook: Codebook) -> dict[str, int]:
    """Return values that a coder who is right could give, gates opened."""
    values = {question.code_id: question.value} if question.value else {}
    if question.instead is not None:
        values[question.instead] = 1
    for code_id in tuple(values):
        if not codebook.is_open(code_id, question.unit_kind, values):
            gate = codebook.gate_within(code_id, question.unit_kind)[0]
            values[gate.code_id] = max(values.get(gate.code_id, 0), gate.minimum)
    return values


def score(asked: Sequence[Question], answers: Mapping[int, Mapping[str, int]]) -> Score:
    """Score a coder's values, by the question's key; what was not answered is not right."""
    answered = [question for question in asked if question.key in answers]
    right = [question for question in answered if _is_right(question, answers[question.key])]
    missed = [
        question
        for question in answered
        if question.code_id == CRISIS_CODE
        and question.value
        and not answers[question.key].get(CRISIS_CODE, 0)
    ]
    return Score(len(asked), len(answered), len(right), len(missed))


def _is_right(question: Question, values: Mapping[str, int]) -> bool:
    if values.get(question.code_id, 0) != question.value:
        return False
    return question.instead is None or values.get(question.instead, 0) >= 1


def _key(code_id: str, text: str) -> int:
    return int.from_bytes(hashlib.sha256(f"quiz|{code_id}|{text}".encode()).digest()[:8])
