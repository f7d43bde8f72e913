"""Verbs on a table of anybody's, without a study."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flows.verb import JsonOption, sentences
from flows.words import pairs

app = typer.Typer()


@app.command()
def scrub(
    source: Annotated[Path, typer.Argument(metavar="IN", help=".parquet, .csv or .ndjson.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A new file of the same kind.")],
    column: Annotated[str, typer.Option("--column", help="The column to mask.")] = "text",
    spans: Annotated[bool, typer.Option("--spans", help="Add what was masked, and where.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Mask names, places, numbers and links in a table of anybody's."""
    with sentences():
        from flows.scrub_file import scrub_file

        done = scrub_file(source, target, column=column, with_spans=spans)
        typer.echo(json.dumps(done) if as_json else pairs(done))


@app.command()
def dedup(
    source: Annotated[Path, typer.Argument(metavar="IN", help=".parquet, .csv or .ndjson.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="A new file of the same kind.")],
    column: Annotated[str, typer.Option("--column", help="The column to compare.")] = "text",
    as_json: JsonOption = False,
) -> None:
    """Mark rows that say what an earlier row says, in a table of anybody's."""
    with sentences():
        from flows.dedup_file import dedup_file

        done = dedup_file(source, target, column=column)
        typer.echo(json.dumps(done) if as_json else pairs(done))
