"""A coding round, step by step: draw, push, pull; agreement has a page of its own.

Frames of masked text travel inside a task only; between tasks go names of rounds and counts.
"""

import re
from collections.abc import Sequence
from typing import Any

from prefect import flow, task

from annotation import label_studio, sampling
from annotation.assignment import assign
from annotation.codebook import load_codebook
from annotation.safety_log import CrisisFlag, expire_flags, record_flags
from flows.after_removals import close_removed
from flows.agreeing import agree_task
from flows.alerts import HOOKS
from flows.drawn import check_drawn
from flows.guard import guarded
from flows.label_studio import connect, give_accounts, purge
from flows.removing import resume
from flows.rule_table import refuse_if_blocked
from flows.workspace import Workspace, open_workspace
from schema.codebook import Codebook
from schema.coding import CodingTask
from schema.errors import BadInput
from schema.vocabulary import UnitKind
from warehouse import store

KINDS: tuple[UnitKind, ...] = ("root", "reply")
PLURAL = {"root": "roots", "reply": "replies"}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,19}")


@flow(name="round", log_prints=False, persist_result=False, **HOOKS)
@guarded
def run_round(wave: str, round_: str) -> dict[str, Any]:
    """Run what is due of a round: draw once, push what is new, pull, measure agreement."""
    drawn = draw_task(wave, round_, None, None)
    pushed = push_task(wave, round_)
    pulled = pull_task(wave, round_)
    measured = agree_task(wave, round_)
    return {**drawn, **pushed, **pulled, **measured}


@flow(name="draw", log_prints=False, persist_result=False)
@guarded
def draw_units(
    wave: str, round_: str, roots: int | None = None, replies: int | None = None
) -> dict[str, int]:
    """Draw a round's units; a round that was drawn stays as it is."""
    return draw_task(wave, round_, roots, replies)


@flow(name="push", log_prints=False, persist_result=False)
@guarded
def push_units(wave: str, round_: str) -> dict[str, int]:
    """Send a round's units to every coder's project."""
    return push_task(wave, round_)


@flow(name="pull", log_prints=False, persist_result=False)
@guarded
def pull_codings(wave: str, round_: str) -> dict[str, int]:
    """Fetch what changed in every coder's project."""
    return pull_task(wave, round_)


@task(name="draw", persist_result=False)
@guarded
def draw_task(wave: str, round_: str, roots: int | None, replies: int | None) -> dict[str, int]:
    """Draw units of each kind from the frame as it stands now.

    Analysts read the round that was drawn last; a draw that is refused leaves theirs as it was.
    """
    if not (_NAME.fullmatch(wave) and _NAME.fullmatch(round_)):
        raise BadInput(
            "a wave and a round are named by up to 20 letters, digits and dashes: name them so"
        )
    workspace = open_workspace()
    resume(workspace)
    refuse_if_blocked(workspace, "draw")
    plan, policy = workspace.study.sampling, workspace.study.policy
    codebook = load_codebook(workspace.codebook)
    wanted: dict[UnitKind, int] = {
        "root": plan.roots if roots is None else roots,
        "reply": plan.replies if replies is None else replies,
    }
    drawn: dict[str, int] = {}
    for kind in KINDS:
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            store.save_codebook(warehouse, codebook)
            if held := store.count_units(warehouse, wave, round_, kind):
                drawn[PLURAL[kind]] = held
                continue
            frame = store.sampling_frame(
                warehouse,
                kind,
                now=workspace.now(),
                minimum_age_days=policy.minimum_age_days,
                excluded_communities=policy.excluded_communities,
            )
            first_stage = store.read_units(warehouse, wave, round_, "root")
        one = sampling.SamplingPlan(
            n=wanted[kind],
            seed=plan.seed,
            per_author=plan.per_author,
            minimum_probability=plan.minimum_probability,
            wave=wave,
            round=round_,
            unit_kind=kind,
        )
        units = (
            sampling.draw_within(frame, first_stage, one, now=workspace.now())
            if kind == "reply" and not first_stage.is_empty()
            else sampling.draw(frame, one, now=workspace.now())
        )
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            store.save_units(warehouse, units, plan=one, frame=frame)
        drawn[PLURAL[kind]] = units.height
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        if store.last_drawn_round(warehouse) == (wave, round_):
            store.set_current_round(warehouse, wave, round_, codebook.version)
    return drawn


@task(name="push", persist_result=False)
@guarded
def push_task(wave: str, round_: str) -> dict[str, int]:
    """Send each coder the units assigned to them; what is there stays."""
    workspace = open_workspace()
    check_drawn(workspace, wave, round_)
    resume(workspace)
    refuse_if_blocked(workspace, "push")
    codebook = load_codebook(workspace.codebook)
    client = connect(workspace)
    give_accounts(workspace, client)
    close_removed(workspace, client)
    taken_count = _taken_count(workspace)
    pushed = 0
    for project in projects(workspace, codebook, wave, round_):
        tasks = assigned_tasks(workspace, project)
        if tasks:
            opened = label_studio.ensure_project(client, project, codebook)
            pushed += label_studio.push(client, opened, tasks).new
    if _taken_count(workspace) != taken_count:  # what went meanwhile may have been sent after it
        close_removed(workspace, client)
    return {"tasks": pushed}


def _taken_count(workspace: Workspace) -> int:
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        return store.read_due(warehouse).taken_count


def projects(
    workspace: Workspace, codebook: Codebook, wave: str, round_: str
) -> list[label_studio.ProjectKey]:
    """Name a round's projects: one per codebook version, round, unit kind and coder."""
    return [
        label_studio.ProjectKey(wave, codebook.version, round_, kind, coder)
        for kind in KINDS
        for coder in workspace.study.coding.coders
    ]


def assigned_tasks(workspace: Workspace, project: label_studio.ProjectKey) -> list[CodingTask]:
    """Build the tasks of one coder's project, in the coder's own order.

    What the coder has coded is left out: its task may have been closed while its author's account
    was, and an empty one in its place would take the codings back.
    """
    place = (project.wave, project.round, project.unit_kind)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        drawn = store.coding_tasks(warehouse, *place)
        coded = store.coded_units(warehouse, *place, project.coder, project.codebook_version)
    tasks = {task.unit_key: task for task in drawn}
    plan = assign(
        list(tasks),
        workspace.study.coding.coders,
        round_=project.round,
        double_share=workspace.study.coding.double_share,
        seed=workspace.study.sampling.seed,
    )
    return [tasks[unit] for unit in plan[project.coder] if unit not in coded]


def close_flagged(
    workspace: Workspace, client: label_studio.Client, flags: Sequence[CrisisFlag]
) -> None:
    """Log the crisis flags outside the warehouse, and close their units for everybody."""
    if not flags:
        return
    record_flags(workspace.safety_log, flags)
    # withheld before its tasks go: whatever dies between, no push offers it again
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        units = {int(flag.post_uid, 16) for flag in flags}
        store.withhold_units(warehouse, units, at=workspace.now())
    label_studio.remove_tasks(client, {flag.post_uid for flag in flags})
    purge(workspace)


@task(name="pull", persist_result=False)
@guarded
def pull_task(wave: str, round_: str) -> dict[str, int]:
    """Fetch what changed in each coder's project; crisis flags go to the safety log at once."""
    workspace = open_workspace()
    check_drawn(workspace, wave, round_)
    expire_flags(workspace.safety_log, now=workspace.now())
    codebook = load_codebook(workspace.codebook)
    client = connect(workspace)
    told = {"codings": 0, "retracted": 0, "problems": 0, "skipped": 0, "crisis_flags": 0}
    for project in projects(workspace, codebook, wave, round_):
        stream = f"label-studio/{project.title}"
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            mark = store.read_position(warehouse, stream)
            known = store.known_annotations(
                warehouse, wave, round_, project.unit_kind, project.coder
            )
        found = label_studio.find_project(client, project)
        if found is None:
            continue
        pulled = label_studio.pull(client, found, codebook, since=mark, known=known)
        close_flagged(workspace, client, pulled.flags)
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            told["codings"] += store.save_codings(
                warehouse,
                pulled.codings,
                pulled.spans,
                retracted=pulled.retracted,
                stream=stream,
                position=pulled.mark,
                now=workspace.now(),
            )
        told["retracted"] += len(pulled.retracted)
        told["problems"] += sum(pulled.problems.values())
        told["skipped"] += pulled.skipped_count
        told["crisis_flags"] += len(pulled.flags)
    return told
