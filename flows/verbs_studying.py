"""Verbs on a study as a whole: begin it, check it, see how it stands, let it run."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.verb import HERE, JsonOption, StudyOption, enter, run, sentences

app = typer.Typer()


@app.command()
def init(directory: Annotated[Path, typer.Argument(help="The new study's folder.")]) -> None:
    """Write a commented study, and its key outside of it."""
    with sentences():
        from flows.new_study import write_study

        for line in write_study(directory):
            typer.echo(line)


@app.command()
def check(
    study: StudyOption = HERE,
    drill: Annotated[
        bool, typer.Option("--drill", help="Let canaries go in a throw-away study, and log it.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Validate study, key, file modes, policy rules, audit chain and reachability."""
    with sentences():
        enter(study)
        if drill:
            from flows import drill as drills

            done = drills.drill(study)
            typer.echo(json.dumps(drills.as_rows(done)) if as_json else drills.as_text(done))
            raise typer.Exit(0 if all(one.is_passed for one in done) else 1)
        from flows import check as checks

        findings = checks.check(study)
        typer.echo(
            json.dumps([finding.as_dict() for finding in findings])
            if as_json
            else checks.table(findings)
        )
        raise typer.Exit(checks.exit_code(findings))


@app.command()
def status(study: StudyOption = HERE, as_json: JsonOption = False) -> None:
    """Say what ran, what is due, where coverage has gaps, what was set aside."""

    def work() -> Any:
        from flows.status import status as gather

        return gather(study)

    def say(result: Any) -> str:
        from flows.status import as_text

        return as_text(result)

    run(study, as_json, work, say=say)


@app.command()
def up(
    study: StudyOption = HERE,
    port: Annotated[int, typer.Option("--port", help="Where Prefect's pages are.")] = 4200,
    is_check: Annotated[
        bool, typer.Option("--check", help="Say what would run and when; start nothing.")
    ] = False,
    is_yaml: Annotated[
        bool, typer.Option("--prefect-yaml", help="Print it for a Prefect server of your own.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run schedules, streams, Prefect and Label Studio until Ctrl-C or SIGTERM."""
    with sentences():
        enter(study, is_joining=False)
        from flows.workspace import open_workspace

        workspace = open_workspace(study)
        if is_yaml:
            from flows.deployments import prefect_yaml

            typer.echo(prefect_yaml(workspace), nl=False)
            return
        if is_check:
            from flows.readiness import check, what_would_run
            from flows.tables import as_table

            check(workspace, port)
            rows = what_would_run(workspace)
            typer.echo(json.dumps(rows) if as_json else as_table(rows))
            return
        from flows.up import up as bring_up

        bring_up(workspace, port=port, say=typer.echo)
