"""The command line: one verb per flow, each safe to run again.

Exit codes: 0 done, 1 failed, 2 bad input, 3 refused by policy. Prefect and the platforms'
clients are imported only by the verb that needs them, so `--help` answers at once.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.environment import join_server, prepare
from flows.guard import describe
from flows.words import pairs, tally
from schema.errors import CorpusError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Collect, code and count public posts about personal struggles, naming nobody.",
)
codebook_app = typer.Typer(no_args_is_help=True, help="The coding scheme.")
label_studio_app = typer.Typer(no_args_is_help=True, help="The study's own Label Studio.")
app.add_typer(codebook_app, name="codebook")
app.add_typer(label_studio_app, name="label-studio")

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
        typer.echo(f"confide: {describe(error, doing='this command')}", err=True)
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
def collect(
    sources: Annotated[list[str] | None, typer.Argument(help="Sources; all if none.")] = None,
    study: StudyOption = HERE,
    as_json: JsonOption = False,
) -> None:
    """Read the study's sources once, from where the last pass stopped."""

    def work() -> Any:
        from flows.collect import collect as flow

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


@app.command()
def draw(
    study: StudyOption = HERE,
    wave: WaveOption = "W1",
    round_: RoundOption = "R1",
    roots: Annotated[int | None, typer.Option(help="Root posts; the plan's if absent.")] = None,
    replies: Annotated[int | None, typer.Option(help="Replies; the plan's if absent.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw units for a coding round, seeded and stratified, with their known chances."""

    def work() -> Any:
        from flows.coding_round import draw_units

        return draw_units(wave, round_, roots, replies)

    run(study, as_json, work, say=lambda done: f"drawn: {pairs(done)}")


@app.command()
def push(
    study: StudyOption = HERE,
    wave: WaveOption = "W1",
    round_: RoundOption = "R1",
    as_json: JsonOption = False,
) -> None:
    """Send the drawn units to Label Studio; what is there already stays as it is."""

    def work() -> Any:
        from flows.coding_round import push_units

        return push_units(wave, round_)

    run(study, as_json, work, say=lambda done: f"pushed: {pairs(done)}")


@app.command()
def pull(
    study: StudyOption = HERE,
    wave: WaveOption = "W1",
    round_: RoundOption = "R1",
    as_json: JsonOption = False,
) -> None:
    """Fetch what coders submitted since the last pull, each result validated."""

    def work() -> Any:
        from flows.coding_round import pull_codings

        return pull_codings(wave, round_)

    run(study, as_json, work, say=lambda done: f"pulled: {pairs(done)}")


@app.command()
def agree(
    study: StudyOption = HERE,
    wave: WaveOption = "W1",
    round_: RoundOption = "R1",
    as_json: JsonOption = False,
) -> None:
    """Compute Krippendorff's alpha per code, with its bootstrap interval."""

    def work() -> Any:
        from flows.coding_round import measure_agreement

        return measure_agreement(wave, round_)

    def say(_done: Any) -> str:
        from flows.tables import agreement_table

        return agreement_table(study)

    run(study, as_json, work, say=say)


@app.command(name="round")
def coding_round(
    study: StudyOption = HERE,
    wave: WaveOption = "W1",
    round_: RoundOption = "R1",
    as_json: JsonOption = False,
) -> None:
    """Run what is due of a coding round: draw, push, pull, agree."""

    def work() -> Any:
        from flows.coding_round import run_round

        return run_round(wave, round_)

    run(study, as_json, work, say=pairs)


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


@codebook_app.command()
def lint(
    path: Annotated[Path | None, typer.Argument(help="A codebook; ours if absent.")] = None,
) -> None:
    """Check a codebook and the forms made from it."""
    with sentences():
        from flows.codebook_verbs import lint_text

        text, clean = lint_text(path)
        typer.echo(text)
        raise typer.Exit(0 if clean else 2)


@codebook_app.command()
def show(
    code: Annotated[str | None, typer.Argument(help="One code; all if absent.")] = None,
    path: Annotated[Path | None, typer.Option("--codebook", help="Ours if absent.")] = None,
) -> None:
    """Print the codebook as coders read it."""
    with sentences():
        from flows.codebook_verbs import show_text

        typer.echo(show_text(path, code))


@label_studio_app.command()
def start(study: StudyOption = HERE) -> None:
    """Start the study's Label Studio on loopback and leave it running."""
    with sentences():
        enter(study)
        from flows.label_studio import start as begin

        typer.echo(begin(study))


@label_studio_app.command(name="stop")
def stop_label_studio(study: StudyOption = HERE) -> None:
    """Stop the study's Label Studio."""
    with sentences():
        enter(study)
        from flows.label_studio import stop as end

        typer.echo(end(study))


if __name__ == "__main__":
    app()
