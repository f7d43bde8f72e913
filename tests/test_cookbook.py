"""Every question of docs/cookbook.md, asked as it stands there."""

import pytest

from tests.support.command import Place
from tests.support.cookbook import questions
from warehouse import open_corpus

QUESTIONS = questions()


def test_the_page_asks_twenty_questions_in_order() -> None:
    numbers = [int(heading.split(".")[0]) for heading in QUESTIONS]
    assert numbers == list(range(1, 21))


@pytest.mark.parametrize("heading", QUESTIONS)
def test_an_answer_has_rows_and_nothing_that_is_always_unknown(
    invented_study: Place, heading: str
) -> None:
    with open_corpus(invented_study.folder) as corpus:
        rows = corpus.rows(QUESTIONS[heading])
        found = list(rows)
    assert found
    columns = zip(rows.names, zip(*found, strict=True), strict=True)
    assert [name for name, values in columns if all(one is None for one in values)] == []
