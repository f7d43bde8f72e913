"""`confide coders`: accounts on the study's Label Studio, and how each coder gets on."""

from typing import Any

from annotation.assignment import assign
from flows.label_studio import connect, embedded, give_accounts, known_logins
from flows.workspace import Workspace
from schema.errors import BadInput
from warehouse import store


def make_accounts(workspace: Workspace) -> list[dict[str, str]]:
    """Make the accounts that are missing; return these, with passwords that are shown once.

    Raises:
        BadInput: the server is the lab's own, where people have accounts already.
    """
    if not workspace.study.label_studio.embedded:
        raise BadInput("label_studio.embedded is false: accounts are the lab's to make")
    embedded(workspace)
    known = known_logins(workspace)
    logins = give_accounts(workspace, connect(workspace))
    return [
        {"coder": coder, "address": login.username, "password": login.password}
        for coder, login in logins.items()
        if coder not in known
    ]


def said(made: list[dict[str, str]]) -> str:
    """Say the new logins; where there are none, say so."""
    if not made:
        return "every coder has an account; passwords were shown when they were made"
    lines = [f"{one['coder']}: {one['address']}, password {one['password']}" for one in made]
    return "\n".join([*lines, "These passwords are shown this once: hand each to its coder now."])


def progress(workspace: Workspace, warehouse: store.Warehouse) -> list[dict[str, Any]]:
    """Return each coder's progress in the current round, beside what is assigned to them."""
    rows = store.read_progress_of_coders(warehouse).to_dicts()
    assigned = _assigned(workspace, warehouse)
    coded = {row["coder"]: row for row in rows}
    empty = {"units": 0, "last_week": 0, "drifting_codes": 0}
    return [
        {"coder": coder, "assigned": assigned.get(coder, 0)}
        | {name: value for name, value in coded.get(coder, empty).items() if name != "coder"}
        for coder in workspace.study.coding.coders
        if assigned or rows
    ]


def _assigned(workspace: Workspace, warehouse: store.Warehouse) -> dict[str, int]:
    chosen = store.last_drawn_round(warehouse)
    if chosen is None:
        return {}
    counts = dict.fromkeys(workspace.study.coding.coders, 0)
    for wave, round_, kind in store.drawn_rounds(warehouse):
        if (wave, round_) != chosen:
            continue
        plan = assign(
            sorted(store.unit_keys(warehouse, wave, round_, kind)),
            workspace.study.coding.coders,
            round_=round_,
            double_share=workspace.study.coding.double_share,
            seed=workspace.study.sampling.seed,
        )
        for coder, units in plan.items():
            counts[coder] += len(units)
    return counts
