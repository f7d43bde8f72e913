"""Clients of Bluesky's servers, each within the budget that all studies on this machine share."""

import os
from hashlib import sha256

from connectors import bluesky
from flows.workspace import BLUESKY_VARIABLES, Workspace
from schema.errors import BadInput, CredentialMissing
from schema.study import is_loopback


def public(workspace: Workspace) -> bluesky.Client:
    """Open a client of the public AppView, signed out."""
    url = workspace.study.platforms.bluesky.appview
    return bluesky.connect(url, workspace.bluesky_budget(url))


def signed_in(workspace: Workspace) -> bluesky.Client | None:
    """Open a client of the account that the environment names; None where it names none.

    Raises:
        CredentialMissing: one of the two variables is not set, or the account is not accepted.
        BadInput: the study is on this machine and its account would be asked for elsewhere.
        SourceUnavailable: the account's server cannot be asked now.
    """
    handle, password = (os.environ.get(name) for name in BLUESKY_VARIABLES)
    if not handle and not password:
        return None
    if not handle or not password:
        missing = BLUESKY_VARIABLES[0 if password else 1]
        raise CredentialMissing(f"{missing} is not set: export both or neither")
    pds = workspace.study.platforms.bluesky.pds
    refuse_outside(workspace, "platforms.bluesky.pds", pds)
    name = sha256(f"{pds} {handle.lower()}".encode()).hexdigest()[:16]
    path = workspace.shared_state("bluesky") / "sessions" / f"bluesky-{name}.json"
    credentials = bluesky.BlueskyCredentials(handle, password, pds)
    return bluesky.sign_in(credentials, path, workspace.bluesky_budget(pds))


def server_of(workspace: Workspace, did: str, *, source: str) -> bluesky.Client:
    """Open a client of an account's own server.

    Raises:
        BadInput: the study is on this machine and the directory of accounts is not.
        SourceRefused: the account's document names no server that may be asked.
        SourceUnavailable: the directory cannot be asked now.
    """
    plc = workspace.study.platforms.bluesky.plc
    refuse_outside(workspace, "platforms.bluesky.plc", plc)
    is_local = workspace.study.is_invented("bluesky")
    directory = bluesky.connect(plc, workspace.bluesky_budget(plc))
    url = bluesky.find_server(directory, did, plc, source=source, is_local=is_local)
    server = bluesky.connect(url, workspace.bluesky_budget(url))
    server.request.take_over(directory.request)
    return server


def refuse_outside(workspace: Workspace, key: str, url: str) -> None:
    """Keep an invented network's study from asking the real one.

    Raises:
        BadInput: the address is not on this machine.
    """
    if workspace.study.is_invented("bluesky") and not is_loopback(url):
        raise BadInput(f"{key} is not on this machine, as the study's AppView is: set it")
