"""The study's Label Studio: embedded and started on need, or the lab's own.

Tokens and passwords lie in `var/label-studio` (0600) or in the environment, never in a
flow's parameters.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from annotation import label_studio, label_studio_server
from flows.workspace import Workspace, open_workspace
from schema.errors import BadInput, CredentialMissing

TOKEN_VARIABLE = "CONFIDE_LABEL_STUDIO_TOKEN"
PROGRAM_VARIABLE = "CONFIDE_LABEL_STUDIO"


@contextmanager
def connected(workspace: Workspace) -> Iterator[label_studio.Client]:
    """Hand out a client of the study's Label Studio, starting an embedded one if need be.

    A server that was started stays up: coders work in it.

    Raises:
        LabelStudioError: not reachable, or its telemetry is on.
        CredentialMissing: a server of the lab's own, and no token.
    """
    url, token = server(workspace)
    label_studio_server.refuse_telemetry(url)
    yield label_studio.connect(url, token)


def server(workspace: Workspace) -> tuple[str, str]:
    """Return address and token of the study's server."""
    settings = workspace.study.label_studio
    if settings.embedded:
        handle = label_studio_server.start(
            program(), data_directory(workspace), port=urlsplit(settings.url).port or 8080
        )
        return handle.url, handle.token
    if token := os.environ.get(TOKEN_VARIABLE):
        return settings.url, token
    raise CredentialMissing(
        f"{TOKEN_VARIABLE} is not set: export the access token of an account on {settings.url}"
    )


def start(study: Path) -> str:
    """Start the embedded server and say where it is."""
    workspace = open_workspace(study)
    if not workspace.study.label_studio.embedded:
        raise BadInput("label_studio.embedded is false: the study's server is the lab's to start")
    url, _token = server(workspace)
    login = label_studio_server.read_login(data_directory(workspace))
    return f"Label Studio: {url}\nadministrator: {login.username}, password {login.password}"


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
