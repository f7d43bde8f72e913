"""Outages that no signal announces: the disk is full, the clock goes back.

The next run goes on from the last commit, and what is held is what an undisturbed run holds.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from flows.guard import DISK_IS_FULL, is_disk_full
from tests.support.command import outcome, start
from tests.support.prefect_server import PrefectServer
from tests.support.study import FIRST, DemoStudy, demo_study, small_community

pytestmark = pytest.mark.prefect_server


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """A study after one pass that nothing disturbed."""

    folder: Path
    table_hash: str


@pytest.fixture(scope="module")
def undisturbed(
    tmp_path_factory: pytest.TempPathFactory, prefect_server: PrefectServer
) -> Undisturbed:
    root = tmp_path_factory.mktemp("undisturbed")
    with demo_study(root, small_community(), **prefect_server.environment()) as study:
        study.run("collect").succeeds()
        return Undisturbed(study.folder, study.place.table_hash())


def collect_with(study: DemoStudy, *, largest_file_bytes: int) -> str:
    """Collect where no file may grow further, as on a disk that fills; return what it says."""
    done = outcome(
        start(
            *("collect", "--study", str(study.folder)),
            environment=study.place.variables(),
            enter=("prlimit", f"--fsize={largest_file_bytes}"),
        )
    )
    assert done.code == 1, done.said
    return done.err


@pytest.mark.long
def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(
    undisturbed: Undisturbed, tmp_path: Path, prefect_server: PrefectServer
) -> None:
    with demo_study(tmp_path, small_community(), **prefect_server.environment()) as study:
        for room in (100_000, 1_500_000):
            assert collect_with(study, largest_file_bytes=room) == f"confide: {DISK_IS_FULL}\n"
        study.run("collect").succeeds()
        assert study.place.table_hash() == undisturbed.table_hash


@pytest.mark.long
def test_a_clock_that_goes_back_loses_nothing(
    undisturbed: Undisturbed, tmp_path: Path, prefect_server: PrefectServer
) -> None:
    community, variables = small_community(), prefect_server.environment()
    with demo_study(tmp_path, community, start_from=undisturbed.folder, **variables) as study:
        study.place = study.place.having(CONFIDE_NOW=(FIRST - timedelta(days=3)).isoformat())
        study.run("collect").succeeds()
        study.at(FIRST).run("collect").succeeds()
        assert study.place.table_hash() == undisturbed.table_hash


def test_what_is_not_the_disk_s_fault_is_not_said_to_be() -> None:
    assert not is_disk_full(ValueError("the disk is full"))
    assert not is_disk_full(PermissionError(13, "Permission denied"))
    assert is_disk_full(OSError(28, "No space left on device"))
