"""Refresh: look again at what is held, on the policy's schedule.

Each look gives an engagement snapshot, an edit (a new version) or a removal. Posts are
asked for in the platforms' largest batches: 100 on Reddit, 25 on Bluesky. What Bluesky leaves
out is looked into before it becomes a removal (absences.py).
"""

from collections.abc import Iterator
from dataclasses import asdict, replace

from prefect import flow, task

from connectors import bluesky, reddit
from connectors.vault import VaultEntry, open_vault
from flows import bluesky_access
from flows.absences import let_go_of_hidden, settle
from flows.alerts import PASS_HOOKS
from flows.gate import land
from flows.guard import guarded, worth_retrying
from flows.heaps import heaps
from flows.interactions import let_go_of_unasked
from flows.labels import read_labels
from flows.looks import due_after
from flows.passes import RETRY_SECONDS, each
from flows.permission import check_platform
from flows.reading import NETWORK, Parser, query_for
from flows.remask import mask_anew
from flows.runs import Run, recorded
from flows.threads import read_threads
from flows.wishes import ask_for_wishes
from flows.workspace import Workspace, open_workspace
from schema.pages import RawPage
from schema.sources import source_platform
from schema.vocabulary import Platform
from warehouse import store

# Posts are asked for by id through the platform's API, as these kinds of source ask it.
ASKED_LIKE: dict[Platform, str] = {"reddit": "reddit", "bluesky": "bluesky_author"}
PARSERS: dict[Platform, Parser] = {"reddit": reddit.parse_page, "bluesky": bluesky.parse_page}
BATCH = {"reddit": 1000, "bluesky": 500}  # held in memory at once; a crash repeats one batch


@flow(name="refresh", log_prints=False, persist_result=False, **PASS_HOOKS)
@guarded
def refresh() -> dict[str, dict[str, int]]:
    """Look at every post that is due, platform by platform; return the counts.

    Before, what an older version of the masking rules stored is masked anew.

    Raises:
        CorpusError: at least one platform failed; the others were looked at.
    """
    workspace = open_workspace()
    platforms = sorted({source_platform(source) for source in workspace.study.source})
    changed = mask_anew(workspace)
    done = each(platforms, refresh_platform)
    return done | ({"stored texts": {"masked_anew_count": changed}} if changed else {})


@task(
    task_run_name="refresh-{platform}",
    retries=len(RETRY_SECONDS),
    retry_delay_seconds=RETRY_SECONDS,
    retry_condition_fn=worth_retrying,
    persist_result=False,
)
@guarded
def refresh_platform(platform: Platform) -> dict[str, int]:
    """Look at a platform's due posts, at the threads that grew, and at takedown labels.

    Raises:
        PolicyRefused: nothing permits asking this platform, whatever is held of it (R1 to R3, R5).
    """
    workspace = open_workspace()
    check_platform(workspace, platform)
    sources = [s for s in workspace.study.source if source_platform(s) == platform]
    route = workspace.study.route(ASKED_LIKE[platform])  # whatever route a post came by
    with recorded(workspace, sources[0], route=route, stream=f"refresh/{platform}") as run:
        if platform == "bluesky":
            run.tally.add(let_go_of_hidden(workspace))
            let_go_of_unasked(workspace)
        while due := _due(workspace, platform):
            _look_again(workspace, platform, due, run)
        for source in sources:
            own = workspace.study.route(source.kind)
            read_threads(workspace, source, run.for_source(source, own))
        if platform == "bluesky":
            ask_for_wishes(workspace, run)
            read_labels(workspace, run)
    return asdict(run.tally)


def _due(workspace: Workspace, platform: Platform) -> list[VaultEntry]:
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        return vault.due(workspace.now(), platform, limit=BATCH[platform])


def _look_again(workspace: Workspace, platform: Platform, due: list[VaultEntry], run: Run) -> None:
    missing: list[str] = []
    for answer in heaps(_pages(workspace, platform, due, run.source)):
        page = answer
        if platform == "bluesky":
            missing += answer.missing
            page = replace(answer, missing=())
        parsed = PARSERS[platform](page)
        run.tally.add(land(workspace, page, parsed, run.stamp(run.source), is_held=True))
    if missing:
        run.tally.add(settle(workspace, missing, run))
    _put_off(workspace, platform, {entry.post_key for entry in due})


def _put_off(workspace: Workspace, platform: Platform, looked_at: set[int]) -> None:
    """Give what the platform answered with nothing usable a later turn, so a pass ends.

    What is hidden has no counts to be taken: it waits for the recheck.
    """
    now = workspace.now()
    still_due = {entry.post_key for entry in _due(workspace, platform)} & looked_at
    if not still_due:
        return
    with store.open_warehouse(workspace.warehouse, now=now) as warehouse:
        hidden = store.hidden_posts(warehouse) & still_due
    soon = due_after(workspace, platform, now, observed_at=now)
    later = due_after(workspace, platform, workspace.since, observed_at=now)
    turns = dict.fromkeys(still_due - hidden, soon) | dict.fromkeys(hidden, later)
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        vault.reschedule(turns)


def _pages(
    workspace: Workspace, platform: Platform, due: list[VaultEntry], source: str
) -> Iterator[RawPage]:
    natives = [entry.native_id for entry in due]
    query = query_for(workspace, source, stream=source, venue=NETWORK)
    if platform == "reddit":
        client = reddit.connect(workspace.reddit_credentials(), workspace.reddit_budget())
        return reddit.fetch_posts(client, query, natives)
    return bluesky.fetch_posts(bluesky_access.public(workspace), query, natives)
