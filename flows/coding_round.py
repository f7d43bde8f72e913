"""A coding round, step by step: draw, push, pull, agree.

Frames of masked text travel inside a task only; between tasks go names of rounds and counts.
"""

from typing import Any

from prefect import flow, task

from annotation import label_studio, sampling
from annotation.agreement import agreement
from annotation.assignment import assign
from annotation.codebook import load_codebook
from annotation.safety_log import record_flags
from flows.guard import guarded
from flows.label_studio import connected
from flows.workspace import Workspace, open_workspace
from schema.codebook import Codebook
from schema.vocabulary import UnitKind
from warehouse import store

KINDS: tuple[UnitKind, ...] = ("root", "reply")


@flow(name="round", log_prints=False)
def run_round(wave: str, round_: str) -> dict[str, Any]:
    """Run what is due of a round: draw once, push what is new, pull, measure agreement."""
    drawn = draw_task(wave, round_, None, None)
    pushed = push_task(wave, round_)
    pulled = pull_task(wave, round_)
    measured = agree_task(wave, round_)
    return {**drawn, **pushed, **pulled, **measured}


@flow(name="draw", log_prints=False)
def draw_units(
    wave: str, round_: str, roots: int | None = None, replies: int | None = None
) -> dict[str, int]:
    """Draw a round's units; a round that was drawn stays as it is."""
    return draw_task(wave, round_, roots, replies)


@flow(name="push", log_prints=False)
def push_units(wave: str, round_: str) -> dict[str, int]:
    """Send a round's units to every coder's project."""
    return push_task(wave, round_)


@flow(name="pull", log_prints=False)
def pull_codings(wave: str, round_: str) -> dict[str, int]:
    """Fetch what changed in every coder's project."""
    return pull_task(wave, round_)


@flow(name="agree", log_prints=False)
def measure_agreement(wave: str, round_: str) -> dict[str, int]:
    """Measure each code's agreement in a round."""
    return agree_task(wave, round_)


@task(name="draw", persist_result=False)
@guarded
def draw_task(wave: str, round_: str, roots: int | None, replies: int | None) -> dict[str, int]:
    """Draw units of each kind from the frame as it stands now."""
    workspace = open_workspace()
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
            store.set_current_round(warehouse, wave, round_, codebook.version)
            if held := store.count_units(warehouse, wave, round_, kind):
                drawn[f"{kind}s"] = held
                continue
            frame = store.sampling_frame(
                warehouse,
                kind,
                now=workspace.now(),
                minimum_age_days=policy.minimum_age_days,
            )
        one = sampling.SamplingPlan(
            n=wanted[kind],
            seed=plan.seed,
            per_author=plan.per_author,
            minimum_probability=plan.minimum_probability,
            wave=wave,
            round=round_,
            unit_kind=kind,
        )
        units = sampling.draw(frame, one, now=workspace.now())
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            store.save_units(warehouse, units, plan=one, frame=frame)
        drawn[f"{kind}s"] = units.height
    return drawn


@task(name="push", persist_result=False)
@guarded
def push_task(wave: str, round_: str) -> dict[str, int]:
    """Send each coder the units assigned to them; what is there stays."""
    workspace = open_workspace()
    codebook = load_codebook(workspace.codebook)
    coding = workspace.study.coding
    pushed: dict[str, int] = {}
    with connected(workspace) as client:
        for kind in KINDS:
            with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
                tasks = {t.unit_key: t for t in store.coding_tasks(warehouse, wave, round_, kind)}
            plan = assign(
                list(tasks),
                coding.coders,
                round_=round_,
                double_share=coding.double_share,
                seed=workspace.study.sampling.seed,
            )
            for coder, units in plan.items():
                key = label_studio.ProjectKey(codebook.version, round_, kind, coder)
                project = label_studio.ensure_project(client, key, codebook)
                done = label_studio.push(client, project, [tasks[unit] for unit in units])
                pushed[f"{kind}s for {coder}"] = done.new
    return pushed
