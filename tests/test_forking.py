"""Runs are copies of a process that has Prefect loaded, and nothing whose threads would be lost."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.forking import LOADED
from tests.support.needs import REPOSITORY
from tests.support.prefect_server import PrefectServer

LOAD = """
import sys
from importlib import import_module
from pathlib import Path
for name in sys.argv[1:]:
    import_module(name)
print(len(list(Path("/proc/self/task").iterdir())), *{"polars", "duckdb", "numpy"} & {*sys.modules})
"""
RUN = """
import sys
from pathlib import Path
from flows.environment import prepare

if __name__ == "__main__":
    prepare(Path(sys.argv[1]))
    from prefect.flow_engine import run_flow_in_subprocess
    from flows.forking import fork_runs
    from tests.support.forked_flow import told
    fork_runs()
    for _ in range(2):
        process = run_flow_in_subprocess(told, parameters={"folder": sys.argv[1]})
        process.join()
        print(process.exitcode, process.pid, flush=True)
"""


def test_the_process_that_is_copied_has_one_thread() -> None:
    told = subprocess.run(
        [sys.executable, "-c", LOAD, *LOADED], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["1"]


@pytest.mark.prefect_server
def test_a_run_finds_prefect_loaded_and_polars_alive(
    tmp_path: Path, prefect_server: PrefectServer
) -> None:
    (tmp_path / "run.py").write_text(RUN, "utf-8")
    ended = subprocess.run(
        [sys.executable, tmp_path / "run.py", tmp_path],
        cwd=REPOSITORY,
        env={**os.environ, **prefect_server.environment(), "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert [line.split()[0] for line in ended.stdout.splitlines()] == ["0", "0"], ended.stderr
    ran = {line.split()[1] for line in ended.stdout.splitlines()}
    lines = (tmp_path / "told").read_text("utf-8").splitlines()
    pids, parents, loaded, sums = zip(*(line.split() for line in lines), strict=True)
    assert {*pids} == ran
    assert len({*parents}) == 1  # the fork server
    assert {*loaded} == {"True"}
    assert {*sums} == {str(sum(range(1_000_000)))}
