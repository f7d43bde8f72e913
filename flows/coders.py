"""`confide coders`: accounts on the study's Label Studio, and how each coder gets on."""

from pathlib import Path
from typing import Any

from annotation.codebook import load_codebook
from flows.label_studio import (
    connect,
    embedded,
    give_accounts,
    hand_out_logins,
    waiting_logins,
)
from flows.releasing import able_coders
from flows.words import pairs
from flows.workspace import Workspace, open_workspace
from schema.errors import BadInput
from warehouse import store


def make_accounts(workspace: Workspace) -> list[dict[str, str]]:
    """Make the accounts that are missing; return all whose passwords were not shown yet.

    A push may have made them before.

    Raises:
        BadInput: the server is the lab's own, where people have accounts already.
    """
    if not workspace.study.label_studio.embedded:
        raise BadInput("label_studio.embedded is false: accounts are the lab's to make")
    embedded(workspace)
    give_accounts(workspace, connect(workspace))
    return [
        {"coder": coder, "address": login.username, "password": login.password}
        for coder, login in hand_out_logins(workspace).items()
    ]


def said(made: list[dict[str, str]]) -> str:
    """Say the new logins; where there are none, say so."""
    if not made:
        return "every coder has an account; passwords were shown when they were made"
    lines = [f"{one['coder']}: {one['address']}, password {one['password']}" for one in made]
    return "\n".join([*lines, "These passwords are shown this once: hand each to its coder now."])


def progress(workspace: Workspace, warehouse: store.Warehouse) -> list[dict[str, Any]]:
    """Return each coder's progress in the round that analysts read: what was handed out, coded."""
    rows = {row["coder"]: row for row in store.read_progress_of_coders(warehouse).to_dicts()}
    idle = {"released": 0, "coded": 0}
    coders = dict.fromkeys([*workspace.study.coding.coders, *rows])
    return [{"coder": coder, **rows.get(coder, idle)} for coder in coders] if rows else []


def pushed_text(study: Path, done: dict[str, int]) -> str:
    """Say what a push did, and who gets nothing before the quiz is passed."""
    workspace = open_workspace(study)
    told = f"pushed: {pairs(done)}"
    if workspace.study.coding.paced and (unseen := waiting_logins(workspace)):
        told += f"\npasswords of {', '.join(unseen)} wait: `confide coders` shows them, once"
    if not done.get("waiting_quiz"):
        return told
    codebook = load_codebook(workspace.codebook)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        able = able_coders(workspace, warehouse, codebook)
    waiting = [coder for coder in workspace.study.coding.coders if coder not in able]
    major = codebook.version.partition(".")[0]
    return (
        f"{told}\n{', '.join(waiting)}: no unit before the quiz of codebook {major} is passed. "
        "Send it with `confide push --quiz`; once it is answered, `confide pull --quiz` scores it"
    )
