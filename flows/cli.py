"""The command line: one verb per flow, each safe to run again.

Prefect and the platforms' clients are imported only by the verb that needs them, so `--help`
answers at once.
"""

import gc
from pathlib import Path
from typing import Annotated, Final

import typer

from flows import (
    verbs_analysing,
    verbs_codebook,
    verbs_coding,
    verbs_collecting,
    verbs_label_studio,
    verbs_plain,
    verbs_removing,
    verbs_studying,
)
from flows.environment import prepare
from flows.verb import sentences

# What a command loads lives as long as it does: looking for garbage among modules while they load
# costs half a second, so it is looked for less often.
NEW_OBJECTS: Final = 50_000
gc.set_threshold(NEW_OBJECTS)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Collect, code and count public posts about personal struggles, naming nobody.",
)


@app.command()
def demo(
    study: Annotated[Path, typer.Option("--study", help="Where to put it.")] = Path("demo-study"),
    stop: Annotated[bool, typer.Option("--stop", help="Stop its Label Studio.")] = False,
) -> None:
    """Run the whole main job on the invented community, with no credentials."""
    with sentences():
        study.mkdir(parents=True, exist_ok=True)
        prepare(study)
        from flows import demo as whole

        whole.stop(study) if stop else whole.run(study)


for verbs in (
    verbs_studying,
    verbs_collecting,
    verbs_removing,
    verbs_coding,
    verbs_analysing,
    verbs_plain,
):
    app.add_typer(verbs.app)
app.add_typer(verbs_codebook.app, name="codebook")
app.add_typer(verbs_label_studio.app, name="label-studio")


if __name__ == "__main__":
    app()
