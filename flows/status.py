"""`confide status`: what ran, what is due, what was missed, what was set aside."""

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl

from connectors.vault import count_pending, open_vault
from flows.coders import progress
from flows.looks import overdue_before
from flows.shredded import read_mark
from flows.stream_status import stream_rows, words_of
from flows.tables import as_table
from flows.troubles import standing
from flows.unread import failed_sources, unread_sources
from flows.words import length_of_time, tally
from flows.workspace import Workspace, open_workspace
from schema.sources import source_platform
from warehouse import store

SECTIONS = {
    "warnings": "What wants a person",
    "sources": "Sources: when each was last read well, and how far behind it is now",
    "runs": "Last run of each source",
    "streams": "Streams: how far each is followed",
    "posts": "Posts held",
    "due": "Posts to look at again now; overdue: the removal deadline may have passed",
    "clear_up": "What does not follow removals and edits yet; the next run or `publish` sees to it",
    "coders": "Coders in the round drawn last: progress, pace, agreement",
    "hidden": "Posts hidden while their account is closed",
    "wishes": "What authors wish of reuse",
    "gaps": "Gaps: what could not be seen",
    "set_aside": "Items set aside, by rule",
    "notes": "What happened on the way: lines lost, hosts that refused",
    "disk": "Disk, in bytes",
}


def status(directory: Path) -> dict[str, Any]:
    """Gather the figures of a study; nothing in them names a person.

    Raises:
        StudyInvalid: there is no valid study.
        VaultLocked: the vault is gone from beside the warehouse.
    """
    workspace = open_workspace(directory)
    if not workspace.warehouse.exists():
        return {section: [] for section in SECTIONS} | _before_the_first_run(workspace)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        held = store.read_status(warehouse)
        read = store.read_sources(warehouse)
        hidden, wishes = store.count_hidden(warehouse), store.count_wishes(warehouse)
        at_work = progress(workspace, warehouse)
        streams, behind = stream_rows(workspace, warehouse), store.read_due(warehouse)
    return {
        "warnings": _warnings(workspace, held.runs, read),
        "sources": _sources(workspace, read.to_dicts()),
        "runs": [_run(run, streams) for run in held.runs.to_dicts()],
        "streams": streams,
        "posts": held.posts.to_dicts(),
        "due": _due(workspace),
        "clear_up": _clear_up(workspace, behind),
        "coders": at_work,
        "hidden": hidden.to_dicts(),
        "wishes": wishes.to_dicts(),
        "gaps": held.gaps.to_dicts(),
        "set_aside": held.set_aside.to_dicts(),
        "notes": held.notes.to_dicts(),
        "disk": _disk(workspace),
    }


def as_text(gathered: dict[str, Any]) -> str:
    """Draw the figures, section by section; an empty one says so."""
    runs = [{**run, "counts": tally(run["counts"])} for run in gathered["runs"]]
    streams = [words_of(row) for row in gathered["streams"]]
    sources = [
        {**row, "lag_seconds": length_of_time(row["lag_seconds"])}
        if row["lag_seconds"] is not None
        else row
        for row in gathered["sources"]
    ]
    shown = {**gathered, "sources": sources, "runs": runs, "streams": streams}
    return "\n\n".join(f"{title}\n{as_table(shown[key])}" for key, title in SECTIONS.items())


def _before_the_first_run(workspace: Workspace) -> dict[str, list[dict[str, Any]]]:
    """Name the sources that wait for it; of a shredded study none does."""
    if read_mark(workspace.directory):
        return {}
    warnings = [{"warning": sentence} for sentence in unread_sources(workspace.study, ())]
    return {"warnings": warnings, "sources": _sources(workspace, [])}


def _warnings(workspace: Workspace, runs: pl.DataFrame, read: pl.DataFrame) -> list[dict[str, str]]:
    """Say what wants a person: what alerts tell, and sources that fail or were never read."""
    sentences = [
        *(trouble.sentence for trouble in standing(workspace)),
        *failed_sources(workspace.study, runs),
        *unread_sources(workspace.study, set(read["source"])),
    ]
    return [{"warning": sentence} for sentence in sentences]


def _sources(workspace: Workspace, read: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """List the sources that ran, then those of the study that never did."""
    ran = {row["source"] for row in read}
    never = dict.fromkeys(("last_success_at", "covered_to_at"))
    unread = [{"source": s.name, **never} for s in workspace.study.source if s.name not in ran]
    return [_behind(workspace, row) for row in (*read, *unread)]


def _behind(workspace: Workspace, row: dict[str, Any]) -> dict[str, Any]:
    """Add how long ago a source was last read well."""
    last = row["last_success_at"]
    lag = None if last is None else max(0, round((workspace.now() - last).total_seconds()))
    return {**row, "lag_seconds": lag}


def _disk(workspace: Workspace) -> list[dict[str, Any]]:
    """Measure what the study's files take, and what is left for them."""
    stores = (workspace.warehouse, workspace.vault, workspace.published)
    taken = [{"store": it.name, "bytes": size_of(it)} for it in stores if it.exists()]
    state = sum(size_of(it) for it in workspace.state.rglob("*"))
    free = shutil.disk_usage(workspace.directory).free
    return [*taken, {"store": "var/", "bytes": state}, {"store": "free", "bytes": free}]


def size_of(path: Path) -> int:
    """Return a file's bytes; of one that went meanwhile, none: servers write beside this."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


def _run(run: dict[str, Any], streams: list[dict[str, Any]]) -> dict[str, Any]:
    """Take a run's counts apart; a stream whose process is gone runs no more."""
    gone = [row["stream"] for row in streams if row["state"] == "interrupted"]
    is_gone = run["status"] == "running" and run["source"] in gone
    status = "interrupted" if is_gone else run["status"]
    return {**run, "status": status, "counts": json.loads(run["counts"] or "{}")}


def _clear_up(workspace: Workspace, due: store.Due) -> list[dict[str, Any]]:
    """Name the stores that may still hold what is gone."""
    waiting = {
        "vault: removals that were begun": bool(count_pending(workspace.vault)),
        "warehouse: bytes of deleted rows": due.is_rewrite_due,
        "Label Studio: tasks": due.are_tasks_due,
        "published file": due.is_published_due and workspace.published.exists(),
    }
    return [{"store": name} for name, is_waiting in waiting.items() if is_waiting]


def _due(workspace: Workspace) -> list[dict[str, Any]]:
    if read_mark(workspace.directory):
        return []
    workspace.refuse_lost_vault()
    if not workspace.vault.exists():
        return []
    platforms = sorted({source_platform(source) for source in workspace.study.source})
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        return [
            {
                "platform": platform,
                "posts": vault.count_due(workspace.now(), platform),
                "overdue": vault.count_due(overdue_before(workspace, platform), platform),
            }
            for platform in platforms
        ]
