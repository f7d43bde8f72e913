"""`confide stream` as a process: told to stop it ends at a commit, killed it is made good.

The invented community's own history is streamed; events are stored in pages of seven, so that a
run has many. Three moments of death here, thirty in `make long`.
"""

import json
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from connectors.jetstream import EventFilter, fetch_event_pages
from demo.bluesky_server import bluesky_app
from demo.community import SMALL, invent
from demo.faults import Faults
from demo.serve import serving
from tests.support.appview_script import NOW
from tests.support.command import Place, outcome, place
from tests.support.jetstream_script import query
from tests.support.streaming import (
    PATIENT_SECONDS,
    follow_until,
    in_haste,
    private_file,
    start_stream,
    stream,
    write_stream_study,
)
from warehouse import store

KILLED = -signal.SIGKILL
QUICK, LONG = 3, 30


@dataclass(frozen=True, slots=True)
class Network:
    """The invented network: its address, its people, and where its stream ends."""

    url: str
    dids: tuple[str, ...]
    first_seq: int
    last_seq: int

    def study(self, folder: Path) -> Place:
        """Make a study that follows everybody."""
        made = place(folder, CONFIDE_NOW=NOW.isoformat())
        everybody = private_file(made, "authors_file", *self.dids)
        write_stream_study(made, self.url, appview=self.url, options=everybody)
        return made


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    community = invent(3, size=SMALL)
    people = tuple(p.native_id for p in community.people if p.platform == "bluesky")
    with serving(bluesky_app(community, lambda: NOW, Faults())) as url:
        everybody = EventFilter(dids=frozenset(people))
        pages = list(fetch_event_pages([url], query(), wanted=everybody, idle_seconds=0.5))
        last = json.loads(pages[-1].position or "")["seq"]
        yield Network(url, people, pages[0].items[0]["seq"], last)


@pytest.fixture(scope="module")
def whole(network: Network, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Sum up what a run that nobody disturbed leaves."""
    study = network.study(tmp_path_factory.mktemp("undisturbed"))
    with pytest.MonkeyPatch.context() as patch, in_haste(patch, flush_seconds=PATIENT_SECONDS):
        counts = follow_until(study, network.last_seq)["words"]
    assert counts["new_count"] > 100
    assert counts["removed_count"] > 0
    return study.table_hash()


def finish(network: Network, study: Place, monkeypatch: pytest.MonkeyPatch) -> str:
    """Follow the stream to its end; sum up what is there then."""
    with in_haste(monkeypatch, flush_seconds=PATIENT_SECONDS):
        follow_until(study, network.last_seq)
    return study.table_hash()


def position(study: Place) -> int:
    """Return the number of the last event whose rows are stored."""
    with store.open_warehouse(study.folder / "warehouse.duckdb", now=NOW) as warehouse:
        stored = store.read_position(warehouse, "words")
    return int(json.loads(stored or "")["seq"])


def test_told_to_stop_in_mid_stream_it_ends_at_a_commit_and_goes_on_from_there(
    network: Network, whole: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = network.study(tmp_path)
    middle = (network.first_seq + network.last_seq) // 2
    with start_stream(study, until=middle, tell=signal.SIGINT) as process:
        told = outcome(process).succeeds()
    assert told.out.startswith("words: ")
    assert middle <= position(study) < network.last_seq
    assert study.table_hash() != whole
    [row] = json.loads(study.invoke("status", "--json").succeeds().out)["runs"]
    assert row["status"] == "completed"
    assert f"{row['counts']['new_count']} new" in told.out
    assert finish(network, study, monkeypatch) == whole


def test_killed_again_and_again_a_stream_leaves_the_same_rows(
    network: Network, whole: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(7)
    study = network.study(tmp_path)
    for _ in range(QUICK):
        assert kill(study, draw, pages_at_most=5) == KILLED
    assert finish(network, study, monkeypatch) == whole


@pytest.mark.long
@pytest.mark.parametrize("number", range(LONG))
def test_a_stream_killed_anywhere_and_started_again_leaves_the_same_rows(
    number: int,
    network: Network,
    whole: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    study = network.study(tmp_path)
    assert kill(study, random.Random(number), pages_at_most=20) == KILLED
    assert finish(network, study, monkeypatch) == whole


def kill(study: Place, draw: random.Random, *, pages_at_most: int) -> int:
    """Kill a stream at some page, or a moment after it; return its exit code."""
    page, seconds = draw.randint(1, pages_at_most), draw.uniform(0, 0.3)
    return stream(study, kill_at=page, seconds=seconds).code
