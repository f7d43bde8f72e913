"""The demo's coders: answers drawn around the planted truth, given through the real API.

They are marked as simulated in their pseudonyms. A real study never runs this.
"""

from annotation import label_studio
from annotation.codebook import load_codebook
from annotation.results import Span, build_result
from demo.coders import simulated_answer
from demo.model import Community
from flows.adjudicating import adjudication_projects
from flows.coding_round import projects
from flows.label_studio import connect
from flows.workspace import Workspace
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
        if found is None:
            continue
        for task in label_studio.open_tasks(client, found):
            text = task.text
            answer = simulated_answer(
                community, natives[task.unit_key], coder=project.coder, text=text
            )
            result = build_result(
                codebook,
                project.unit_kind,
                answer.values,
                answer.certainties,
                [Span(span.code_id, span.start, span.end) for span in answer.spans],
                text,
            )
            label_studio.submit(client, task, result)
            answered += 1
    return answered


def rule_disputes(workspace: Workspace, community: Community, wave: str, round_: str) -> int:
    """Settle every open dispute by the planted truth; return how many.

    Each cites the code's first decision rule, but one in ten finds none that decides.
    """
    codebook = load_codebook(workspace.codebook)
    client = connect(workspace)
    natives = _natives(workspace, community)
    ruled = 0
    for key in adjudication_projects(workspace, codebook, wave, round_):
        found = label_studio.find_project(client, key)
        if found is None:
            continue
        for task, code_id in label_studio.open_disputes(client, found):
            truth = community.by_id[natives[task.unit_key]].values.get(code_id, 0)
            rule = None if task.unit_key % 10 == 0 else 1
            label_studio.submit(client, task, label_studio.ruling_result(truth, rule))
            ruled += 1
    return ruled


def _natives(workspace: Workspace, community: Community) -> dict[int, str]:
    """Map post keys back to the invented posts: only the one who invented them can."""
    found: dict[int, str] = {}
    for platform in PLATFORMS:
        natives = [p.native_id for p in community.posts if p.platform == platform]
        key = workspace.key.pseudonym_key(platform)
        found |= dict(zip(post_keys(platform, natives, key=key), natives, strict=True))
    return found
