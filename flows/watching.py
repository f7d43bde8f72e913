"""Watching a round while people code it: `confide round --follow`, and part of `confide up`.

Every 20 seconds what coders submitted is pulled, so that a crisis flag closes its unit at once and
an answered batch is followed by the next. A flow without tasks, like a stream (ADR 11). A
server that does not answer, or a warehouse that is busy, is tried again at the next turn.
"""

from threading import Event
from typing import Final

from prefect import flow
from prefect.settings import get_current_settings

from flows.alerts import HOOKS
from flows.coding_round import pull_task, push_task
from flows.crashes import in_its_place
from flows.ending import stopping_on_signals
from flows.guard import guarded
from flows.progress import said
from flows.workspace import Workspace, open_workspace
from schema.errors import BadInput, CorpusError
from warehouse import store

EVERY_SECONDS: Final = 20.0
PUSH_EVERY: Final = 9  # turns, where nothing was pulled: a break is over, a day began
SEEN: Final = ("codings", "retracted", "skipped", "not_codable", "crisis_flags")


def run_watch(*, every_seconds: float = EVERY_SECONDS) -> dict[str, int]:
    """Run the flow, under the Prefect server that is configured or under none."""
    has_server = get_current_settings().api.url is not None
    if not has_server:
        return watch.fn(every_seconds)
    with in_its_place():
        return watch(every_seconds)


@flow(name="watch-round", log_prints=False, persist_result=False, **HOOKS)
@guarded
def watch(every_seconds: float = EVERY_SECONDS) -> dict[str, int]:
    """Pull and release every few seconds until SIGTERM or Ctrl-C; return the counts."""
    stop = Event()
    told = nothing_told()
    with stopping_on_signals(stop):
        while True:
            try:
                take_turn(open_workspace(), told)
            except BadInput:
                raise
            except CorpusError as error:
                told["failed"] += 1
                said(str(error))
            told["turns"] += 1
            if stop.wait(every_seconds):
                return told


def nothing_told() -> dict[str, int]:
    """Return the counts before the first look."""
    return {"turns": 0, "failed": 0, "tasks": 0, **dict.fromkeys(SEEN, 0)}


def take_turn(workspace: Workspace, told: dict[str, int]) -> None:
    """Pull the round that was drawn last; release where something came, or now and then."""
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        place = store.last_drawn_round(warehouse)
    if place is None:
        return
    pulled = pull_task.fn(*place)
    for name in SEEN:
        told[name] += pulled[name]
    if any(pulled[name] for name in SEEN) or told["turns"] % PUSH_EVERY == 0:
        told["tasks"] += push_task.fn(*place)["tasks"]
