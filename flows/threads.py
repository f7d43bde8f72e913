"""Threads of what was collected: read when their reply count moved since the last reading.

What to read is asked of the warehouse, not remembered from listing pages, so a run that
died between a page and its threads goes on where it stopped.
"""

from collections.abc import Iterator

from connectors import reddit
from connectors.vault import open_vault
from flows.bluesky_context import read_context
from flows.gate import land
from flows.heaps import thread_heaps
from flows.reading import query_for
from flows.runs import Run
from flows.workspace import Workspace
from schema.pages import RawPage
from schema.sources import BlueskyThreadSource, CommentLimits, RedditSource, Source
from warehouse import store


def read_threads(workspace: Workspace, source: Source, run: Run) -> None:
    """Read and store every thread that is due."""
    if isinstance(source, BlueskyThreadSource):
        read_context(workspace, source, run)
    elif isinstance(source, RedditSource) and source.comments != "none":
        _read_comments(workspace, source, run)


def _read_comments(workspace: Workspace, source: RedditSource, run: Run) -> None:
    due = _due(workspace, source)
    if not due:
        return
    query = query_for(workspace, source.name, stream=source.name, venue=source.subreddit)
    client = reddit.connect(workspace.reddit_credentials(), workspace.reddit_budget())
    natives = ((post_key, native_id) for post_key, (native_id, _) in due.items())

    def read(native_id: str) -> Iterator[RawPage]:
        return reddit.fetch_threads(client, query, [native_id], _limits(source))

    for page, roots in thread_heaps(natives, read, run.tally.set_one_aside):
        parsed, stamp = reddit.parse_page(page), run.stamp(source.name)
        reads = {post_key: due[post_key][1] for post_key in roots}
        run.tally.add(land(workspace, page, parsed, stamp, thread_reads=reads))


def _due(workspace: Workspace, source: RedditSource) -> dict[int, tuple[str, int]]:
    """Map each root that is due to its native id and its reply count."""
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        rows = store.threads_to_read(warehouse, "reddit", source=source.name)
    counts = dict(zip(rows["post_key"].to_list(), rows["replies_count"].to_list(), strict=True))
    if not counts:
        return {}
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        natives = vault.native_ids(list(counts))
    return {key: (natives[key], counts[key]) for key in counts if key in natives}


def _limits(source: RedditSource) -> reddit.TreeLimits:
    if isinstance(source.comments, CommentLimits):
        return reddit.TreeLimits(source.comments.depth, source.comments.limit)
    return reddit.TreeLimits()
