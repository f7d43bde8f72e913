"""Verbs of a coding round, step by step and as one."""

from typing import Annotated, Any

import typer

from flows.verb import HERE, JsonOption, RoundOption, StudyOption, WaveOption, run
from flows.words import pairs

app = typer.Typer()
QuizOption = Annotated[
    bool, typer.Option("--quiz", help="The codebook's examples, which coders pass first.")
]


@app.command()
def coders(study: StudyOption = HERE, as_json: JsonOption = False) -> None:
    """Make the accounts of coders and adjudicators; passwords are shown once."""

    def work() -> Any:
        from flows.coders import make_accounts
        from flows.workspace import open_workspace

        return make_accounts(open_workspace(study))

    def say(made: Any) -> str:
        from flows.coders import said

        return said(made)

    run(study, as_json, work, say=say)


@app.command()
def draw(
    study: StudyOption = HERE,
    wave: WaveOption = "W1",
    round_: RoundOption = "R1",
    roots: Annotated[int | None, typer.Option(help="Root posts; the plan's if absent.")] = None,
    replies: Annotated[int | None, typer.Option(help="Replies; the plan's if absent.")] = None,
    timelines: Annotated[int | None, typer.Option(help="Timelines; the plan's if absent.")] = None,
    community_weeks: Annotated[
        int | None, typer.Option(help="Communities' weeks; the plan's if absent.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw units for a coding round, seeded and stratified, with their known chances."""

    def work() -> Any:
        from flows.coding_round import draw_units

        return draw_units(wave, round_, roots, replies, timelines, community_weeks)

    run(study, as_json, work, say=lambda done: f"drawn: {pairs(done)}")


@app.command()
def push(
    study: StudyOption = HERE,
    wave: WaveOption = "W1",
    round_: RoundOption = "R1",
    quiz: QuizOption = False,
    as_json: JsonOption = False,
) -> None:
    """Put each coder's next batch into Label Studio; what is there stays as it is."""

    def work() -> Any:
        if quiz:
            from flows.quiz import push_quiz

            return push_quiz(wave)
        from flows.coding_round import push_units

        return push_units(wave, round_)

    def say(done: Any) -> str:
        from flows.coders import pushed_text

        return pushed_text(study, done)

    run(study, as_json, work, say=say)


@app.command()
def pull(
    study: StudyOption = HERE,
    wave: WaveOption = "W1",
    round_: RoundOption = "R1",
    quiz: QuizOption = False,
    as_json: JsonOption = False,
) -> None:
    """Fetch what coders submitted since the last pull, each result validated."""

    def work() -> Any:
        if quiz:
            from flows.quiz import pull_quiz

            return pull_quiz(wave)
        from flows.coding_round import pull_codings

        return pull_codings(wave, round_)

    def say(done: Any) -> str:
        if quiz:
            from flows.quiz import said

            return said(done)
        return f"pulled: {pairs(done)}"

    run(study, as_json, work, say=say)


@app.command()
def agree(
    study: StudyOption = HERE,
    wave: WaveOption = "W1",
    round_: RoundOption = "R1",
    as_json: JsonOption = False,
) -> None:
    """Compute Krippendorff's alpha per code, with its bootstrap interval."""

    def work() -> Any:
        from flows.agreeing import measure_agreement

        return measure_agreement(wave, round_)

    def say(_done: Any) -> str:
        from flows.tables import agreement_table

        return agreement_table(study)

    run(study, as_json, work, say=say)


@app.command()
def adjudicate(
    study: StudyOption = HERE,
    wave: WaveOption = "W1",
    round_: RoundOption = "R1",
    as_json: JsonOption = False,
) -> None:
    """Queue what coders disagree on for the adjudicator; read rulings back as labels."""

    def work() -> Any:
        from flows.adjudicating import adjudicate as flow

        return flow(wave, round_)

    def say(done: Any) -> str:
        from flows.adjudicating import disputes_text

        return f"adjudicated: {pairs(done)}\n\n{disputes_text(study, wave, round_)}"

    run(study, as_json, work, say=say)


@app.command(name="round")
def coding_round(
    study: StudyOption = HERE,
    wave: WaveOption = "W1",
    round_: RoundOption = "R1",
    follow: Annotated[
        bool, typer.Option(help="Pull and release every 20 seconds until Ctrl-C.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run what is due of a coding round: draw, pull, push, agree."""

    def work() -> Any:
        if follow:
            from flows.watching import run_watch

            return run_watch()
        from flows.coding_round import run_round

        return run_round(wave, round_)

    run(study, as_json, work, say=pairs)
