"""One rate budget: in a process, between processes, and on the platform's own word."""

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from signal import SIGKILL
from sqlite3 import connect as open_file
from threading import Lock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import reddit
from connectors.budget import FIRST_PAUSE_SECONDS, FLIGHT_SECONDS, Budget
from demo.faults import Ask, Fault
from demo.reddit_server import RedditOptions
from schema.errors import SourceUnavailable
from tests.support.budget import fresh_budget
from tests.support.needs import REPOSITORY
from tests.support.reddit_village import NOON, SECRET, Village, minutely, village

PROCESSES, ASKS_EACH, LIMIT, WINDOW_SECONDS = 4, 12, 20, 1.0
ASKING = """
import sys
from pathlib import Path
from connectors.budget import Budget
from connectors.reddit import RedditCredentials, connect
url, path, limit, window, asks = sys.argv[1:]
budget = Budget(Path(path), limit=int(limit), window_seconds=float(window))
client = connect(RedditCredentials("demo-client", "{secret}", "confide (tests)", url, url), budget)
for _ in range(int(asks)):
    client.request(method="GET", path="api/info", params={{"id": "t3_v00001"}})
"""
DYING = """
import os, signal, sys
from pathlib import Path
from connectors.budget import Budget
with Budget(Path(sys.argv[1]), limit=1).booked():
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def porch() -> Iterator[Village]:
    options = RedditOptions(
        requests_per_window=LIMIT, window_seconds=1, window_elapsed=0.0, token_seconds=3600
    )
    with village(minutely(5, until=NOON), options=options) as place:
        yield place


def busiest(instants: Sequence[float], seconds: float) -> int:
    """Count the most instants that lie within any span of `seconds`."""
    return max(sum(0 <= later - first < seconds for later in instants) for first in instants)


def test_processes_at_once_never_exceed_one_budget(porch: Village, tmp_path: Path) -> None:
    seen: list[float] = []
    lock = Lock()

    def note(_ask: Ask) -> None:
        with lock:
            seen.append(time.monotonic())

    porch.faults.on_request = note
    arguments = [porch.url, tmp_path / "budget.sqlite", LIMIT, WINDOW_SECONDS, ASKS_EACH]
    command = [sys.executable, "-c", ASKING.format(secret=SECRET), *map(str, arguments)]
    runs = [subprocess.Popen(command, cwd=REPOSITORY) for _ in range(PROCESSES)]
    assert [run.wait(timeout=120) for run in runs] == [0] * PROCESSES
    assert len(seen) == PROCESSES * (ASKS_EACH + 1)  # and each its token
    assert busiest(seen, WINDOW_SECONDS) <= LIMIT
    assert porch.faults.over_budget == 0


def test_a_full_budget_says_how_long_it_is_full() -> None:
    budget = fresh_budget(limit=2, window_seconds=100.0)
    assert budget.wait_seconds() == 0
    for _ in range(2):
        with budget.booked():
            pass
    assert 99 < budget.wait_seconds() <= 100


def test_a_killed_process_counts_as_if_its_request_were_on_its_way() -> None:
    budget = fresh_budget(limit=1, window_seconds=100.0)
    command = [sys.executable, "-c", DYING, str(budget.path)]
    assert subprocess.run(command, cwd=REPOSITORY, check=False).returncode == -SIGKILL
    assert 100 < budget.wait_seconds() <= 100 + FLIGHT_SECONDS


def test_a_clock_set_back_locks_nobody_out() -> None:
    budget = fresh_budget(limit=1, window_seconds=100.0)
    with budget.booked():
        pass
    with closing(open_file(budget.path)) as file, file:
        file.execute("update booked set counts_from = counts_from + 86400")
    assert budget.wait_seconds() <= 100 + FLIGHT_SECONDS


def test_what_the_headers_leave_is_all_there_is() -> None:
    budget = fresh_budget(window_seconds=100.0)
    budget.heed((2.0, 50.0))
    for _ in range(2):
        assert budget.wait_seconds() == 0
        with budget.booked():
            pass
    assert 49 < budget.wait_seconds() <= 50
    budget.heed((7.0, 50.0))  # an older answer, come late: within one window the least counts
    assert budget.wait_seconds() > 49


@given(st.lists(st.floats(0, 1000), min_size=1))
def test_in_whatever_order_answers_come_the_least_counts(remaining: list[float]) -> None:
    forwards, backwards = fresh_budget(), fresh_budget()
    for told in remaining:
        forwards.heed((told, 300.0))
    for told in reversed(remaining):
        backwards.heed((told, 300.0))
    assert (forwards.wait_seconds() > 0) == (backwards.wait_seconds() > 0) == (min(remaining) < 1)


def test_a_pause_holds_for_everyone_and_doubles_while_refused() -> None:
    budget = fresh_budget()
    assert [budget.pause(None) for _ in range(3)] == [
        FIRST_PAUSE_SECONDS,
        2 * FIRST_PAUSE_SECONDS,
        4 * FIRST_PAUSE_SECONDS,
    ]
    other = Budget(budget.path, limit=1_000)
    assert other.wait_seconds() > 3 * FIRST_PAUSE_SECONDS
    budget.heed(None)  # an answer came through
    assert budget.pause(None) == FIRST_PAUSE_SECONDS


def test_a_pause_longer_than_a_window_is_told_not_slept() -> None:
    budget = fresh_budget(window_seconds=10.0)
    budget.pause(3_600.0)
    with pytest.raises(SourceUnavailable, match="pause of 3") as told, budget.booked():
        pass
    assert told.value.retry_after_seconds == pytest.approx(3_600, abs=5)


@pytest.mark.parametrize("retry_after", [None, "0", "Thu, 01 Jan 2026 00:00:00 GMT", "-3", "nan"])
def test_a_429_is_waited_out_and_asked_again(porch: Village, retry_after: str | None) -> None:
    porch.budget = fresh_budget(tries=2)
    porch.faults.arm(Fault("status", 429, retry_after), nth=1, path="/r/QuietPorch/new")
    [page] = reddit.fetch_pages(porch.client(), porch.query())
    assert len(page.items) == 5
    assert porch.faults.requests["/r/QuietPorch/new"] == 2


def test_a_platform_that_keeps_refusing_is_left_alone(porch: Village) -> None:
    porch.budget = fresh_budget(tries=3)
    porch.faults.arm(Fault("status", 429, "0"), nth=1, path="/r/QuietPorch/new", times=9)
    with pytest.raises(SourceUnavailable, match="slow down"):
        list(reddit.fetch_pages(porch.client(), porch.query()))
    assert porch.faults.requests["/r/QuietPorch/new"] == 3


def test_the_file_holds_instants_and_numbers_alone(porch: Village) -> None:
    list(reddit.fetch_pages(porch.client(), porch.query()))
    with closing(open_file(porch.budget.path)) as file:
        tables = [
            name for (name,) in file.execute("select name from sqlite_master where type='table'")
        ]
        kinds = {
            type(value)
            for table in tables
            for row in file.execute(f"select * from {table}")
            for value in row
        }
    assert sorted(tables) == ["booked", "told"]
    assert kinds <= {int, float}
