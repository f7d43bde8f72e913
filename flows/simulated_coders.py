"""The demo's coders: answers drawn around the planted truth, given through the real API.

They are marked as simulated in their pseudonyms. A real study never runs this.
"""

from typing import Any

from annotation import label_studio
from annotation.codebook import load_codebook
from annotation.marks import Span
from annotation.results import build_result
from demo.coders import Answer, simulated_answer, simulated_card_answer
from demo.model import Community
from flows.adjudicating import adjudication_projects
from flows.coding_round import projects
from flows.label_studio import connect
from flows.workspace import Workspace
from schema.codebook import Codebook
from schema.vocabulary import PLATFORMS
from transforms.pseudonymize import post_keys


def code_round(workspace: Workspace, community: Community, wave: str, round_: str) -> int:
    """Answer every task that its coder has not answered; return how many were."""
    codebook = load_codebook(workspace.codebook)
    client = connect(workspace)
    natives = _natives(workspace, community)
    answered = 0
    for project in projects(workspace, codebook, wave, round_):
        found = label_studio.find_project(client, project)
        if found is None or project.codebook_version != codebook.version:
            continue
        for task in label_studio.open_tasks(client, found):
            if project.unit_kind in ("root", "reply"):
                answer = simulated_answer(
                    community, natives[task.unit_key], coder=project.coder, text=task.text
                )
            else:
                asked = [c.id for c in codebook.codes_for(project.unit_kind) if c.layer != "safety"]
                answer = simulated_card_answer(task.unit_key, asked, coder=project.coder)
            label_studio.submit(client, task, _result(codebook, project, answer, task.text))
            answered += 1
    return answered


def rule_disputes(workspace: Workspace, community: Community, wave: str, round_: str) -> int:
    """Settle every open dispute by the planted truth, of cards by the lowest reading.

    Each cites the code's first decision rule, but one in ten finds none that decides. Returns how
    many rulings were given.
    """
    codebook = load_codebook(workspace.codebook)
    client = connect(workspace)
    natives = _natives(workspace, community)
    ruled = 0
    for key in adjudication_projects(workspace, codebook, wave, round_):
        found = label_studio.find_project(client, key)
        if found is None:
            continue
        for task, code_id, readings in label_studio.open_disputes(client, found):
            is_post = key.unit_kind in ("root", "reply")
            values = community.by_id[natives[task.unit_key]].values if is_post else {}
            truth = values.get(code_id, 0) if is_post else min(readings)
            rule = None if task.unit_key % 10 == 0 else 1
            label_studio.submit(client, task, label_studio.ruling_result(truth, rule))
            ruled += 1
    return ruled


def _result(
    codebook: Codebook, project: label_studio.ProjectKey, answer: Answer, text: str
) -> list[dict[str, Any]]:
    given = {code: sure for code, sure in answer.certainties.items() if code in answer.values}
    spans = [Span(span.code_id, span.start, span.end) for span in answer.spans]
    return build_result(codebook, project.unit_kind, answer.values, given, spans, text)


def _natives(workspace: Workspace, community: Community) -> dict[int, str]:
    """Map post keys back to the invented posts: only the one who invented them can."""
    found: dict[int, str] = {}
    for platform in PLATFORMS:
        natives = [p.native_id for p in community.posts if p.platform == platform]
        key = workspace.key.pseudonym_key(platform)
        found |= dict(zip(post_keys(platform, natives, key=key), natives, strict=True))
    return found
