"""What Bluesky leaves out of an answer, and accounts that are hidden: looked into, and acted on."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import polars as pl

from connectors import bluesky, bluesky_absence
from connectors.bluesky_home import Home
from connectors.vault import open_vault
from flows import bluesky_access
from flows.gate import land
from flows.heaps import heaps
from flows.reading import NETWORK, query_for
from flows.removing import remove_keyed
from flows.runs import Run
from flows.tally import Tally
from flows.workspace import Workspace
from schema.removals import Removal
from schema.study import is_loopback
from warehouse import store

# To hide is what R15 asks for within its hours. A deactivation may last for ever, and text that
# nobody may be shown is of no use to the study: after a month it goes.
HIDDEN_DAYS: Final = 30


def settle(workspace: Workspace, missing: Sequence[str], run: Run) -> Tally:
    """Find out what became of posts that were left out, and act on it; return the counts.

    Raises:
        SourceUnavailable: Bluesky cannot answer, or answers nothing at all.
    """
    tally, still = Tally(), list[str]()
    query = query_for(workspace, run.source, stream=run.source, venue=NETWORK)
    client = bluesky_access.public(workspace)
    stamp = run.stamp(run.source)
    for page in heaps(bluesky.fetch_posts(client, query, missing)):
        still += page.missing
        seen = replace(page, missing=())
        tally.add(land(workspace, seen, bluesky.parse_page(seen), stamp, is_held=True))
    if still:
        page, parsed = bluesky_absence.explain(client, query, still, home=home(workspace))
        tally.add(land(workspace, page, parsed, stamp, is_held=True))
    return tally


def home(workspace: Workspace) -> Home | None:
    """Say whom to ask where accounts live; nobody where the platform is this machine alone."""
    directory = workspace.study.platforms.bluesky.plc
    if workspace.study.is_invented("bluesky") and not is_loopback(directory):
        return None
    return Home(directory)


def let_go_of_hidden(workspace: Workspace) -> Tally:
    """Show accounts again whose label ran out, let posts in again; remove what was long hidden.

    Nothing keeps the latter out: an account that comes back after that is collected anew.
    """
    now = workspace.now()
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        vault.let_ended_in(now)
    with store.open_warehouse(workspace.warehouse, now=now) as warehouse:
        store.end_expired_labels(warehouse, now=now)
        long_gone = store.hidden_authors(warehouse, since_before=now - timedelta(days=HIDDEN_DAYS))
    rows = pl.DataFrame(
        {"author_pseudonym": long_gone}, schema={"author_pseudonym": pl.String}
    ).with_columns(
        platform=pl.lit("bluesky"),
        post_key=pl.lit(None, pl.UInt64),
        reason=pl.lit("account_inactive"),
        observed_at=pl.lit(now),
    )
    going = Removal.validate(rows.select(Removal.column_names()), cast=True)
    return Tally(removed_count=remove_keyed(workspace, "bluesky", going))
