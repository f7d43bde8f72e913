"""Sources whose last run failed, or that were never read: each a sentence with its remedy."""

from collections.abc import Container
from typing import Final

import polars as pl

from schema.sources import FILE_SOURCES, BlueskyStreamSource, Source
from schema.study import Study

REFRESH: Final = "refresh/"  # opens the stream of a refresh, whatever source it runs under
STOPPED: Final = ("KeyboardInterrupt", "SystemExit", "TerminationSignal")  # by a person, no failure


def failed_sources(study: Study, runs: pl.DataFrame) -> list[str]:
    """Say which of the study's last runs failed. `runs`: the last of each source and stream."""
    known = {source.name: source for source in study.source}
    failed = runs.filter(
        pl.col("status") == "failed",
        pl.col("source").is_in(list(known)),
        ~pl.col("error").is_in(STOPPED),
    )
    return [
        f"{row['stream']}: its last run, of {row['started_at']:%Y-%m-%d %H:%M} UTC, failed "
        f"({row['error']}): run {_verb(known[row['source']], row['stream'])}, which says why"
        for row in failed.to_dicts()
    ]


def unread_sources(study: Study, read: Container[str]) -> list[str]:
    """Say which sources no run has begun for yet. `read`: those that ran."""
    return [
        f"{source.name}: it was never read: run {_verb(source, source.name)}"
        for source in study.source
        if source.name not in read
    ]


def _verb(source: Source, stream: str) -> str:
    if stream.startswith(REFRESH):
        return "`confide refresh`"
    if isinstance(source, FILE_SOURCES):
        return f"`confide backfill FILE… --source {source.name}`"
    if isinstance(source, BlueskyStreamSource):
        return f"`confide up` or `confide stream {source.name}`"
    return f"`confide collect {source.name}`"
