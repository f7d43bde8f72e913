"""Tells a person of trouble, once: a POST of JSON to the address in the study's webhook file.

What was told stands in `var/alerts.json` until it is over; what could not be delivered is tried
again by the next run. No alert keeps a run from ending as it would have.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any, Final

import httpx
from filelock import FileLock

from flows.journal import note
from flows.troubles import Trouble, failures, standing
from flows.webhook import read_address
from flows.workspace import Workspace, open_workspace
from schema.errors import CorpusError

FILE: Final = "alerts.json"
DELIVERY_SECONDS: Final = 10.0
LOCK_SECONDS: Final = 60.0
DIED: Final = "its process died; see var/"
RAISED: Final = re.compile(r"^Flow run encountered an exception: \w+: ")


def tell_pass(done: Sequence[str], failed: Mapping[str, str]) -> None:
    """Tell what a pass found: which of its parts failed, and what stands against the study.

    `done`: the parts that ended well; a failure of theirs is over.
    """
    workspace = open_workspace()
    if workspace.study.alerts.webhook_file is None:
        return
    stands: list[Trouble] | None = None
    with _harmless(workspace), suppress(CorpusError):
        stands = standing(workspace)  # where another flow holds the store its pass will tell
    _tell(workspace, failures(failed), stands, over=set(done))


def tell_end(flow: Any, flow_run: Any, state: Any) -> None:
    """Tell that a flow failed or its process died; a hook for Prefect's on_failure, on_crashed."""
    why = _why(state) if state.type.value == "FAILED" else DIED
    _tell(open_workspace(), failures({_name(flow, flow_run): why}), None, over=set())


def tell_dead(names: Sequence[str]) -> None:
    """Tell of runs that dead processes left, by their `named`; once a day while it goes on.

    A stream ends well only when it is told to stop, so that nothing says that it is over.
    """
    workspace = open_workspace()
    day = f"{workspace.now():%Y%m%d}"
    found = [replace(trouble, mark=day) for trouble in failures(dict.fromkeys(names, DIED))]
    _tell(workspace, found, None, over=set())


def tell_well(flow: Any, flow_run: Any, state: Any) -> None:
    """Note that a flow ended well; a hook for Prefect's on_completion."""
    _tell(open_workspace(), [], None, over={_name(flow, flow_run)})


def tell_untold(flow: Any, flow_run: Any, state: Any) -> None:
    """Tell what failed a pass outside of its parts; a hook for a pass's on_failure.

    What `tell_pass` told stands under the part's name, and the pass itself came to its end.
    """
    name, why = _name(flow, flow_run), _why(state)
    workspace, of_parts = open_workspace(), list[dict[str, Any]]()
    if workspace.study.alerts.webhook_file is None:  # then `tell_pass` told nothing either
        return
    with _harmless(workspace), _kept(workspace) as known:
        of_parts = [entry for entry in known.values() if entry["about"] != name]
    is_told = any(entry["sentence"] == f"{entry['about']}: {why}" for entry in of_parts)
    (tell_well if is_told else tell_end)(flow, flow_run, state)


HOOKS: Final[dict[str, Any]] = {
    "on_failure": [tell_end],
    "on_crashed": [tell_end],
    "on_completion": [tell_well],
}
PASS_HOOKS: Final[dict[str, Any]] = {**HOOKS, "on_failure": [tell_untold]}


def _why(state: Any) -> str:
    """Take the sentence from among Prefect's own words."""
    return RAISED.sub("", str(state.message))


def named(flow: str, parameters: Mapping[str, Any]) -> str:
    """Name a run by its flow and the sources it reads: one's crash is not another's."""
    sources = parameters.get("sources") or parameters.get("source") or []
    names = [sources] if isinstance(sources, str) else sources
    return " ".join([flow, *map(str, names)])


def _name(flow: Any, flow_run: Any) -> str:
    return named(flow.name, {} if flow_run is None else flow_run.parameters)


def _tell(
    workspace: Workspace,
    fresh: list[Trouble],
    stands: list[Trouble] | None,
    *,
    over: set[str],
) -> None:
    """Deliver what is new, and keep what is known.

    `stands` None: not to be known just now. `over`: what has failed no longer, or of another day.
    """
    with _harmless(workspace), _kept(workspace) as known:
        held = {trouble.key for trouble in (*fresh, *(stands or ()))}
        gone = over | {trouble.about for trouble in fresh}
        for key, entry in [*known.items()]:
            is_over = entry["about"] in gone if entry["kind"] == "failure" else stands is not None
            if is_over and key not in held:
                del known[key]
        for trouble in (*fresh, *(stands or ())):
            if trouble.key not in known:
                note(workspace, "trouble", kind=trouble.kind, source=trouble.about)
            entry = known.setdefault(trouble.key, {"is_told": False})
            entry |= {"kind": trouble.kind, "about": trouble.about, "sentence": trouble.sentence}
        _deliver(workspace, [entry for entry in known.values() if not entry["is_told"]])


def _deliver(workspace: Workspace, entries: list[dict[str, Any]]) -> None:
    with _harmless(workspace):
        address = read_address(workspace) if entries else None
        if address is None:
            return
        with httpx.Client(timeout=DELIVERY_SECONDS) as client:
            for entry in entries:
                client.post(address, json=_message(workspace, entry)).raise_for_status()
                entry["is_told"] = True


@contextmanager
def _harmless(workspace: Workspace) -> Iterator[None]:
    """Note what keeps an alert from being told; its run ends as it would have."""
    try:
        yield
    except Exception as error:  # a lock, a disk, an address, a server: whatever it is
        note(workspace, "alert_undelivered", error=type(error).__name__)


def _message(workspace: Workspace, entry: dict[str, Any]) -> dict[str, str]:
    """Say it in the fields that chat servers show (`text`) and those a program reads."""
    study = workspace.study.study.name
    return {
        "text": f"Confide, study {study}: {entry['sentence']}",
        "study": study,
        "kind": entry["kind"],
        "about": entry["about"],
        "sentence": entry["sentence"],
        "at": workspace.now().isoformat(),
    }


@contextmanager
def _kept(workspace: Workspace) -> Iterator[dict[str, dict[str, Any]]]:
    """Hand out what is known, by key, and keep what becomes of it."""
    workspace.state.mkdir(mode=0o700, exist_ok=True)
    path = workspace.state / FILE
    with FileLock(f"{path}.lock", timeout=LOCK_SECONDS, mode=0o600):
        try:
            known: dict[str, dict[str, Any]] = dict(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError):
            known = {}
        yield known
        draft = path.with_suffix(".new")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(known, indent=1) + "\n", "utf-8")
        draft.replace(path)
