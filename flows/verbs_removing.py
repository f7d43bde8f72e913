"""Verbs that take something out of everything held, and that keep a copy of it."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.verb import HERE, JsonOption, StudyOption, enter, run, sentences
from flows.words import pairs

app = typer.Typer()


@app.command()
def forget(
    file: Annotated[
        Path | None, typer.Option("--file", help="0600, outside the study; else standard input.")
    ] = None,
    study: StudyOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Remove accounts and posts now and keep them out; one a line, on standard input."""
    with sentences():
        enter(study)
        from flows.forget import forget as act

        done = act(study, file)
        typer.echo(json.dumps(dict(done.counts)) if as_json else f"forgotten: {pairs(done.counts)}")
        if done.problem is not None:
            raise done.problem


@app.command()
def retain(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only count what would go, by rule.")
    ] = False,
    study: StudyOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Let go of what was kept as long as the policy allows: texts, rows, safety log."""

    def work() -> Any:
        from flows.retain import retain as flow

        return flow(dry_run)

    run(study, as_json, work, say=lambda done: f"{'due' if dry_run else 'gone'}: {pairs(done)}")


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The sealed file; outside the study.")],
    study: StudyOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Seal the study into one file; the backup before it does not open any more."""

    def work() -> Any:
        from flows.backup import backup as act

        return act(study, file)

    run(study, as_json, work, say=lambda done: f"sealed: {pairs(done)}")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="The sealed file.")],
    directory: Annotated[Path, typer.Argument(help="A new or empty folder for the study.")],
    instead_of: Annotated[
        Path | None,
        typer.Option("--instead-of", help="The study as it stands: what it removed stays out."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Unseal a study, without what was removed since its backup was made."""
    with sentences():
        from flows.restore import restore as act

        done = act(file, directory, instead_of)
        typer.echo(json.dumps(done) if as_json else f"restored: {pairs(done)}")
        enter(directory)
        from flows.after_removals import clear_up_here

        clear_up_here()


@app.command()
def shred(
    yes: Annotated[
        str | None, typer.Option("--yes", metavar="NAME", help="The study's name, as confirmation.")
    ] = None,
    study: StudyOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """End the project: destroy vault and key, so that no row leads to a person again."""

    def work() -> Any:
        from flows.shred import shred as act

        asked = "This cannot be undone. The study's name, to confirm"
        name = typer.prompt(asked, "", show_default=False, err=True) if yes is None else yes
        return act(study, name).as_dict()

    def say(done: Any) -> str:
        from flows.shred import Shredded

        return Shredded(**done).as_text()

    run(study, as_json, work, say=say)
