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
