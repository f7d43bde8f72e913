"""Promise 2, exactly once: killed anywhere and run again, a study holds what it would have held.

SIGKILL comes from the platforms' own servers: at a request, or a moment after one, while what it
answered is stored. Three moments here, twelve more in `make long`, over three verbs in a row: a
first pass, a second one nineteen days later (edits, removals, gaps), a refresh.
"""

import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from demo.model import Community
from tests.support.prefect_server import PrefectServer
from tests.support.study import FIRST, SECOND, DemoStudy, demo_study, small_community

pytestmark = pytest.mark.prefect_server

STAGES: Final = (("collect", FIRST), ("collect", SECOND), ("refresh", SECOND))
KILLED: Final = -signal.SIGKILL


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A stage that nobody killed: what it began from, asked for and left."""

    before: Path
    requests_count: int
    table_hash: str


@dataclass(frozen=True, slots=True)
class Moment:
    """When to kill: in which stage, after which share of its requests, how long behind one."""

    stage: int
    share: float
    delay_seconds: float

    def __str__(self) -> str:
        """Name the moment among the tests."""
        return f"{STAGES[self.stage][0]}-{self.stage}-{self.share:.0%}-{self.delay_seconds}s"


QUICK: Final = (
    Moment(0, 1.0, 0.3),  # behind the last request: duplicates are marked
    Moment(1, 0.4, 0.03),  # while a page is stored, over rows of the first pass
    Moment(2, 0.5, 0.05),  # while a removal is taken out
)
LONG: Final = (
    Moment(0, 0.02, 0.0),
    Moment(0, 0.2, 0.0),  # while a listing is asked for
    Moment(0, 0.35, 0.02),
    Moment(0, 0.55, 0.1),
    Moment(0, 0.75, 0.05),
    Moment(0, 0.95, 0.2),
    Moment(1, 0.1, 0.05),
    Moment(1, 0.6, 0.02),
    Moment(1, 0.9, 0.0),
    Moment(1, 1.0, 0.5),
    Moment(2, 0.2, 0.15),
    Moment(2, 1.0, 0.3),
)


@pytest.fixture(scope="module")
def community() -> Community:
    return small_community()


@pytest.fixture(scope="module")
def undisturbed(
    community: Community, tmp_path_factory: pytest.TempPathFactory, prefect_server: PrefectServer
) -> list[Undisturbed]:
    """Run every stage once and keep what each began from."""
    root = tmp_path_factory.mktemp("undisturbed")
    stages = []
    with demo_study(root, community, **prefect_server.environment()) as study:
        for number, (verb, instant) in enumerate(STAGES):
            before = study.copy_to(root / f"before-{number}")
            study.at(instant).run(verb).succeeds()
            stages.append(Undisturbed(before, study.wire.requests_count, study.place.table_hash()))
    assert len({stage.table_hash for stage in stages}) == len(STAGES)  # each stage changes rows
    return stages


@pytest.fixture
def workplace(tmp_path: Path) -> Iterator[Path]:
    """Return a folder whose files go when the test ends."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


def kill_at(study: DemoStudy, moment: Moment, requests_count: int) -> int:
    """Kill a stage's verb at a moment; return its exit code."""
    verb, instant = STAGES[moment.stage]
    nth = max(1, round(moment.share * requests_count))
    return study.at(instant).kill(verb, nth=nth, delay_seconds=moment.delay_seconds)


@pytest.mark.parametrize(
    "moment",
    [*QUICK, *(pytest.param(moment, marks=pytest.mark.long) for moment in LONG)],
    ids=str,
)
def test_a_killed_run_that_runs_again_leaves_the_same_rows(
    moment: Moment,
    undisturbed: list[Undisturbed],
    community: Community,
    workplace: Path,
    prefect_server: PrefectServer,
) -> None:
    whole = undisturbed[moment.stage]
    with demo_study(
        workplace, community, start_from=whole.before, **prefect_server.environment()
    ) as study:
        assert kill_at(study, moment, whole.requests_count) == KILLED
        study.run(STAGES[moment.stage][0]).succeeds()
        assert study.place.table_hash() == whole.table_hash


def test_a_run_killed_again_and_again_leaves_the_same_rows(
    undisturbed: list[Undisturbed],
    community: Community,
    workplace: Path,
    prefect_server: PrefectServer,
) -> None:
    whole = undisturbed[1]
    with demo_study(
        workplace, community, start_from=whole.before, **prefect_server.environment()
    ) as study:
        for share, delay in ((0.3, 0.04), (0.15, 0.0)):
            moment = Moment(1, share, delay)
            assert kill_at(study, moment, whole.requests_count) == KILLED
        study.run("collect").succeeds()
        assert study.place.table_hash() == whole.table_hash


def test_with_no_server_configured_a_killed_run_is_made_good_too(
    undisturbed: list[Undisturbed], community: Community, workplace: Path
) -> None:
    whole = undisturbed[1]
    with demo_study(workplace, community, start_from=whole.before) as study:
        try:
            moment = Moment(1, 0.5, 0.05)
            assert kill_at(study, moment, whole.requests_count) == KILLED
            study.run("collect").succeeds()  # beside the dead run's temporary server
        finally:
            study.stop_orphans()
        assert study.place.table_hash() == whole.table_hash
