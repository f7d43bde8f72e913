"""Verbs of the analyst: the published file and what it says."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.verb import HERE, JsonOption, StudyOption, enter, run, sentences
from flows.words import pairs

app = typer.Typer()


@app.command()
def publish(study: StudyOption = HERE, as_json: JsonOption = False) -> None:
    """Compute the verdicts and replace the file that analysts open."""

    def work() -> Any:
        from flows.publish import publish as flow

        return flow()

    run(study, as_json, work, say=lambda done: f"published: {pairs(done)}")


@app.command()
def verdicts(study: StudyOption = HERE, as_json: JsonOption = False) -> None:
    """Print which of the source text's claims hold, from the published file."""

    def work() -> Any:
        from flows.tables import verdict_rows

        return verdict_rows(study)

    def say(rows: Any) -> str:
        from flows.tables import verdict_table

        return verdict_table(rows)

    run(study, as_json, work, say=say)


@app.command()
def report(
    study: StudyOption = HERE,
    out: Annotated[
        Path | None, typer.Option("--out", help="Elsewhere than published/report.html.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Write the report: one page with plots, of the published file, fit to be handed on."""

    def work() -> Any:
        from flows.report import report as write

        return {"report": str(write(study, out))}

    run(study, as_json, work, say=lambda done: f"report: {done['report']}", is_joining=False)


@app.command()
def sql(
    query: Annotated[
        str | None,
        typer.Argument(help="SQL; standard input if absent, and a shell on a terminal."),
    ] = None,
    study: StudyOption = HERE,
    shape: Annotated[
        str, typer.Option("--format", help="table, csv, json, ndjson or parquet.")
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="A new file; its ending tells the format.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the published file in SQL, read-only."""
    with sentences():
        enter(study, is_joining=False)
        from flows.ask import ask

        ask(study, query, shape=shape or ("json" if as_json else ""), out=out)
