"""What `confide codebook lint` and `show` say."""

from pathlib import Path

from annotation.codebook import lint_file, load_codebook
from annotation.codebook_page import render, render_code
from annotation.form import FORM_UNITS
from schema.errors import BadInput


def lint_text(path: Path | None) -> tuple[str, bool]:
    """Lint a codebook and its forms; return what to print and whether it is clean."""
    codebook = load_codebook(path)
    findings = lint_file(path)
    if not findings:
        return (
            f"codebook {codebook.version}: {len(codebook.codes)} codes, "
            f"{len(codebook.claims)} claims, {len(FORM_UNITS)} forms: no finding",
            True,
        )
    return "\n".join(str(finding) for finding in findings), False


def show_text(path: Path | None, code_id: str | None) -> str:
    """Render the codebook, or one code of it, as Markdown.

    Raises:
        BadInput: the codebook has no such code.
    """
    codebook = load_codebook(path)
    if code_id is None:
        return render(codebook)
    known = [code.id for code in codebook.codes]
    if code_id not in known:
        raise BadInput(f"no code is called {code_id}: there are {', '.join(known)}")
    return render_code(codebook, code_id)
