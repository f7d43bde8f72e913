"""Threads of what was collected: read when their reply count moved since the last reading.

What to read is asked of the warehouse, not remembered from listing pages, so a run that
died between a page and its threads goes on where it stopped.
"""

from collections.abc import Callable, Iterator

from connectors import bluesky, reddit
from connectors.vault import open_vault
from flows.gate import land
from flows.reading import Reading, query_for
from flows.runs import Run
from flows.sources import NETWORK
from flows.workspace import Workspace
from schema.errors import SourceRefused
from schema.pages import CollectionQuery
from schema.study import BlueskyThreadSource, CommentLimits, RedditSource, Source, source_platform
from warehouse import store


def read_threads(workspace: Workspace, source: Source, run: Run) -> None:
    """Read and store every thread that is due, each in a transaction of its own."""
    due = _due(workspace, source)
    if not due:
        return
    query = query_for(
        workspace,
        source.name,
        stream=source.name,
        venue=source.subreddit if isinstance(source, RedditSource) else NETWORK,
    )
    read = _reader(workspace, source, query)
    for post_key, (native_id, replies_count) in due.items():
        try:
            for reading in read(native_id):
                run.tally.add(
                    land(
                        workspace,
                        reading.page,
                        reading.parse(reading.page),
                        run.stamp(source.name),
                        thread_reads={post_key: replies_count},
                    )
                )
        except SourceRefused:
            run.tally.set_aside_count += 1  # one closed thread must not end the pass


def follows_threads(source: Source) -> bool:
    """Tell whether a source also reads the replies under its posts."""
    if isinstance(source, RedditSource):
        return source.comments != "none"
    return isinstance(source, BlueskyThreadSource)


def _due(workspace: Workspace, source: Source) -> dict[int, tuple[str, int]]:
    """Map each root that is due to its native id and its reply count."""
    if not follows_threads(source):
        return {}
    platform = source_platform(source)
    origin = source.name if isinstance(source, RedditSource) else None
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        rows = store.threads_to_read(warehouse, platform, source=origin)
    counts = dict(zip(rows["post_key"].to_list(), rows["replies_count"].to_list(), strict=True))
    if not counts:
        return {}
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        natives = vault.native_ids(list(counts))
    return {key: (natives[key], counts[key]) for key in counts if key in natives}


def _reader(
    workspace: Workspace, source: Source, query: CollectionQuery
) -> Callable[[str], Iterator[Reading]]:
    """Build the function that reads one thread, over one client."""
    if isinstance(source, BlueskyThreadSource):
        public = bluesky.connect(workspace.study.platforms.bluesky.appview)
        depth, parents = source.depth, source.parents

        def read_bluesky(native_id: str) -> Iterator[Reading]:
            pages = bluesky.fetch_threads(public, query, [native_id], depth=depth, parents=parents)
            return (Reading(page, bluesky.parse_page) for page in pages)

        return read_bluesky
    client = reddit.connect(workspace.reddit_credentials(), workspace.reddit_budget())
    limits = _limits(source)

    def read_reddit(native_id: str) -> Iterator[Reading]:
        pages = reddit.fetch_threads(client, query, [native_id], limits)
        return (Reading(page, reddit.parse_page) for page in pages)

    return read_reddit


def _limits(source: Source) -> reddit.TreeLimits:
    comments = source.comments if isinstance(source, RedditSource) else "all"
    if isinstance(comments, CommentLimits):
        return reddit.TreeLimits(comments.depth, comments.limit)
    return reddit.TreeLimits()
