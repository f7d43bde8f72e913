"""The quiz of the codebook's examples: what is asked, what is right, in the real form."""

from collections.abc import Callable

import pytest

from annotation import label_studio, quiz
from annotation.codebook import load_codebook
from annotation.form import FORM_UNITS
from annotation.results import build_result, parse_result
from schema.codebook import Codebook

BOOK = load_codebook()
ASKED = quiz.questions(BOOK)


def perfect() -> dict[int, dict[str, int]]:
    return {question.key: quiz.right_values(question, BOOK) for question in ASKED}


def test_every_example_of_a_code_with_a_form_is_asked_once() -> None:
    offered = {code.id for kind in FORM_UNITS for code in BOOK.codes_for(kind)}
    counts = [len(c.examples.positive) + len(c.examples.near_miss) for c in BOOK.codes]
    assert sum(counts) == 192
    assert len(ASKED) == sum(n for n, c in zip(counts, BOOK.codes, strict=True) if c.id in offered)
    assert len({question.key for question in ASKED}) == len(ASKED)
    order = [question.code_id for question in ASKED]
    assert order != sorted(order, key=BOOK.code_ids.index)  # shuffled
    assert quiz.questions(BOOK) == ASKED


def test_what_the_codebook_says_is_right_passes_and_breaks_no_rule() -> None:
    score = quiz.score(ASKED, perfect())
    assert score == (len(ASKED), len(ASKED), len(ASKED), 0)
    assert score.is_passed
    for question in ASKED:
        values = quiz.right_values(question, BOOK)
        result = build_result(BOOK, question.unit_kind, values, {}, [], question.text)
        parsed = parse_result(BOOK, question.unit_kind, result, question.text)
        assert not parsed.is_refused, question.code_id


def test_fifteen_in_a_hundred_may_be_wrong_but_no_crisis_missed() -> None:
    answers = perfect()
    crises = [q for q in ASKED if q.code_id == quiz.CRISIS_CODE and q.value]
    calm = [q for q in ASKED if q.code_id != quiz.CRISIS_CODE and q.value]
    allowed = int(len(ASKED) * 0.15)
    for question in calm[:allowed]:
        answers[question.key] = {}
    assert quiz.score(ASKED, answers).is_passed
    answers[calm[allowed].key] = {}
    assert not quiz.score(ASKED, answers).is_passed
    one_missed = perfect() | {crises[0].key: {}}
    assert quiz.score(ASKED, one_missed).crisis_missed_count == 1
    assert not quiz.score(ASKED, one_missed).is_passed
    unfinished = perfect()
    del unfinished[calm[0].key]
    assert not quiz.score(ASKED, unfinished).is_passed


def test_a_near_miss_asks_for_its_right_code_too() -> None:
    miss = next(q for q in ASKED if q.instead is not None)
    answers = perfect() | {miss.key: {}}
    assert quiz.score(ASKED, answers).right_count == len(ASKED) - 1


@pytest.mark.label_studio
def test_a_coder_sits_the_quiz_in_label_studio(
    client: label_studio.Client,
    codebook: Codebook,
    new_key: Callable[[], label_studio.ProjectKey],
) -> None:
    key = new_key()
    asked = [question for question in ASKED if question.unit_kind == "root"][:6]
    project = label_studio.ensure_project(client, key, codebook)
    tasks = quiz.quiz_tasks(asked, "root")
    assert [label_studio.push(client, project, tasks).new for _ in range(2)] == [6, 0]
    by_key = {question.key: question for question in asked}
    wrong, skipped = asked[0].key, asked[1].key
    for task in label_studio.open_tasks(client, project):
        values = (
            {} if task.unit_key == wrong else quiz.right_values(by_key[task.unit_key], codebook)
        )
        result = build_result(codebook, "root", values, {}, [], task.text)
        if task.unit_key != skipped:
            label_studio.submit(client, task, result)
    score = quiz.score(asked, label_studio.read_values(client, project, codebook))
    assert (score.asked_count, score.answered_count) == (6, 5)
    assert score.right_count == (5 if not asked[0].value and not asked[0].instead else 4)
    assert not score.is_passed
