"""The verbs of `confide label-studio`."""

import typer

from flows.verb import HERE, StudyOption, enter, sentences

app = typer.Typer(no_args_is_help=True, help="The study's own Label Studio.")


@app.command()
def start(study: StudyOption = HERE) -> None:
    """Start the study's Label Studio on loopback and leave it running."""
    with sentences():
        enter(study)
        from flows.label_studio import start as begin

        typer.echo(begin(study))


@app.command(name="stop")
def stop_label_studio(study: StudyOption = HERE) -> None:
    """Stop the study's Label Studio."""
    with sentences():
        enter(study)
        from flows.label_studio import stop as end

        typer.echo(end(study))
