"""When what is held is looked at again."""

from datetime import datetime, timedelta

import dataframely as dy
import polars as pl

from connectors.schedule import next_due, next_due_of
from connectors.vault import VaultEntry
from flows.workspace import Workspace
from schema.posts import CollectedPost
from schema.vocabulary import Platform
from transforms.pseudonymize import post_keys


def vault_entries(
    workspace: Workspace, posts: dy.DataFrame[CollectedPost], source: str, *, key: bytes
) -> list[VaultEntry]:
    """Say for each post where it came from and when to look at it again."""
    if posts.is_empty():
        return []
    platform: Platform = posts["platform"][0]
    keys = post_keys(platform, posts["native_id"].to_list(), key=key)
    due = posts.select(
        next_due_of(
            pl.min_horizontal("created_at", "observed_at"),
            pl.col("observed_at"),
            refresh_hours=workspace.study.policy.refresh_hours,
            recheck_hours=recheck_hours(workspace, platform),
        )
    ).to_series()
    return [
        VaultEntry(platform, native_id, post_key, source, due_at)
        for native_id, post_key, due_at in zip(
            posts["native_id"].to_list(), keys, due.to_list(), strict=True
        )
    ]


def due_after(
    workspace: Workspace, platform: Platform, created_at: datetime, *, observed_at: datetime
) -> datetime:
    """Tell when a post seen at `observed_at` must be looked at again."""
    return next_due(
        min(created_at, observed_at),
        observed_at,
        refresh_hours=workspace.study.policy.refresh_hours,
        recheck_hours=recheck_hours(workspace, platform),
    )


def overdue_before(workspace: Workspace, platform: Platform) -> datetime:
    """Tell since when a look must have been due to count as missed.

    A look is due after half the deadline at the latest, so what has waited for the other half
    may be shown to be older than R14 and R15 allow.
    """
    return workspace.now() - timedelta(hours=recheck_hours(workspace, platform))


def recheck_hours(workspace: Workspace, platform: Platform) -> float:
    """Halve the deadline: a missed look leaves a second one inside it."""
    return workspace.study.policy.removal_hours.get(platform, 24) / 2
