"""What every verb shares: its options, how it enters a study, how its errors are said.

Exit codes: 0 done, 1 failed, 2 bad input, 3 refused by policy.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.environment import join_server, prepare
from flows.guard import as_ours
from flows.words import tally
from schema.errors import CorpusError

StudyOption = Annotated[Path, typer.Option("--study", help="The study's folder.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Answer in JSON, for machines.")]
WaveOption = Annotated[str, typer.Option("--wave", help="Wave of the study.")]
RoundOption = Annotated[str, typer.Option("--round", help="Coding round: R1 pilot, R2, R3.")]
HERE = Path()


@contextmanager
def sentences() -> Iterator[None]:
    """Turn every error into one sentence on standard error and its exit code."""
    try:
        yield
    except typer.Exit:
        raise  # a verb's own exit code
    except CorpusError as error:
        typer.echo(f"confide: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        typer.echo("confide: stopped; the next run goes on from the last commit", err=True)
        raise typer.Exit(1) from None
    except Exception as error:  # the last wall: a person never gets a stack trace
        typer.echo(f"confide: {as_ours(error, doing='this command')}", err=True)
        raise typer.Exit(1) from None


def run(
    study: Path,
    as_json: bool,
    work: Callable[[], Any],
    *,
    say: Callable[[Any], str],
    is_joining: bool = True,
) -> None:
    """Run a verb on a study and print what came of it."""
    with sentences():
        enter(study, is_joining=is_joining)
        result = work()
        typer.echo(json.dumps(result, default=str) if as_json else say(result))


def enter(study: Path, *, is_joining: bool = True) -> None:
    """Make a study the one that flows work on; where there is none, write nothing.

    `is_joining`: its runs show in the server of the study's `confide up`, where one runs.
    """
    from schema.study_file import load_study

    load_study(study / "study.toml")
    prepare(study)
    if is_joining:
        join_server(study)


def counts(done: dict[str, dict[str, int]]) -> str:
    """Say counts by source, one line each, leaving zeros out."""
    lines = [f"{name}: {tally(found)}" for name, found in done.items()]
    return "\n".join(lines) or "nothing to do"
