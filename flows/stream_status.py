"""Streams as `confide status` shows them: followed or not, how far behind, how fast."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from flows.alone import is_followed
from flows.words import length_of_time
from flows.workspace import Workspace
from schema.sources import BlueskyStreamSource
from warehouse import store

SILENT_AFTER: Final = timedelta(minutes=2)  # a heartbeat is due every ten seconds
KEPT_BY_HOSTS: Final = timedelta(hours=36)
WARN_AFTER: Final = timedelta(hours=24)


def stream_rows(workspace: Workspace, warehouse: store.Warehouse) -> list[dict[str, Any]]:
    """Say of each stream of the study how far it is."""
    told = {row["stream"]: row for row in store.read_progress(warehouse).to_dicts()}
    return [
        _row(workspace, source.name, store.read_position(warehouse, source.name), told)
        for source in workspace.study.source
        if isinstance(source, BlueskyStreamSource)
    ]


def _row(
    workspace: Workspace, name: str, position: str | None, told: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    last = told.get(name, {})
    state = _state(workspace, name, last)
    lag = _lag(workspace.now(), position)
    return {
        "stream": name,
        "state": state,
        "lag_seconds": None if lag is None else lag.total_seconds(),
        "events_per_second": last.get("events_per_second"),
        "committed_at": last.get("committed_at"),
        "heard_at": last.get("heard_at"),
        "scanned_count": last.get("scanned_count"),
        "counts": json.loads(last.get("counts") or "{}"),
        "note": _note(state, lag, last),
    }


def _state(workspace: Workspace, name: str, last: Mapping[str, Any]) -> str:
    """Tell what a stream does now; its lock is held only while its process lives."""
    status = last.get("status")
    if not is_followed(workspace, name):
        ended = {"running": "interrupted", "completed": "stopped", None: "never followed"}
        return ended.get(status, str(status))
    if status != "running":
        return "being read"
    if workspace.now() - last["heard_at"] > SILENT_AFTER:
        return "silent"
    return "waiting" if last["trouble"] else "running"


def _lag(now: datetime, position: str | None) -> timedelta | None:
    if position is None:
        return None
    return max(now - datetime.fromisoformat(json.loads(position)["witnessed_at"]), timedelta())


def _note(state: str, lag: timedelta | None, last: Mapping[str, Any]) -> str | None:
    """Say what is the matter, or what should be done and by when."""
    if state == "waiting":
        return str(last["trouble"])
    if state == "silent":
        return "its process lives and says nothing: stop it, then start `confide stream` again"
    is_read = state in ("running", "being read")
    if lag is None or is_read or lag < WARN_AFTER:
        return last.get("trouble")
    if lag >= KEPT_BY_HOSTS:
        return "hosts keep about 36 h: the next start leaves a gap row"
    return "hosts keep about 36 h: start `confide stream` before they forget"


def words_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Put a stream's figures in words."""
    rate, counts = row["events_per_second"], row["counts"]
    return {
        "stream": row["stream"],
        "state": row["state"],
        "behind": None if row["lag_seconds"] is None else length_of_time(row["lag_seconds"]),
        "events_per_second": None if rate is None else round(rate, 1),
        "last_commit": row["committed_at"],
        "events": row["scanned_count"],
        "kept": counts.get("new_count"),
        "removed": counts.get("removed_count"),
        "note": row["note"],
    }
