"""Outages that no signal announces: the disk is full, the clock goes back, the server is gone.

The next run goes on from the last commit, and what is held is what an undisturbed run holds.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from subprocess import Popen
from threading import Event
from urllib.parse import urlsplit

import pytest

from flows.guard import DISK_IS_FULL, is_disk_full
from flows.up import PATIENCE_TRIES, PATIENCE_VARIABLE
from tests.support.command import NOWHERE, SECONDS, outcome, place, start
from tests.support.prefect_server import PrefectServer, running
from tests.support.study import FIRST, DemoStudy, Tripwire, demo_study, small_community

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


def test_a_server_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    study = place(tmp_path, PREFECT_API_URL=f"{NOWHERE}/api")
    study.write_study()
    study.invoke("collect").refuses(1, "Prefect's server does not answer", "`confide up`")


def test_a_temporary_server_that_does_not_start_is_one_sentence(tmp_path: Path) -> None:
    study = place(tmp_path, PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="1")
    study.write_study()
    home = study.folder / "var" / "prefect"
    home.mkdir(parents=True)
    (home / "prefect:memory:.db").write_bytes(b"no database" * 1000)
    study.run("collect").refuses(1, "temporary server", "does not start", "var/prefect")


@pytest.mark.long
@pytest.mark.parametrize("seconds", [10, 300])
def test_a_run_goes_on_when_its_server_comes_back(
    seconds: int, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(running(tmp_path))
        patient = {**server.environment(), PATIENCE_VARIABLE: PATIENCE_TRIES}
        study = stack.enter_context(demo_study(tmp_path, small_community(), **patient))
        process = start_and_lose(study, server)
        server.process.wait(timeout=SECONDS)
        Event().wait(seconds)
        assert process.poll() is None
        port = urlsplit(server.api).port
        stack.enter_context(running(tmp_path, port=port))
        outcome(process, seconds=600).succeeds()
        assert study.place.table_hash() == undisturbed.table_hash


@pytest.mark.long
def test_a_run_whose_server_stays_away_ends_and_the_next_goes_on(
    undisturbed: Undisturbed, tmp_path: Path, prefect_server: PrefectServer
) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(running(tmp_path))
        study = stack.enter_context(demo_study(tmp_path, small_community(), **server.environment()))
        told = outcome(start_and_lose(study, server), seconds=600)
        assert told.code == 1, told.said
        assert "confide: Prefect's server does not answer any more" in told.err
        assert "Traceback" not in told.err  # Prefect says besides that a log line did not arrive
        study.place = study.place.having(**prefect_server.environment())
        study.run("collect").succeeds()
        assert study.place.table_hash() == undisturbed.table_hash


def start_and_lose(study: DemoStudy, server: PrefectServer) -> Popen[str]:
    """Start a pass whose server is killed at its thirtieth request to a platform."""
    study.wire = Tripwire(nth=30)
    study.wire.aim(server)
    return study.place.start("collect")


def test_what_is_not_the_disk_s_fault_is_not_said_to_be() -> None:
    assert not is_disk_full(ValueError("the disk is full"))
    assert not is_disk_full(PermissionError(13, "Permission denied"))
    assert is_disk_full(OSError(28, "No space left on device"))
