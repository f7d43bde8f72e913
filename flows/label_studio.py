"""The study's Label Studio: embedded and started on need, or the lab's own.

Tokens and passwords lie in `var/label-studio` (0600) or in the environment, never in a
flow's parameters.
"""

import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from annotation import (
    label_studio,
    label_studio_accounts,
    label_studio_home,
    label_studio_server,
)
from annotation.label_studio_server import Login
from flows.workspace import Workspace, open_workspace
from schema.errors import BadInput, CredentialMissing

TOKEN_VARIABLE = "CONFIDE_LABEL_STUDIO_TOKEN"
PROGRAM_VARIABLE = "CONFIDE_LABEL_STUDIO"
DEFAULT_PORT = 8080


def connect(workspace: Workspace) -> label_studio.Client:
    """Connect to the study's Label Studio, starting an embedded one if need be.

    A server that was started stays up: coders work in it.

    Raises:
        LabelStudioError: not reachable, or its telemetry is on.
        CredentialMissing: a server of the lab's own, and no token.
    """
    settings = workspace.study.label_studio
    if settings.embedded:
        handle = embedded(workspace)
        return label_studio.connect(handle.url, handle.token)
    token = os.environ.get(TOKEN_VARIABLE)
    if not token:
        raise CredentialMissing(
            f"{TOKEN_VARIABLE} is not set: export the access token of an account on {settings.url}"
        )
    label_studio.refuse_telemetry(settings.url, token=token)
    return label_studio.connect(settings.url, token)


def embedded(workspace: Workspace) -> label_studio_server.ServerHandle:
    """Start the study's own server, or find it running."""
    port = urlsplit(workspace.study.label_studio.url).port or DEFAULT_PORT
    return label_studio_server.start(program(), data_directory(workspace), port=port)


def give_accounts(workspace: Workspace, client: label_studio.Client) -> dict[str, Login]:
    """Make sure that coders and adjudicators can sign in; their passwords lie in a 0600 file.

    Only on an embedded server: on the lab's own, people have accounts already.
    """
    if not workspace.study.label_studio.embedded:
        return {}
    handle = embedded(workspace)
    return label_studio.ensure_coders(
        client,
        (*workspace.study.coding.coders, *workspace.study.coding.adjudicators),
        logins_file(workspace),
        reset=lambda login: label_studio_server.set_account(handle, login),
    )


def hand_out_logins(workspace: Workspace) -> dict[str, Login]:
    """Return the logins whose passwords were not shown yet, once."""
    coding = workspace.study.coding
    people = (*coding.coders, *coding.adjudicators)
    return label_studio_accounts.hand_out(logins_file(workspace), people)


def waiting_logins(workspace: Workspace) -> list[str]:
    """Name the coders and adjudicators whose passwords wait to be shown."""
    logins = label_studio_accounts.read_logins(logins_file(workspace))
    coding = workspace.study.coding
    people = (*coding.coders, *coding.adjudicators)
    return [one for one in people if one in logins and not logins[one].is_shown]


def purge(workspace: Workspace) -> None:
    """Let the bytes of deleted tasks go from an embedded server's files, exports too."""
    if workspace.study.label_studio.embedded:
        label_studio_home.purge_files(program(), data_directory(workspace))


def logins_file(workspace: Workspace) -> Path:
    """Tell where the coders' logins are kept."""
    return workspace.state / "coders.json"


def start(study: Path) -> str:
    """Start the embedded server and say where it is."""
    workspace = open_workspace(study)
    if not workspace.study.label_studio.embedded:
        raise BadInput("label_studio.embedded is false: the study's server is the lab's to start")
    handle = embedded(workspace)
    return (
        f"Label Studio: {handle.url}\n"
        f"  administrator: {handle.login.username}, password {handle.login.password}\n"
        f"  coders' logins: {logins_file(workspace)}"
    )


def stop(study: Path) -> str:
    """Stop the embedded server, if it runs."""
    workspace = open_workspace(study)
    stopped = label_studio_server.stop(data_directory(workspace))
    return "Label Studio stopped" if stopped else "Label Studio was not running"


def data_directory(workspace: Workspace) -> Path:
    """Tell where the embedded server keeps its data."""
    return workspace.state / "label-studio"


def program() -> Path:
    """Find the server's program, in its own virtual environment.

    Raises:
        BadInput: it is not installed.
    """
    beside = Path(sys.prefix).parent / ".venv-label-studio" / "bin" / "label-studio"
    found = Path(os.environ.get(PROGRAM_VARIABLE, beside))
    if not found.is_file():
        raise BadInput(
            "Label Studio is not installed beside Confide: run `make .venv-label-studio/.ok`, "
            f"or let {PROGRAM_VARIABLE} name its program"
        )
    return found
