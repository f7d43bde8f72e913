"""Runs whose process died without a word: marked as crashed in Prefect, and told.

Whoever takes a dead process's place does it: the process that serves deployments for all that ran
before this `confide up` and for the runs of deployments, each other part for its own run, known by
a tag.
"""

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any, Final

from prefect import get_client, tags
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.states import Crashed

from flows.alerts import named, tell_dead
from flows.environment import PART_VARIABLE

BEGUN: Final = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
PAGE: Final = 200  # the most that Prefect answers with
WHY: Final = "Its process was gone when `confide up` began, or began it again."


@contextmanager
def in_its_place() -> Iterator[None]:
    """Run as the part of `confide up` that the environment names, after what a dead one left.

    Where it names none, nothing is marked: a run by hand does not know of others.
    """
    part = os.environ.get(PART_VARIABLE)
    if part is None:
        yield
        return
    tag = f"up-{part}"
    with suppress(Exception):  # the server is gone: whether to go on is for the run to say
        asyncio.run(_mark_tagged(tag))
    with tags(tag):
        yield


async def mark_crashed(client: PrefectClient, *, before: datetime) -> int:
    """Mark runs as crashed whose process cannot live any more, tell them; return how many.

    These are the runs of deployments, of which none is served yet, and all that began `before`
    this `confide up` did.
    """
    begun = await client.read_flow_runs(flow_run_filter=in_states(BEGUN), limit=PAGE)
    left = [run for run in begun if run.deployment_id is not None or _has_begun(run, before)]
    await _mark(client, left)
    for limit in await client.read_global_concurrency_limits(limit=PAGE, offset=0):
        if limit.active_slots:  # leases die with the server, the slots they held do not
            free = GlobalConcurrencyLimitUpdate(active_slots=0)
            await client.update_global_concurrency_limit(limit.name, free)
    return len(left)


def in_states(types: list[StateType]) -> FlowRunFilter:
    """Ask for runs in any of these states."""
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=types)))


async def _mark_tagged(tag: str) -> None:
    asked = in_states(BEGUN).model_copy(update={"tags": FlowRunFilterTags(all_=[tag])})
    async with get_client() as client:
        await _mark(client, await client.read_flow_runs(flow_run_filter=asked, limit=PAGE))


async def _mark(client: PrefectClient, runs: Sequence[FlowRun]) -> None:
    names = list[str]()
    for run in runs:
        told: State[Any] = Crashed(message=WHY)
        await client.set_flow_run_state(run.id, told, force=True)
        names.append(named((await client.read_flow(run.flow_id)).name, run.parameters))
    if names:
        await asyncio.to_thread(tell_dead, names)


def _has_begun(run: FlowRun, before: datetime) -> bool:
    began = run.start_time or run.expected_start_time
    return began is None or began < before
