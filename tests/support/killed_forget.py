"""`confide forget`'s removal in a process that is killed (SIGKILL) at a step of it.

`python -m tests.support.killed_forget STEP STUDY`, with the lines on standard input.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from connectors.vault import Vault
from flows import publish, removing
from flows.forget import take_out
from flows.workspace import open_workspace
from warehouse import store

STEPS = ("vault", "warehouse", "publish")


def die(*_arguments: Any, **_named: Any) -> NoReturn:
    """Kill this process."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("a killed process goes on")


def main(step: str, study: Path) -> None:
    """Forget, and die behind the vault's note, behind the rows, or before the published file."""
    workspace = open_workspace(study)
    if step == "vault":
        removing._complete = die  # type: ignore[assignment]
    if step == "warehouse":
        kept = Vault.forget

        def forget(vault: Vault, post_keys: Any, *, done: Any = ()) -> None:
            die() if done else kept(vault, post_keys)

        Vault.forget = forget  # type: ignore[method-assign]
    if step == "publish":
        store.withdraw = die  # type: ignore[assignment]
    take_out(workspace, sys.stdin.read().split("\n"))
    store.compact(workspace.warehouse, now=workspace.now())
    publish.renew(workspace)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
