"""Projects: one per wave, round, kind of unit, coder and codebook version.

Label Studio's community edition has no assignment and no blinding, and lets a form be changed
under codings already made. So each coder has a project of their own, and a form is never
edited: a new codebook version is a new project.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html import escape
from typing import Any, Final
from xml.etree import ElementTree as ET

from annotation.form import KEYS_HELP, label_config, shown_name
from annotation.label_studio_client import Client, asking
from schema.codebook import Codebook
from schema.errors import BadInput, LabelStudioError
from schema.vocabulary import UNIT_KINDS, UnitKind

CRISIS_CODE: Final = "crisis_flag"
TITLE_LIMIT = 50  # Label Studio's own
_TITLE = re.compile(
    r"(?P<wave>\S+) (?P<round>\S+) (?P<unit_kind>\S+) (?P<coder>\S+) codebook (?P<version>\S+)"
)
_INSTRUCTION = """\
<p><b>Before you begin.</b> These posts were written by people about their own struggles. They \
may speak of illness, violence, loss or self-harm. Each task opens with a note on its content. \
You may skip any unit without a reason, and stop whenever you wish.</p>
<p>Names are masked: never search for an author or a quotation. If somebody may be in danger, \
tick “{crisis}” and submit: the unit closes and the lead is told.</p>
<p>{keys}</p>
"""


@dataclass(frozen=True, slots=True)
class ProjectKey:
    """What a project is for; its title says all five."""

    wave: str
    codebook_version: str
    round: str
    unit_kind: UnitKind
    coder: str

    @property
    def title(self) -> str:
        """The project's name in Label Studio, by which it is found again.

        Raises:
            BadInput: it is too long for Label Studio, or a part of it holds a space.
        """
        title = (
            f"{self.wave} {self.round} {self.unit_kind} {self.coder} "
            f"codebook {self.codebook_version}"
        )
        if len(title) > TITLE_LIMIT or _TITLE.fullmatch(title) is None:
            raise BadInput(
                f"wave {self.wave}, round {self.round}: with coder and codebook version they "
                f"name a project in at most {TITLE_LIMIT} characters and hold no space: "
                "shorten them"
            )
        return title


@dataclass(frozen=True, slots=True)
class Project:
    """A project on the server."""

    id: int
    key: ProjectKey


def ensure_project(client: Client, key: ProjectKey, codebook: Codebook) -> Project:
    """Find the project of `key`, or make it; a second call makes nothing.

    Raises:
        LabelStudioError: it is there twice, or with another form than the codebook's.
        BadInput: wave or round are too long to name a project.
    """
    return ensure_form(client, key, label_config(codebook, key.unit_kind), _instruction(codebook))


def ensure_form(client: Client, key: ProjectKey, config: str, instruction: str) -> Project:
    """Find the project of `key` with this form, or make it; a second call makes nothing.

    Raises:
        LabelStudioError: it is there twice, or with another form.
    """
    found = _with_title(client, key.title)
    if found is not None:
        if _canonical(found.label_config) != _canonical(config):
            raise LabelStudioError(
                f"project “{key.title}” has another form than codebook "
                f"{key.codebook_version} gives: raise the codebook's version, or, if nothing "
                "was coded yet, delete the project"
            )
        return Project(found.id, key)
    with asking("to make a project"):
        made: Any = client.sdk.projects.create(
            title=key.title,
            description="Made by Confide. Do not edit its form: codings depend on it.",
            label_config=config,
            expert_instruction=instruction,
            show_instruction=True,
            enable_empty_annotation=True,  # nothing ticked means every code is 0
            maximum_annotations=1,
            skip_queue="IGNORE_SKIPPED",  # a skipped unit does not come back
            sampling="Sequential sampling",
            show_collab_predictions=False,
        )
    return Project(made.id, key)


def find_project(client: Client, key: ProjectKey) -> Project | None:
    """Find the project of `key`; None where it was not made yet.

    Raises:
        LabelStudioError: it is there twice.
    """
    found = _with_title(client, key.title)
    return None if found is None else Project(found.id, key)


def projects(client: Client) -> list[Project]:
    """List every project of ours on the server, told by its title."""
    with asking("for its projects"):
        pages: Iterable[Any] = client.sdk.projects.list(include="id,title")
        listed = [(project.id, project.title or "") for project in pages]
    keys = ((number, project_key(title)) for number, title in listed)
    return [Project(number, key) for number, key in keys if key is not None]


def project_key(title: str) -> ProjectKey | None:
    """Read a project's title; None where it is not one of ours."""
    match = _TITLE.fullmatch(title)
    kinds = {kind: kind for kind in UNIT_KINDS}
    if match is None or match["unit_kind"] not in UNIT_KINDS:
        return None
    return ProjectKey(
        match["wave"], match["version"], match["round"], kinds[match["unit_kind"]], match["coder"]
    )


def _instruction(codebook: Codebook) -> str:
    crisis = shown_name(codebook.code(CRISIS_CODE))
    return _INSTRUCTION.format(crisis=escape(crisis), keys=escape(KEYS_HELP))


def _with_title(client: Client, title: str) -> Any:
    with asking("for its projects"):
        listed: Iterable[Any] = client.sdk.projects.list(
            title=title, include="id,title,label_config"
        )
        found = [project for project in listed if project.title == title]
    if len(found) > 1:
        raise LabelStudioError(
            f"Label Studio has {len(found)} projects called “{title}”: delete the one without "
            "codings"
        )
    return found[0] if found else None


def _canonical(config: str | None) -> str:
    return ET.canonicalize(config or "<View/>", strip_text=True)
