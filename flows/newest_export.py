"""Rule R14 for exports: what the newest one lacks was deleted upstream, so it goes here, too."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from connectors.reddit_export import export_native_ids
from connectors.vault import open_vault
from flows.removing import remove
from flows.workspace import Workspace
from schema.errors import BadInput
from schema.removals import CollectedRemoval
from schema.sources import RedditExportSource
from transforms.pseudonymize import post_keys
from warehouse import store


def drop_missing(workspace: Workspace, source: RedditExportSource, files: Sequence[Path]) -> int:
    """Remove what is held of the source and stands in none of its files; return how many posts.

    Nothing keeps them out: a later export that holds one again brings it back.

    Raises:
        BadInput: the files hold nothing of the source, so they are hardly its newest export.
    """
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        held = set(store.post_keys_of(warehouse, source.name))
    key, missing = workspace.key.pseudonym_key("reddit"), held.copy()
    for path in files:
        for native_ids in export_native_ids(path, source.columns):
            missing.difference_update(post_keys("reddit", native_ids, key=key))
    if held and missing == held:
        raise BadInput(
            f"source {source.name}: these files hold none of its {len(held)} posts, so nothing was "
            "removed: name the files of its newest export"
        )
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        gone = sorted(vault.native_ids(missing).values())
    rows = pl.DataFrame({"native_id": gone}, schema={"native_id": pl.String}).with_columns(
        platform=pl.lit("reddit"),
        author=pl.lit(None, pl.String),
        reason=pl.lit("not_found"),
        observed_at=pl.lit(workspace.now()),
    )
    return remove(workspace, "reddit", CollectedRemoval.validate(rows, cast=True))
