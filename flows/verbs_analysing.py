"""Verbs of the analyst: the published file and what it says."""

import sys
from typing import Annotated, Any

import typer

from flows.verb import HERE, JsonOption, StudyOption, run
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
def sql(
    query: Annotated[str | None, typer.Argument(help="SQL; standard input if absent.")] = None,
    study: StudyOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Run SQL over the published file, read-only."""

    def work() -> Any:
        from flows.tables import run_sql

        return run_sql(study, query if query is not None else sys.stdin.read())

    def say(result: Any) -> str:
        from flows.tables import as_table

        return as_table(result)

    run(study, as_json, work, say=say)
