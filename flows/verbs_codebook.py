"""The verbs of `confide codebook`."""

from pathlib import Path
from typing import Annotated

import typer

from flows.verb import sentences

app = typer.Typer(no_args_is_help=True, help="The coding scheme.")


@app.command()
def lint(
    path: Annotated[Path | None, typer.Argument(help="A codebook; ours if absent.")] = None,
) -> None:
    """Check a codebook and the forms made from it."""
    with sentences():
        from flows.codebook_verbs import lint_text

        text, clean = lint_text(path)
        typer.echo(text)
        raise typer.Exit(0 if clean else 2)


@app.command()
def show(
    code: Annotated[str | None, typer.Argument(help="One code; all if absent.")] = None,
    path: Annotated[Path | None, typer.Option("--codebook", help="Ours if absent.")] = None,
) -> None:
    """Print the codebook as coders read it."""
    with sentences():
        from flows.codebook_verbs import show_text

        typer.echo(show_text(path, code))


@app.command()
def diff(
    before: Annotated[Path, typer.Argument(metavar="A", help="The codebook as it was.")],
    after: Annotated[
        Path | None, typer.Argument(metavar="B", help="As it is now; ours if absent.")
    ] = None,
) -> None:
    """Say what changed between two versions, and which part of the number must rise."""
    with sentences():
        from flows.codebook_verbs import diff_text

        text, is_enough = diff_text(before, after)
        typer.echo(text)
        raise typer.Exit(0 if is_enough else 2)
