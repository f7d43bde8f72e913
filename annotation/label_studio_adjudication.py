"""Adjudication in Label Studio: disputes become an adjudicator's tasks, rulings come back.

The project is named like a coder's, so that what is removed or edited leaves it like any other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from annotation.adjudication_form import (
    DISPUTE,
    RULE,
    VALUE,
    adjudication_config,
    shown_anchors,
    shown_rules,
)
from annotation.disputes import Dispute
from annotation.label_studio_accounts import account_of
from annotation.label_studio_answers import OpenTask
from annotation.label_studio_client import Client, asking, chunks, tasks_where
from annotation.label_studio_projects import Project, ProjectKey, ensure_form
from annotation.label_studio_push import TASKS_PER_IMPORT, task_data
from schema.codebook import Codebook
from schema.coding import CodingTask

INSTRUCTION = (
    "<p>Each task is one code of one unit on which coders differ; who they are is not shown. Read "
    "the unit, choose the value, and cite the decision rule that it rests on. Where none decides, "
    "open a dispute and propose a rule in a paraphrase.</p>"
)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an adjudicator decided: `rule` names the neighbouring code of the rule cited.

    It is None for a dispute, which asks for a new rule and gives a value for the time being.
    """

    unit_key: int
    code_id: str
    value: int
    rule: str | None
    annotation_id: int
    revised_at: datetime


@dataclass(slots=True)
class Rulings:
    """What a project holds: rulings that stand, and the disputes that have a task at all."""

    standing: list[Ruling] = field(default_factory=list)
    held_uids: set[str] = field(default_factory=set)
    refused_count: int = 0


def ensure_adjudication(client: Client, key: ProjectKey, codebook: Codebook) -> Project:
    """Find the adjudicator's project, or make it; a second call makes nothing.

    Raises:
        LabelStudioError: it is there twice, or with another form.
    """
    return ensure_form(client, key, adjudication_config(codebook), INSTRUCTION)


def push_disputes(
    client: Client,
    project: Project,
    codebook: Codebook,
    disputes: Sequence[Dispute],
    tasks: Mapping[int, CodingTask],
) -> int:
    """Send the disputes whose unit is in `tasks` and that have no task yet; return how many.

    Raises:
        LabelStudioError: the server refuses or does not answer; run it again.
    """
    with asking("for its disputes"):
        held = tasks_where(client, project.id, [], with_annotations=False)
        present = {str(task.data.get("dispute")) for task in held}
    missing = [one for one in disputes if one.uid not in present and one.unit_key in tasks]
    for chunk in chunks(missing, TASKS_PER_IMPORT):
        requests = [
            {"data": dispute_data(one, tasks[one.unit_key], project, codebook)} for one in chunk
        ]
        with asking("to take disputes"):
            client.sdk.projects.import_tasks(
                id=project.id,
                request=requests,  # type: ignore[arg-type]  # it takes plain dictionaries
            )
    return len(missing)


def dispute_data(
    dispute: Dispute, task: CodingTask, project: Project, codebook: Codebook
) -> dict[str, Any]:
    """Return what an adjudicator's form shows of a dispute: the unit, the code, the readings."""
    code = codebook.code(dispute.code_id)
    return task_data(task, project, batch=1) | {
        "dispute": dispute.uid,
        "code": code.name,
        "definition": code.definition,
        "anchors": shown_anchors(code),
        "rules": shown_rules(code),
        "readings": "Coders read: " + " ".join(map(str, dispute.readings)),
        "why": f"Here because: {dispute.why}",
    }


def pull_rulings(client: Client, project: Project, codebook: Codebook) -> Rulings:
    """Read every ruling of a project; one that is off the code's scale or cites nothing is refused.

    Raises:
        LabelStudioError: the server refuses or does not answer.
    """
    found = Rulings()
    with asking("for rulings"):
        for task in list(tasks_where(client, project.id, [], with_annotations=True)):
            uid = str(task.data.get("dispute"))
            found.held_uids.add(uid)
            for annotation in task.annotations or ():
                if annotation.get("was_cancelled"):
                    continue
                ruling = _ruling(uid, annotation, codebook)
                found.refused_count += ruling is None
                if ruling is not None:
                    found.standing.append(ruling)
    return found


def open_disputes(client: Client, project: Project) -> list[tuple[OpenTask, str, list[int]]]:
    """List a project's disputes without a ruling, each with its code and what coders read.

    Raises:
        LabelStudioError: the server refuses or does not answer.
    """
    adjudicator = account_of(client, project.key.coder)
    with asking("which disputes are open"):
        return [
            (OpenTask(task.id, int(key, 16), task.data["text"], adjudicator), code_id, readings)
            for task in tasks_where(client, project.id, [], with_annotations=False)
            if not task.total_annotations and not task.cancelled_annotations
            for key, _, code_id in [str(task.data["dispute"]).partition("-")]
            for readings in [
                [int(one) for one in str(task.data["readings"]).split() if one.isdigit()]
            ]
        ]


def ruling_result(value: int, rule: int | None) -> list[dict[str, Any]]:
    """Return the `result` that the form would submit; a `rule` of None opens a dispute."""
    chosen = {VALUE: str(value), RULE: DISPUTE if rule is None else str(rule)}
    return [
        {
            "id": f"{control}-1",
            "from_name": control,
            "to_name": "text",
            "type": "choices",
            "value": {"choices": [choice]},
        }
        for control, choice in chosen.items()
    ]


def _ruling(uid: str, annotation: Mapping[str, Any], codebook: Codebook) -> Ruling | None:
    key, _, code_id = uid.partition("-")
    chosen = {
        str(entry.get("from_name")): str((entry.get("value") or {}).get("choices", [""])[0])
        for entry in annotation.get("result") or ()
        if isinstance(entry, Mapping) and (entry.get("value") or {}).get("choices")
    }
    if code_id not in codebook.code_ids:
        return None
    code = codebook.code(code_id)
    cited = {str(n): rule.against for n, rule in enumerate(code.decision_rules, start=1)}
    value, rule = chosen.get(VALUE, ""), chosen.get(RULE, "")
    if value not in [str(one) for one in code.scale.values] or rule not in (*cited, DISPUTE):
        return None
    stated = annotation["updated_at"]
    revised = datetime.fromisoformat(stated) if isinstance(stated, str) else stated
    return Ruling(
        unit_key=int(key, 16),
        code_id=code_id,
        value=int(value),
        rule=cited.get(rule),
        annotation_id=int(annotation["id"]),
        revised_at=revised.astimezone(UTC),
    )
