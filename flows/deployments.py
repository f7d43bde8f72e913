"""A study's schedules as Prefect's deployments: served here, or written for a server elsewhere.

Parameters are names of sources. One run of a deployment at a time: a turn that comes while the
last run still goes is cancelled, and says so.
"""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import yaml
from prefect import Flow
from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    DeploymentFilterTags,
)
from prefect.client.schemas.objects import ConcurrencyLimitConfig, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.runner import Runner
from prefect.schedules import Cron, Interval, Schedule
from prefect.states import Scheduled
from prefect.types.entrypoint import EntrypointType

from flows.collect import collect
from flows.crashes import PAGE, in_states
from flows.environment import STUDY_VARIABLE
from flows.publish import publish
from flows.refresh import refresh
from flows.retain import retain
from flows.schedules import Planned, last_turn, plan
from flows.workspace import Workspace

TAG: Final = "confide"
FLOWS: Final[dict[str, Flow[..., Any]]] = {
    "collect": collect,
    "refresh": refresh,
    "retain": retain,
    "publish": publish,
}
LIMIT: Final = {"limit": 1, "collision_strategy": "CANCEL_NEW"}
ENDED: Final = [StateType.COMPLETED, StateType.FAILED]
HEAD: Final = """\
# Printed by `confide up --prefect-yaml`; write it again when study.toml changes.
#
#   prefect work-pool create confide --type process
#   prefect --no-prompt deploy --all --prefect-file prefect.yaml
#   prefect worker start --pool confide      # where Confide, the study and its key are
#
# A stream is no deployment: run `confide stream` as a service of its own.
"""


def schedule_of(planned: Planned) -> Schedule:
    """Put a schedule in Prefect's words."""
    if planned.cron is not None:
        return Cron(planned.cron, timezone=planned.time_zone, slug=planned.name)
    return Interval(
        planned.interval,
        anchor_date=planned.anchor,
        timezone=planned.time_zone,
        slug=planned.name,
    )


async def add(runner: Runner, planned: Planned) -> UUID:
    """Make a deployment that a process of this machine serves; return its id."""
    made: UUID = await runner.aadd_flow(
        FLOWS[planned.flow],
        planned.name,
        schedule=schedule_of(planned),
        parameters=dict(planned.parameters),
        concurrency_limit=ConcurrencyLimitConfig.model_validate(LIMIT),
        tags=[TAG],
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    return made


def prefect_yaml(workspace: Workspace) -> str:
    """Write the deployments for a server and work pools of the person's own."""
    deployments = [_as_yaml(planned, workspace) for planned in plan(workspace.study)]
    body = {"name": workspace.study.study.name, "pull": None, "deployments": deployments}
    return HEAD + yaml.safe_dump(body, sort_keys=False)


def _as_yaml(planned: Planned, workspace: Workspace) -> dict[str, Any]:
    schedule: dict[str, Any] = {"slug": planned.name, "timezone": planned.time_zone}
    if planned.cron is not None:
        schedule["cron"] = planned.cron
    else:
        schedule["interval"] = planned.interval.total_seconds()
        schedule["anchor_date"] = planned.anchor.isoformat()
    return {
        "name": planned.name,
        "entrypoint": f"flows.{planned.flow}.{planned.flow}",
        "parameters": dict(planned.parameters),
        "tags": [TAG],
        "concurrency_limit": dict(LIMIT),
        "schedules": [schedule],
        "work_pool": {
            "name": "confide",
            "job_variables": {"env": {STUDY_VARIABLE: str(workspace.directory)}},
        },
    }


async def forget_others(client: PrefectClient, kept: set[UUID]) -> None:
    """Delete deployments of sources that the study does not have any more."""
    ours = DeploymentFilter(tags=DeploymentFilterTags(all_=[TAG]))
    for deployment in await client.read_deployments(deployment_filter=ours, limit=PAGE):
        if deployment.id not in kept:
            await client.delete_deployment(deployment.id)


async def catch_up(client: PrefectClient, planned: Planned, deployment: UUID) -> bool:
    """Run at once what missed its last turn, as on a laptop that slept; tell whether it did."""
    of_it = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    ended = await client.read_flow_runs(
        deployment_filter=of_it,
        flow_run_filter=in_states(ENDED),
        sort=FlowRunSort.START_TIME_DESC,
        limit=1,
    )
    now = datetime.now(UTC)
    if ended and ended[0].start_time and ended[0].start_time >= last_turn(planned, now):
        return False
    await client.create_flow_run_from_deployment(
        deployment, state=Scheduled(message="It missed its last turn.")
    )
    return True
