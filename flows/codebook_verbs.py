"""What `confide codebook lint`, `show` and `diff` say."""

from pathlib import Path

from annotation.codebook import lint_file, load_codebook
from annotation.codebook_diff import diff
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


def diff_text(before: Path, after: Path | None) -> tuple[str, bool]:
    """Say what changed between two versions; and whether the new number says as much."""
    found = diff(load_codebook(before), load_codebook(after))
    lines = [str(change) for change in found.changes] or ["nothing differs"]
    if found.recoded:
        lines.append(
            f"to be coded again: each {', '.join(found.recoded)} coded under {found.old} whose "
            "coders used a changed code, or that shows one; the others are carried"
        )
    if not found.is_enough:
        lines.append(
            f"this asks for a new {found.needed} version after {found.old}, and the file says "
            f"{found.new}: raise it"
        )
    return "\n".join(lines), found.is_enough
