"""docs/measures.md leads from every term and theme of the source text to a number."""

import pytest

from annotation.codebook import load_codebook
from flows.measures_page import claims_on, heading, render, subjects, tables_of
from schema.codebook import Code
from tests.support.needs import REPOSITORY
from warehouse.dictionary import published_tables

BOOK = load_codebook()
PAGE = render(BOOK)


def test_the_page_is_fresh() -> None:
    written = (REPOSITORY / "docs" / "measures.md").read_text("utf-8")
    assert written == PAGE, "docs/measures.md is stale: run `make docs`"


def test_ten_terms_and_ten_themes_are_there() -> None:
    assert len(subjects(BOOK)) == len({heading(code) for code in subjects(BOOK)}) == 20


@pytest.mark.parametrize("code", subjects(BOOK), ids=lambda code: code.id)
def test_every_term_and_theme_has_a_testable_claim_and_a_row(code: Code) -> None:
    claims = claims_on(BOOK, code)
    assert any(claim.is_testable for claim in claims)
    rows = [line for line in PAGE.splitlines() if f"[{code.id}]" in line]
    assert len(rows) == len(claims) + 1
    assert "`prevalence`" in rows[0]


def test_every_testable_claim_names_tables_that_are_published() -> None:
    published = {table.name for table in published_tables()}
    for claim in BOOK.claims:
        assert set(tables_of(claim)) <= published
        assert bool(tables_of(claim)) == claim.is_testable, claim.id
        assert f"| {claim.id} |" in PAGE, claim.id


def test_every_row_has_as_many_cells_as_the_head() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("|")]
    assert {row.replace(r"\|", "").count("|") for row in rows} == {7}
