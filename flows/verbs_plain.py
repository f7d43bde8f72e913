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
    model: Annotated[
        bool, typer.Option("--model", help='Ask the names model too (the extra "ner").')
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Mask names, places, numbers and links in a table of anybody's."""
    with sentences():
        from flows.scrub_file import scrub_file

        done = scrub_file(source, target, column=column, with_spans=spans, with_model=model)
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


@app.command()
def agreement(
    source: Annotated[Path, typer.Argument(metavar="IN", help=".parquet, .csv or .ndjson.")],
    unit: Annotated[str, typer.Option("--unit", help="Column: what was coded.")] = "unit",
    coder: Annotated[str, typer.Option("--coder", help="Column: who coded it.")] = "coder",
    value: Annotated[str, typer.Option("--value", help="Column: how it was coded.")] = "value",
    code: Annotated[str | None, typer.Option("--code", help="Column: under which code.")] = None,
    level: Annotated[
        str, typer.Option("--level", help="nominal, ordinal, interval, ratio or set.")
    ] = "nominal",
    as_json: JsonOption = False,
) -> None:
    """Measure coders' agreement in a table of anybody's: alpha with its interval."""
    with sentences():
        from flows.agreement_file import agreement_file, as_text

        rows = agreement_file(source, unit=unit, coder=coder, value=value, code=code, level=level)
        typer.echo(json.dumps(rows) if as_json else as_text(rows))
