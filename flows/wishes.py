"""What authors wish of reuse: a few are asked at each refresh, until all were asked lately."""

from datetime import timedelta
from typing import Final

from connectors.atproto_syntax import record_uri
from connectors.bluesky_wishes import fetch_wishes
from connectors.vault import open_vault
from flows.absences import home
from flows.gate import land
from flows.reading import NETWORK, query_for
from flows.runs import Run
from flows.workspace import Workspace
from warehouse import store

ASKED_AGAIN_DAYS: Final = 30
ASKED_AT_ONCE: Final = (
    100  # each is two requests: nothing waits for the answer, since no is assumed
)


def ask_for_wishes(workspace: Workspace, run: Run) -> None:
    """Ask authors whose wishes are unknown or old; the stream tells of changes in between."""
    asked = home(workspace)
    if asked is None:
        return
    before = workspace.now() - timedelta(days=ASKED_AGAIN_DAYS)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        keys = store.authors_to_ask(warehouse, asked_before=before, limit=ASKED_AT_ONCE)
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        natives = vault.native_ids(keys)
    uris = (record_uri(natives[key]) for key in keys if key in natives)
    dids = list(dict.fromkeys(uri.did for uri in uris if uri is not None))
    if not dids:
        return
    query = query_for(workspace, run.source, stream=run.source, venue=NETWORK)
    page, parsed = fetch_wishes(asked, query, dids)
    run.tally.add(land(workspace, page, parsed, run.stamp(run.source)))
