"""What surrounds each collected Bluesky post: root, parents, sampled replies, quotes, edges.

What to read is asked of the warehouse, so a run that died goes on where it stopped: first up
from each collected reply, once; then down from roots whose reply count moved or was never told;
then to those who quote, and to who liked, reposted and quoted.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import polars as pl

from connectors import bluesky
from flows import bluesky_access
from flows.gate import land
from flows.heaps import thread_heaps
from flows.interactions import read_interactions
from flows.reading import NETWORK, addresses_of, query_for
from flows.runs import Run
from flows.workspace import Workspace
from schema.errors import SourceRefused
from schema.pages import CollectionQuery, RawPage
from schema.sources import BlueskyThreadSource
from warehouse import store

Pages = Callable[[str], Iterable[RawPage]]


def read_context(workspace: Workspace, source: BlueskyThreadSource, run: Run) -> None:
    """Read and store what is due."""
    client = bluesky_access.public(workspace)
    query = query_for(workspace, source.name, stream=source.name, venue=NETWORK)
    threads = _thread_sources(workspace)
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        replies = store.replies_without_context(warehouse, threads)["post_key"].to_list()
    _land_each(workspace, run, dict.fromkeys(replies), _upwards(client, query, source))
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        roots = _counts(store.roots_to_read(warehouse))
    sample = bluesky.ReplySample(workspace.study.sampling.seed, source.replies_per_thread)
    _land_each(workspace, run, roots, _downwards(client, query, source, sample))
    if source.quotes:
        _read_quotes(workspace, source, run, client, query)
    read_interactions(workspace, source, run, client, query)


def _thread_sources(workspace: Workspace) -> list[str]:
    return [s.name for s in workspace.study.source if isinstance(s, BlueskyThreadSource)]


def _counts(rows: pl.DataFrame) -> dict[int, int | None]:
    keys, counts = rows.get_columns()
    return dict(zip(keys.to_list(), counts.to_list(), strict=True))


def _upwards(client: bluesky.Client, query: CollectionQuery, source: BlueskyThreadSource) -> Pages:
    return lambda uri: [bluesky.fetch_surroundings(client, query, uri, parents=source.parents)]


def _downwards(
    client: bluesky.Client,
    query: CollectionQuery,
    source: BlueskyThreadSource,
    sample: bluesky.ReplySample,
) -> Pages:
    return lambda uri: bluesky.fetch_threads(
        client, query, [uri], depth=source.depth, parents=0, sample=sample
    )


def _land_each(workspace: Workspace, run: Run, due: Mapping[int, int | None], read: Pages) -> None:
    """Read and store the thread of each post that is due, and each one's reply count as read."""
    natives = addresses_of(workspace, due)
    for page, roots in thread_heaps(natives, read, run.tally.set_one_aside):
        parsed, stamp = bluesky.parse_page(page), run.stamp(page.stream)
        counts = dict(parsed.posts.select("native_id", "replies_count").iter_rows())
        reads = {
            post_key: due[post_key] or 0 if counts.get(uri) is None else counts[uri]
            for post_key, uri in roots.items()
        }
        run.tally.add(land(workspace, page, parsed, stamp, thread_reads=reads))


def _read_quotes(
    workspace: Workspace,
    source: BlueskyThreadSource,
    run: Run,
    client: bluesky.Client,
    query: CollectionQuery,
) -> None:
    """Read who quotes each collected root, newest first; a quote's own replies are not followed."""
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        due = _counts(store.quotes_to_read(warehouse, _thread_sources(workspace)))
    query = replace(query, stream=f"{source.name}{store.QUOTES}")
    for post_key, uri in addresses_of(workspace, due):
        try:
            for page in bluesky.fetch_quotes(client, query, uri, limit=source.quotes):
                parsed = bluesky.parse_page(page)
                run.tally.add(land(workspace, page, parsed, run.stamp(page.stream)))
        except SourceRefused:
            run.tally.set_one_aside()
            continue
        with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
            store.save_quote_read(warehouse, post_key, due[post_key] or 0)
