"""The process of `confide up` that runs the study's deployments when they are due.

`python -m flows.serving SINCE`: the environment names study and server, `SINCE` is when the
`confide up` began. SIGTERM cancels the runs under way, each at its last commit.
"""

import asyncio
import sys
import threading
from datetime import datetime
from typing import Final

from prefect import get_client
from prefect.runner import Runner

from flows.crashes import mark_crashed
from flows.deployments import add, catch_up, forget_others
from flows.ending import stopping_on_signals
from flows.forking import fork_runs
from flows.schedules import plan
from flows.workspace import Workspace, open_workspace

LOOK_SECONDS: Final = 0.2


async def register(workspace: Workspace, runner: Runner, since: datetime) -> None:
    """Bring the server's deployments up to date and order what missed its turn."""
    async with get_client() as client:
        await mark_crashed(client, before=since)
        planned = plan(workspace.study)
        ids = [await add(runner, each) for each in planned]
        await forget_others(client, set(ids))
        for each, deployment in zip(planned, ids, strict=True):
            await catch_up(client, each, deployment)


def serve(workspace: Workspace, since: datetime) -> bool:
    """Run what is due until a signal; tell whether one came, or the runner ended by itself."""
    fork_runs()
    stop = threading.Event()
    runner = Runner(name="confide", pause_on_shutdown=False)

    async def work() -> None:
        await register(workspace, runner, since)
        if not stop.is_set():
            await runner.start()

    def run() -> None:
        try:
            asyncio.run(work())
        finally:
            stop.set()

    thread = threading.Thread(target=run)  # not the main one, whose signals the runner would take
    with stopping_on_signals(stop):
        thread.start()
        stop.wait()
        is_told = thread.is_alive()
        while thread.is_alive():
            if runner.started:
                runner.execute_in_background(runner.astop).result()
            thread.join(LOOK_SECONDS)
    return is_told


if __name__ == "__main__":
    sys.exit(0 if serve(open_workspace(), datetime.fromisoformat(sys.argv[1])) else 1)
