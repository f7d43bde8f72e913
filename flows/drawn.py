"""Whether a round was drawn: a slip of the pen must not look like an empty round."""

from flows.environment import DRAWN_FILE
from flows.workspace import Workspace
from schema.errors import BadInput
from warehouse import store


def check_drawn(workspace: Workspace, wave: str, round_: str) -> None:
    """Refuse a round that nobody drew.

    Raises:
        BadInput: it was never drawn.
    """
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        drawn = sorted({(one_wave, one) for one_wave, one, _kind in store.drawn_rounds(warehouse)})
    if (wave, round_) not in drawn:
        known = ", ".join(f"{one_wave} {one}" for one_wave, one in drawn) or "none yet"
        raise BadInput(f"this wave and round were never drawn (drawn: {known}): run draw first")


def mark_drawn(workspace: Workspace) -> None:
    """Let `confide up` follow the coding round from now on."""
    workspace.state.mkdir(exist_ok=True, mode=0o700)
    (workspace.state / DRAWN_FILE).touch(mode=0o600)
