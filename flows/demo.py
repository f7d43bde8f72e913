"""`confide demo`: the whole main job on the invented community, with no credentials.

Every part is the real one: praw and atproto over loopback servers that speak the true
wire formats, Prefect, DuckDB, Label Studio. Only the people are invented, and so are the
coders: their answers come through Label Studio's API like anybody's.
"""

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from annotation.codebook import load_codebook
from annotation.label_studio_server import ServerHandle
from demo.bluesky_server import bluesky_app
from demo.community import invent
from demo.model import Community
from demo.reddit_server import CLIENT_ID, CLIENT_SECRET, reddit_app
from demo.serve import serving
from flows import clock, label_studio
from flows.adjudicating import adjudicate
from flows.agreeing import measure_agreement
from flows.coding_round import draw_units, pull_codings, push_units
from flows.collect import collect
from flows.demo_study import write_demo_study
from flows.publish import publish
from flows.refresh import refresh
from flows.report import report
from flows.simulated_coders import code_round, rule_disputes
from flows.tables import agreement_table, verdict_rows, verdict_table
from flows.words import pairs
from flows.workspace import REDDIT_VARIABLES, Workspace, open_workspace
from schema.study_file import load_study
from warehouse import store

SEED = 1
WAVE, ROUND = "W1", "R1"
TIMELINES, COMMUNITY_WEEKS = 3, 6
ROOTS, REPLIES = 100, 160  # enough for an interval around alpha, quick to code by API
LABEL_STUDIO_PORTS = range(8081, 8181)
INSTANTS = tuple(
    datetime.fromisoformat(text).replace(tzinfo=UTC)
    for text in ("2026-01-19T12:00", "2026-02-09T12:00", "2026-03-02T12:00", "2026-03-31T12:00")
)
QUERY = (
    "select platform, count(*) posts, count(distinct author_key) authors, "
    "round(avg(n_words)) words from post group by all"
)
console = Console(highlight=False)


@dataclass
class DemoClock:
    """The instant that the demo's servers and flows live in."""

    now: datetime = INSTANTS[0]

    def move(self, instant: datetime) -> None:
        """Go to another instant, for the servers and for the flows."""
        self.now = instant
        os.environ[clock.VARIABLE] = instant.isoformat()


def run(directory: Path) -> None:
    """Run everything that is not done yet, and end by saying what to open."""
    began = time.monotonic()
    demo_clock = DemoClock()
    community = invented()
    with ExitStack() as stack:
        background = stack.enter_context(ThreadPoolExecutor(max_workers=1))
        write_study(stack, directory, community, demo_clock)
        workspace = open_workspace(directory)
        say(f"The study lies in {directory}; its platforms are invented and local.")
        server = background.submit(label_studio.embedded, workspace)
        _collect(workspace, demo_clock)
        _code(workspace, community, server)
        _publish(directory)
    _say_where(workspace, time.monotonic() - began)


def stop(directory: Path) -> None:
    """Stop the demo's Label Studio."""
    console.print(label_studio.stop(directory))


def invented() -> Community:
    """Invent the demo's community, its texts from the codebook's examples and templates."""
    examples = {code.id: code.examples for code in load_codebook().codes}
    return invent(SEED, codebook_examples=examples)


def write_study(
    stack: ExitStack, directory: Path, community: Community, demo_clock: DemoClock
) -> None:
    """Serve the community until `stack` closes, and point the study at the servers."""
    os.environ |= dict(zip(REDDIT_VARIABLES, (CLIENT_ID, CLIENT_SECRET), strict=True))
    reddit = stack.enter_context(serving(reddit_app(community, lambda: demo_clock.now)))
    bluesky = stack.enter_context(serving(bluesky_app(community, lambda: demo_clock.now)))
    write_demo_study(
        directory,
        community,
        reddit=reddit,
        bluesky=bluesky,
        label_studio_port=_label_studio_port(directory),
        roots=ROOTS,
        replies=REPLIES,
        timelines=TIMELINES,
        community_weeks=COMMUNITY_WEEKS,
    )


def _collect(workspace: Workspace, demo_clock: DemoClock) -> None:
    """Collect and refresh at each instant that no earlier run has reached."""
    with store.open_warehouse(workspace.warehouse, now=INSTANTS[0]) as warehouse:
        reached = store.last_run_at(warehouse)
    todo = [instant for instant in INSTANTS if reached is None or instant > reached]
    for instant in todo or [INSTANTS[-1]]:
        demo_clock.move(instant)
        with step(f"{instant:%d %B %Y}: collecting, then looking again") as note:
            collected, refreshed = collect(), refresh()
            new = sum(tally["new_count"] for tally in collected.values())
            new += sum(tally["new_count"] for tally in refreshed.values())
            gone = sum(
                tally["removed_count"] for done in (collected, refreshed) for tally in done.values()
            )
            note(f"{new} new posts, {gone} removed by their authors or platforms")


def _code(workspace: Workspace, community: Community, server: Future[ServerHandle]) -> None:
    """Run the pilot round with simulated coders."""
    with step("starting Label Studio in its own environment") as note:
        note(server.result().url)
    with step("drawing units, seeded and stratified") as note:
        note(pairs(draw_units(WAVE, ROUND)))
    with step("pushing tasks to Label Studio") as note:
        note(f"{push_units(WAVE, ROUND)['tasks']} new tasks")
    with step("simulated coders code through the API") as note:
        note(f"{code_round(workspace, community, WAVE, ROUND)} annotations")
    with step("pulling and validating the codings") as note:
        note(pairs(pull_codings(WAVE, ROUND)))
    with step("the same for threads, timelines and communities, which rest on it") as note:
        sent = push_units(WAVE, ROUND)["tasks"]
        code_round(workspace, community, WAVE, ROUND)
        note(f"{sent} new tasks; {pairs(pull_codings(WAVE, ROUND))}")
    with step("measuring agreement") as note:
        note(pairs(measure_agreement(WAVE, ROUND)))
    with step("queueing what coders disagree on") as note:
        note(pairs(adjudicate(WAVE, ROUND)))
    with step("a simulated adjudicator rules through the API") as note:
        note(f"{rule_disputes(workspace, community, WAVE, ROUND)} rulings")
    with step("reading the rulings back, with a second opinion") as note:
        note(pairs(adjudicate(WAVE, ROUND)))


def _publish(directory: Path) -> None:

    with step("computing verdicts and publishing") as note:
        note(pairs(publish()))
    with step("writing the report") as note:
        note(f"{report(directory).stat().st_size // 1024} KiB, one page")


def _say_where(workspace: Workspace, seconds: float) -> None:

    directory = workspace.directory
    say(agreement_table(directory))
    rows = [row for row in verdict_rows(directory) if row["priority"] == "primary"]
    say(verdict_table(rows))
    here = Path.cwd()
    shown = directory.relative_to(here) if directory.is_relative_to(here) else directory
    say(f"\nDone in {seconds:.0f} s. What to open:")
    say(f"- {label_studio.start(directory)}")
    say(f"- the report, in any browser: {shown}/published/report.html")
    say(f"- the published file {shown}/published/corpus.duckdb; for example:")
    say(f'  .venv/bin/confide sql --study {shown} "{QUERY}"')
    say(f"- what the codebook leaves open: .venv/bin/confide adjudicate --study {shown}")
    say(f"- all verdicts: .venv/bin/confide verdicts --study {shown}")
    say(f"Stop Label Studio with: .venv/bin/confide demo --study {shown} --stop")


def say(text: str) -> None:
    """Print a text as it is: no markup, and lines that can be copied whole."""
    console.print(text, markup=False, soft_wrap=True)


@contextmanager
def step(doing: str) -> Iterator["Note"]:
    """Show a step while it runs, and what came of it with the seconds it took."""
    began = time.monotonic()
    note = Note()
    with console.status(doing):
        yield note
    say(f"[{time.monotonic() - began:5.1f} s] {doing}: {note.text}")


class Note:
    """What a step has to say when it ends."""

    text = "done"

    def __call__(self, text: str) -> None:
        """Set the step's closing words."""
        self.text = text


def _label_studio_port(directory: Path) -> int:
    """Keep the port of an earlier run's study; else take the first free one."""
    path = directory / "study.toml"
    if path.is_file():
        earlier = load_study(path).label_studio.url
        return urlsplit(earlier).port or LABEL_STUDIO_PORTS[0]
    for port in LABEL_STUDIO_PORTS:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    return LABEL_STUDIO_PORTS[0]
