"""A coding round, step by step: draw, push, pull; agreement has a page of its own.

Frames of masked text travel inside a task only; between tasks go names of rounds and counts.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from prefect import flow, task

from annotation import label_studio, quiz
from annotation.assignment import FULL_OVERLAP_ROUNDS
from annotation.codebook import load_codebook
from annotation.content_notes import with_notes
from annotation.safety_log import CrisisFlag, expire_flags, record_flags
from flows.after_removals import close_removed
from flows.agreeing import agree_task
from flows.alerts import HOOKS
from flows.drawing import KINDS, Round
from flows.drawn import check_drawn
from flows.environment import DRAWN_FILE
from flows.guard import guarded
from flows.label_studio import connect, give_accounts, purge
from flows.recoding import carry, close_earlier, codebooks
from flows.releasing import ORDER, Release
from flows.removing import resume
from flows.rule_table import refuse_if_blocked
from flows.workspace import Workspace, open_workspace
from schema.codebook import Codebook
from schema.errors import BadInput
from schema.vocabulary import UnitKind
from warehouse import repeats, store

REPEATED_AFTER, REPEATED_SHARE = timedelta(days=14), 0.05
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,19}")


@flow(name="round", log_prints=False, persist_result=False, **HOOKS)
@guarded
def run_round(wave: str, round_: str) -> dict[str, Any]:
    """Run what is due of a round: draw once, pull, release what is due, measure agreement."""
    drawn = draw_task(wave, round_, None, None)
    pulled = pull_task(wave, round_)
    pushed = push_task(wave, round_)
    measured = agree_task(wave, round_)
    return {**drawn, **pushed, **pulled, **measured}


@flow(name="draw", log_prints=False, persist_result=False)
@guarded
def draw_units(
    wave: str,
    round_: str,
    roots: int | None = None,
    replies: int | None = None,
    timelines: int | None = None,
    community_weeks: int | None = None,
) -> dict[str, int]:
    """Draw a round's units; a round that was drawn stays as it is."""
    return draw_task(wave, round_, roots, replies, timelines, community_weeks)


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


def _check_names(wave: str, round_: str) -> None:
    if not (_NAME.fullmatch(wave) and _NAME.fullmatch(round_)):
        raise BadInput(
            "a wave and a round are named by up to 20 letters, digits and dashes: name them so"
        )
    if round_ == quiz.ROUND or round_.endswith(repeats.SUFFIX):
        raise BadInput(
            f"round {round_} has a name that Confide keeps for the quiz and for blind repeats: "
            f"choose another than {quiz.ROUND}, without {repeats.SUFFIX} at its end"
        )


@task(name="draw", persist_result=False)
@guarded
def draw_task(
    wave: str,
    round_: str,
    roots: int | None,
    replies: int | None,
    timelines: int | None = None,
    community_weeks: int | None = None,
) -> dict[str, int]:
    """Draw units of each kind from the frame as it stands now.

    Analysts read the round that was drawn last; a draw that is refused leaves theirs as it was.
    """
    _check_names(wave, round_)
    workspace = open_workspace()
    resume(workspace)
    refuse_if_blocked(workspace, "draw")
    plan = workspace.study.sampling
    codebook = load_codebook(workspace.codebook)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        store.save_codebook(warehouse, codebook)
    wanted: dict[UnitKind, int] = {
        "root": plan.roots if roots is None else roots,
        "reply": plan.replies if replies is None else replies,
        "timeline": plan.timelines if timelines is None else timelines,
        "community": plan.community_weeks if community_weeks is None else community_weeks,
    }
    drawn = Round(workspace, wave, round_, wanted).draw()
    workspace.state.mkdir(exist_ok=True, mode=0o700)
    (workspace.state / DRAWN_FILE).touch(mode=0o600)
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
    carried = carry(workspace, codebook, wave, round_)
    client = connect(workspace)
    give_accounts(workspace, client)
    close_removed(workspace, client)
    if carried:
        close_earlier(client, codebook, wave, round_)
    taken_count = _taken_count(workspace)
    repeats = push_repeats(workspace, codebook, client, wave, round_)
    told = releasing(workspace, codebook, wave, round_).push(client)
    pushed = {**told, "tasks": told["tasks"] + repeats, **carried}
    if _taken_count(workspace) != taken_count:  # what went meanwhile may have been sent after it
        close_removed(workspace, client)
    return pushed


def releasing(workspace: Workspace, codebook: Codebook, wave: str, round_: str) -> Release:
    """Read what a round shows, as far as it is ready, each unit with its content note."""
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        built = {
            kind: store.coding_tasks(warehouse, wave, round_, kind, gates=gates(codebook, kind))
            for kind in KINDS
        }
    noted = {
        kind: with_notes([task for task in tasks if task.is_ready]) for kind, tasks in built.items()
    }
    return Release(workspace, codebook, wave, round_, noted)


def push_repeats(
    workspace: Workspace,
    codebook: Codebook,
    client: label_studio.Client,
    wave: str,
    round_: str,
) -> int:
    """In production, let a share of what each coder coded two weeks ago come back, unannounced."""
    if round_ in FULL_OVERLAP_ROUNDS:
        return 0
    before = label_studio.server_time(client) - REPEATED_AFTER
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        due = store.save_repeats(
            warehouse,
            wave,
            round_,
            codebook.version,
            before=before,
            share=REPEATED_SHARE,
            seed=workspace.study.sampling.seed,
        )
    if not due:
        return 0
    repeat = releasing(workspace, codebook, wave, round_ + store.REPEAT)
    return replace(repeat, repeats=due).push(client)["tasks"]


def _taken_count(workspace: Workspace) -> int:
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        return store.read_due(warehouse).taken_count


def projects(
    workspace: Workspace, codebook: Codebook, wave: str, round_: str
) -> list[label_studio.ProjectKey]:
    """Name a round's projects: one per codebook version, round, unit kind and coder.

    Those of coders who left are among them: what they coded counts. So are those of the round's
    blind repeats, which stand as a round of their own, and those of earlier versions.
    """
    versions = codebooks(workspace, codebook, wave, round_)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        released = [
            one
            for version in versions
            for one in store.read_assignments(warehouse, wave, round_, version)
        ]
        drawn = {one for of, one, _kind in store.drawn_rounds(warehouse) if of == wave}
    rounds = [one for one in (round_, round_ + store.REPEAT) if one == round_ or one in drawn]
    coders = dict.fromkeys([*workspace.study.coding.coders, *(one.coder for one in released)])
    return [
        label_studio.ProjectKey(wave, version, one, kind, coder)
        for version in versions
        for one in rounds
        for kind in ORDER
        for coder in coders
    ]


def gates(codebook: Codebook, unit_kind: UnitKind) -> list[tuple[str, int]]:
    """List the values of another unit that open the codes of a kind: any of them suffices."""
    codes = codebook.codes_for(unit_kind)
    return [
        (term.code_id, term.minimum)
        for code in codes
        if not codebook.gate_within(code.id, unit_kind)
        for term in code.gate_terms
    ]


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
    told["not_codable"] = 0
    versions = codebooks(workspace, codebook, wave, round_)
    for project in projects(workspace, codebook, wave, round_):
        stream = f"label-studio/{project.title}"
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            mark = store.read_position(warehouse, stream)
            known = store.known_annotations(
                warehouse,
                wave,
                project.round,
                project.unit_kind,
                project.coder,
                project.codebook_version,
            )
        found = label_studio.find_project(client, project)
        if found is None:
            continue
        used = versions[project.codebook_version]
        pulled = label_studio.pull(client, found, used, since=mark, known=known)
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
            store.save_not_codable(warehouse, pulled.not_codable)
        told["not_codable"] += len(pulled.not_codable)
        told["retracted"] += len(pulled.retracted)
        told["problems"] += sum(pulled.problems.values())
        told["skipped"] += pulled.skipped_count
        told["crisis_flags"] += len(pulled.flags)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        told["masked"] = store.mask_details(warehouse)
    if told["masked"]:  # no task shows what was masked, nor the annotation that marked it
        close_removed(workspace, client)
    return told
