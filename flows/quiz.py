"""The quiz as a flow: `confide push --quiz` sends it, `confide pull --quiz` scores it."""

import polars as pl
from prefect import flow, task

from annotation import label_studio, quiz
from annotation.codebook import load_codebook
from flows.guard import guarded
from flows.label_studio import connect, give_accounts
from flows.workspace import Workspace, open_workspace
from schema.codebook import Codebook
from schema.vocabulary import UNIT_KINDS
from warehouse import store


@flow(name="push-quiz", log_prints=False, persist_result=False)
@guarded
def push_quiz(wave: str) -> dict[str, int]:
    """Send every coder the examples of the codebook in force; what is there stays."""
    return push_quiz_task(wave)


@task(name="push-quiz", persist_result=False)
@guarded
def push_quiz_task(wave: str) -> dict[str, int]:
    """Send the quiz to each coder's own projects; return how many tasks were new."""
    workspace = open_workspace()
    codebook = load_codebook(workspace.codebook)
    client = connect(workspace)
    give_accounts(workspace, client)
    asked, pushed = quiz.questions(codebook), 0
    for key in _projects(workspace, codebook, wave):
        if tasks := quiz.quiz_tasks(asked, key.unit_kind):
            project = label_studio.ensure_project(client, key, codebook)
            pushed += label_studio.push(client, project, tasks).new
    return {"examples": len(asked), "tasks": pushed}


@flow(name="pull-quiz", log_prints=False, persist_result=False)
@guarded
def pull_quiz(wave: str) -> dict[str, dict[str, int | bool]]:
    """Score what every coder answered, and keep the counts."""
    return pull_quiz_task(wave)


@task(name="pull-quiz", persist_result=False)
@guarded
def pull_quiz_task(wave: str) -> dict[str, dict[str, int | bool]]:
    """Score each coder; return counts by coder. No answer is kept, only how many were right."""
    workspace = open_workspace()
    codebook = load_codebook(workspace.codebook)
    client = connect(workspace)
    asked = quiz.questions(codebook)
    scores: dict[str, dict[str, int | bool]] = {}
    for coder in workspace.study.coding.coders:
        answers: dict[int, dict[str, int]] = {}
        for key in _projects(workspace, codebook, wave):
            project = label_studio.find_project(client, key) if key.coder == coder else None
            if project is not None:
                answers |= label_studio.read_values(client, project, codebook)
        score = quiz.score(asked, answers)
        scores[coder] = {**score._asdict(), "is_passed": score.is_passed}
    rows = pl.DataFrame([{"coder": coder, **counts} for coder, counts in scores.items()])
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        store.save_qualifications(
            warehouse, rows, codebook_version=codebook.version, now=workspace.now()
        )
    return scores


def said(scores: dict[str, dict[str, int | bool]]) -> str:
    """Say each coder's score in a line."""
    return "\n".join(
        f"{coder}: {counts['right_count']} of {counts['asked_count']} right, "
        f"{counts['answered_count']} answered, {counts['crisis_missed_count']} crises missed: "
        f"{'passed' if counts['is_passed'] else 'not passed'}"
        for coder, counts in scores.items()
    )


def _projects(workspace: Workspace, codebook: Codebook, wave: str) -> list[label_studio.ProjectKey]:
    return [
        label_studio.ProjectKey(wave, codebook.version, quiz.ROUND, kind, coder)
        for kind in UNIT_KINDS
        for coder in workspace.study.coding.coders
    ]
