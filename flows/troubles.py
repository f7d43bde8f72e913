"""What somebody should look at now, each a sentence with its remedy; names of sources, counts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

import polars as pl

from connectors.vault import open_vault
from flows.looks import overdue_before
from flows.shredded import read_mark
from flows.words import counted
from flows.workspace import Workspace
from schema.sources import source_platform
from schema.study import Alerts
from warehouse import store

Kind = Literal["failure", "gap", "overdue", "volume"]
LEAST_USUAL: Final = 10.0  # posts a day: of fewer, a day without any says nothing
LEAST_DAYS: Final = 3


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that wants a person.

    `about`: the source, platform or flow. `mark` tells one case of it from the next: a gap that
    grows is a new one, a failure that goes on is not.
    """

    kind: Kind
    about: str
    sentence: str
    mark: str = ""

    @property
    def key(self) -> str:
        """What it is known by while it lasts."""
        return f"{self.kind}/{self.about}/{self.mark}"


def standing(workspace: Workspace) -> list[Trouble]:
    """Find what stands in the store and the vault: gaps, missed looks, sources that dry up.

    Of sources that the study has: one that was deleted from study.toml is no trouble any more.

    Raises:
        CorpusError: another flow holds the store for longer than one waits.
    """
    if not workspace.warehouse.exists() or read_mark(workspace.directory):
        return []
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        gaps = store.read_status(warehouse).gaps
        volumes = store.daily_volumes(warehouse, now=workspace.now())
    is_ours = pl.col("source").is_in([source.name for source in workspace.study.source])
    alerts = workspace.study.alerts
    return [
        *_gaps(gaps.filter(is_ours)),
        *_overdue(workspace),
        *_volumes(volumes.filter(is_ours), alerts),
    ]


def failures(failed: Mapping[str, str]) -> list[Trouble]:
    """Turn what ended a source's pass, or a flow, into troubles."""
    return [Trouble("failure", name, f"{name}: {why}") for name, why in failed.items()]


def _gaps(gaps: pl.DataFrame) -> list[Trouble]:
    found = gaps.group_by("source").agg(
        pl.len().alias("gaps"),
        pl.col("from_at").min(),
        pl.col("to_at").max(),
        pl.col("at_most_count").sum(),
        pl.col("at_most_count").is_null().any().alias("is_open"),
    )
    return [
        Trouble(
            "gap",
            row["source"],
            f"{row['source']}: {counted(row['gaps'], 'gap')} "
            f"between {row['from_at']:%Y-%m-%d %H:%M} and {row['to_at']:%Y-%m-%d %H:%M} UTC"
            + ("" if row["is_open"] else f", {row['at_most_count']} posts at most")
            + ": let it run more often, or read a dump of that time with `confide backfill`",
            mark=f"{row['to_at']:%Y%m%dT%H%M%S}",
        )
        for row in found.sort("source").to_dicts()
    ]


def _overdue(workspace: Workspace) -> list[Trouble]:
    if not workspace.vault.exists():
        return []
    platforms = sorted({source_platform(source) for source in workspace.study.source})
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        late = {
            platform: vault.count_due(overdue_before(workspace, platform), platform)
            for platform in platforms
        }
    hours = workspace.study.policy.removal_hours
    return [
        Trouble(
            "overdue",
            platform,
            f"{platform}: {count} posts were not looked at in time, so one that its author deleted "
            f"may be held for longer than {hours[platform]} h: run `confide refresh`",
        )
        for platform, count in late.items()
        if count
    ]


def _volumes(volumes: pl.DataFrame, alerts: Alerts) -> list[Trouble]:
    falling = volumes.filter(
        pl.col("days_count") >= LEAST_DAYS,
        pl.col("usual_count") >= LEAST_USUAL,
        pl.col("last_count") < alerts.falling_volume * pl.col("usual_count"),
    )
    return [
        Trouble(
            "volume",
            row["source"],
            f"{row['source']}: {row['last_count']} new posts in the last 24 hours, usually "
            f"{row['usual_count']:.0f}: see whether it still exists and is still read "
            "(`confide status`)",
        )
        for row in falling.to_dicts()
    ]
