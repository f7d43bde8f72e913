"""docs/codebook.md is what the codebook says now, and what a coder needs."""

from annotation.codebook import load_codebook
from annotation.codebook_page import render, render_code
from tests.support.needs import REPOSITORY

CODEBOOK = load_codebook()
PAGE = render(CODEBOOK)


def test_the_page_is_fresh() -> None:
    written = (REPOSITORY / "docs" / "codebook.md").read_text("utf-8")
    assert written == PAGE, "docs/codebook.md is stale: run `make docs`"


def test_every_code_has_its_section_and_every_link_its_target() -> None:
    for code in CODEBOOK.codes:
        assert PAGE.count(f'<a id="{code.id}"></a>') == 1
        for example in (*code.examples.positive, *code.examples.near_miss):
            assert example.text[:20].replace("[", "\\[").split("]")[0] in PAGE
    linked = {part.split(")")[0] for part in PAGE.split("](#")[1:]}
    assert linked <= set(CODEBOOK.code_ids)


def test_every_claim_is_listed() -> None:
    for claim in CODEBOOK.claims:
        assert f"| {claim.id} | " in PAGE


def test_table_rows_have_as_many_cells_as_their_head() -> None:
    width = 0
    for line in PAGE.splitlines():
        cells = line.replace("\\|", "").count("|") if line.startswith("|") else 0
        width = cells if width == 0 else width
        assert cells in (0, width), line
        width = width if cells else 0


def test_one_code_reads_as_on_the_page() -> None:
    for code_id in CODEBOOK.code_ids:
        assert render_code(CODEBOOK, code_id) in PAGE
