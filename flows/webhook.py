"""Where a study's alerts go: an address in a private file of its own, since it lets anyone post."""

from pathlib import Path

import httpx

from flows.workspace import Workspace, read_private_file
from schema.errors import BadInput


def read_address(workspace: Workspace) -> str | None:
    """Read where alerts go; None where the study names no file.

    Raises:
        BadInput: the file is missing, readable by others, inside the study, or holds no address.
    """
    name = workspace.study.alerts.webhook_file
    if name is None:
        return None
    what = "alerts.webhook_file"
    text = read_private_file(Path(name), what=what, study_directory=workspace.directory)
    address = text.strip()
    if not _is_address(address):
        raise BadInput(f"{what} holds no address: write one, https://…, on a line of its own")
    return address


def _is_address(text: str) -> bool:
    """Tell whether a request can be sent there: its host is named, its port a number of one."""
    if not text.startswith(("https://", "http://")) or any(c.isspace() for c in text):
        return False
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        return False
    return bool(url.host) and (url.port is None or 0 < url.port < 65536)
