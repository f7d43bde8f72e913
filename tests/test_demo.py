"""`confide demo`, whole, twice, with no network but loopback."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import monotonic

import pytest

from flows.demo import INSTANTS
from tests.support.command import Outcome, outcome, start
from tests.support.cookbook import questions
from tests.support.loopback_only import Namespace, loopback_only
from tests.support.needs import missing
from warehouse import store
from warehouse.corpus import open_corpus

pytestmark = [pytest.mark.label_studio, pytest.mark.prefect_server, pytest.mark.timeout(2400)]

RUN_SECONDS = 1000
ASK = """
import sys, urllib.request
print(urllib.request.urlopen(sys.argv[1] + "/health", timeout=10).status)
"""
TABLES = (
    "select table_name from information_schema.tables "
    "where table_type = 'BASE TABLE' and table_name <> 'collection_runs'"
)
UNANSWERED = {
    "3. What could not be seen?",  # the demo misses nothing
    "20. How long do posts stay up?",  # asks for cohorts of 11 followed for 30 days
}
INTERFACES = "import socket; print([name for _, name in socket.if_nameindex()])"


@dataclass(frozen=True)
class Home:
    """An empty folder to run in, with a configuration of its own."""

    folder: Path
    network: Namespace

    @property
    def study(self) -> Path:
        """Where the demo puts its study when it is told nothing."""
        return self.folder / "demo-study"

    def run(self, *arguments: str) -> Outcome:
        """Run the command here."""
        process = start(
            *arguments,
            environment={"XDG_CONFIG_HOME": str(self.folder / "config")},
            cwd=self.folder,
            enter=self.network.enter,
        )
        return outcome(process, seconds=RUN_SECONDS)

    def python(self, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a line of Python on the same network."""
        command = [*self.network.enter, sys.executable, "-c", code, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    def held(self) -> dict[str, str]:
        """Sum up the warehouse's rows, and each table of the published file.

        `collection_runs` is left out: that a second run looked again is a row of its own.
        """
        with store.open_warehouse(self.study / "warehouse.duckdb", now=INSTANTS[-1]) as warehouse:
            held = {"warehouse": store.table_hash(warehouse)}
        with open_corpus(self.study / "published" / "corpus.duckdb") as corpus:
            for (table,) in corpus.execute(TABLES).fetchall():
                rows = corpus.execute(f"select * from {table}").fetchall()
                held[table] = sha256(repr(rows).encode()).hexdigest()
        return held


@dataclass(frozen=True)
class Run:
    """What a demo said, how long it took, and what the study held afterwards."""

    told: Outcome
    seconds: float
    held: dict[str, str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, label_studio_program: Path) -> Iterator[Home]:
    with loopback_only() as network:
        made = Home(tmp_path_factory.mktemp("demo"), network)
        try:
            yield made
        finally:
            made.run("demo", "--stop")


def ran(home: Home) -> Run:
    began = monotonic()
    told = home.run("demo").succeeds()
    return Run(told, monotonic() - began, home.held())


@pytest.fixture(scope="module")
def first(home: Home) -> Run:
    return ran(home)


@pytest.fixture(scope="module")
def second(home: Home, first: Run) -> Run:
    return ran(home)


def test_there_is_no_network_but_loopback(home: Home) -> None:
    if home.network.why_not is not None:
        missing(f"the demo ran on the ordinary network: {home.network.why_not}")
    assert home.python(INTERFACES).stdout == "['lo']\n"


def test_every_step_says_what_it_did(first: Run) -> None:
    told = first.told.out
    steps = re.findall(r"^\[ *[\d.]+ s\] (.+?): (.+)$", told, re.MULTILINE)
    assert len(steps) == len(INSTANTS) + 12
    done = dict(steps)
    assert re.search(r"[1-9]\d* annotations", done["simulated coders code through the API"])
    assert sum(int(found) for found in re.findall(r"(\d+) new posts", told)) > 1000
    assert sum(int(found) for found in re.findall(r"(\d+) removed", told)) > 10


def test_at_least_three_claims_get_a_verdict(home: Home, first: Run) -> None:
    rows = json.loads(home.run("verdicts", "--study", "demo-study", "--json").succeeds().out)
    judged = {"supported", "not supported", "inconclusive"}
    shown = [r for r in rows if r["verdict"] in judged and f"│ {r['claim_id']}" in first.told.out]
    assert len(shown) >= 3


def test_the_places_it_names_are_there(home: Home, first: Run) -> None:
    told = first.told.out
    url = re.search(r"^- Label Studio: (http://127\.0\.0\.1:\d+)$", told, re.MULTILINE)
    assert url is not None
    assert home.python(ASK, url[1]).stdout == "200\n"
    assert re.search(r"^  administrator: \S+@\S+, password \S+$", told, re.MULTILINE)
    logins = re.search(r"^  coders' logins: (.+)$", told, re.MULTILINE)
    assert logins is not None
    assert "simulated-1" in Path(logins[1]).read_text("utf-8")
    assert "the published file demo-study/published/corpus.duckdb" in told
    assert "in any browser: demo-study/published/report.html" in told
    page = (home.study / "published" / "report.html").read_text("utf-8")
    assert "<h2" in page
    assert "Invented data" in page


def test_the_printed_query_runs_as_it_stands(home: Home, first: Run) -> None:
    [line] = [found for found in first.told.out.splitlines() if "confide sql" in found]
    program, *arguments = shlex.split(line)
    assert program == ".venv/bin/confide"
    told = home.run(*arguments).succeeds().out
    assert "reddit" in told
    assert "bluesky" in told


def test_every_question_of_the_cookbook_runs_on_its_corpus(home: Home, first: Run) -> None:
    with open_corpus(home.study) as corpus:
        answers = {heading: list(corpus.rows(sql)) for heading, sql in questions().items()}
    assert {heading for heading, rows in answers.items() if not rows} <= UNANSWERED


def test_a_second_run_is_quicker_and_changes_nothing(first: Run, second: Run) -> None:
    told = second.told.out
    assert len(first.held) > 15
    assert second.held == first.held
    assert second.seconds < first.seconds
    assert "0 new posts, 0 removed" in told
    assert "pushing tasks to Label Studio: 0 new tasks" in told
    assert "simulated coders code through the API: 0 annotations" in told


def test_its_label_studio_stops_and_stays_stopped(home: Home, second: Run) -> None:
    assert "Label Studio stopped" in home.run("demo", "--stop").succeeds().out
    assert "Label Studio was not running" in home.run("demo", "--stop").succeeds().out
    [url] = set(re.findall(r"http://127\.0\.0\.1:\d+", second.told.out))
    assert home.python(ASK, url).returncode != 0
