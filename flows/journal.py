"""The study's journal: what ran and how it went, one JSON object a line, in `var/journal.ndjson`.

Counts, instants and names of sources and flows; no text, no person. `flow_run` is Prefect's id of
the run, `run_id` the row of `collection_runs`. Ten files of a megabyte; then the oldest goes.
"""

import json
import logging
import sys
from contextlib import closing, suppress
from datetime import UTC, datetime
from typing import Final

from concurrent_log_handler import ConcurrentRotatingFileHandler

from flows.workspace import Workspace

NAME: Final = "journal.ndjson"
FILE_BYTES: Final = 1_000_000
FILES_COUNT: Final = 10


def note(workspace: Workspace, event: str, **known: str | int | bool | None) -> None:
    """Write a line: when, what, in which flow run, and what is `known` of it.

    A full disk, or a journal that cannot be written, keeps no run from its work.
    """
    line = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "event": event,
        **_flow_run(),
        **{name: value for name, value in known.items() if value is not None},
    }
    with suppress(OSError):  # closing writes, too
        workspace.state.mkdir(mode=0o700, exist_ok=True)
        path = str(workspace.state / NAME)
        log = _Quiet(path, maxBytes=FILE_BYTES, backupCount=FILES_COUNT, chmod=0o600)
        with closing(log):
            log.handle(logging.makeLogRecord({"msg": json.dumps(line)}))


class _Quiet(ConcurrentRotatingFileHandler):
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Lose the line: nobody reads standard error of a scheduled run."""


def flow_run_id() -> str | None:
    """Return Prefect's id of the run that this is part of; None outside of one."""
    return _flow_run().get("flow_run")


def _flow_run() -> dict[str, str]:
    if "prefect" not in sys.modules:  # a second to import, and who runs a flow has done so
        return {}
    from prefect.context import FlowRunContext  # noqa: PLC0415

    if (run := FlowRunContext.get()) is None or run.flow_run is None or run.flow is None:
        return {}
    return {"flow": run.flow.name, "flow_run": str(run.flow_run.id)}
