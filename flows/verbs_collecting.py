"""Verbs that read the platforms and their archives."""

from pathlib import Path
from typing import Annotated, Any

import typer

from flows.verb import HERE, JsonOption, StudyOption, counts, run
from schema.errors import CorpusError

app = typer.Typer()


@app.command()
def collect(
    sources: Annotated[list[str] | None, typer.Argument(help="Sources; all if none.")] = None,
    study: StudyOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Read the study's sources once, from where the last pass stopped."""

    def work() -> Any:
        from flows.collect import collect as flow
        from flows.collect import wanted
        from flows.workspace import open_workspace

        wanted(open_workspace(study), sources)  # a misspelt name needs no flow to be told
        return flow(sources)

    def say(done: dict[str, dict[str, int]]) -> str:
        from flows.collect import left_out
        from flows.workspace import open_workspace

        files = [] if sources else left_out(open_workspace(study))
        return "\n".join([counts(done)] * bool(done or not files) + files)

    run(study, as_json, work, say=say)


@app.command()
def stream(
    sources: Annotated[list[str] | None, typer.Argument(help="Streams; all if none.")] = None,
    study: StudyOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Follow the study's streams until Ctrl-C or SIGTERM, from the last commit on."""

    def work() -> Any:
        from flows.progress import line_of_words
        from flows.stream import run_stream

        with line_of_words(is_wanted=not as_json):
            return run_stream(sources)

    run(study, as_json, work, say=counts, is_joining=False)  # it may outlive that server


@app.command()
def backfill(
    files: Annotated[list[Path], typer.Argument(help="Dumps or tables, in any order.")],
    source: Annotated[
        str | None, typer.Option("--source", help="Whose files; the only one if absent.")
    ] = None,
    newest: Annotated[
        bool, typer.Option("--newest", help="The newest export, whole: remove what it lacks.")
    ] = False,
    study: StudyOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Read monthly dumps and exported tables, each from where it was left."""

    def work() -> Any:
        from flows.backfill import backfill as flow
        from flows.backfill import hand_over, in_their_names, stream_sizes
        from flows.progress import bar_by_bytes

        name, archives = hand_over(study, source, files, is_newest=newest)
        try:
            with bar_by_bytes(stream_sizes(name, archives), is_wanted=not as_json):
                return flow(name, archives, newest)
        except CorpusError as error:
            raise in_their_names(error) from None

    run(study, as_json, work, say=counts)


@app.command()
def refresh(study: StudyOption = HERE, as_json: JsonOption = False) -> None:
    """Look again at what is held: engagement, edits, removals."""

    def work() -> Any:
        from flows.refresh import refresh as flow

        return flow()

    run(study, as_json, work, say=counts)
