"""From a source of the study to the pages of its platform.

One function a kind: it yields pages with the parser that reads them. Threads and files have
flows of their own.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from connectors import bluesky, jetstream
from connectors.vault import open_vault
from flows import bluesky_access, bluesky_sources, reddit_sources
from flows.permission import check_permission
from flows.reading import NETWORK, Reading, query_for
from flows.workspace import Workspace, read_private_lines
from schema.errors import BadInput
from schema.study import (
    BlueskyAuthorSource,
    BlueskyFeedSource,
    BlueskySearchSource,
    BlueskyStreamSource,
    RedditSearchSource,
    RedditSource,
    RedditUserSource,
    Source,
)
from transforms.pseudonymize import post_keys

STREAM_IDLE_SECONDS = 2.0  # a pass over a stream ends when its live tip has been quiet so long


def readings(workspace: Workspace, source: Source) -> Iterator[Reading]:
    """Yield a source's pages since its stored position.

    Raises:
        PolicyRefused: a source without its approval, permission or ethics record (R1, R2, R5).
        BadInput: a kind without pages of its own: threads, or what is read from files.
    """
    check_permission(workspace, source)
    if isinstance(source, RedditSource):
        return reddit_sources.subreddit(workspace, source)
    if isinstance(source, RedditSearchSource):
        return reddit_sources.search(workspace, source)
    if isinstance(source, RedditUserSource):
        return reddit_sources.users(workspace, source)
    if isinstance(source, BlueskyAuthorSource | BlueskyFeedSource | BlueskySearchSource):
        return bluesky_sources.pulled(workspace, source)
    if isinstance(source, BlueskyStreamSource):
        return _stream(workspace, source)
    raise BadInput(f"source {source.name}: kind {source.kind} has no pages of its own")


def _stream(workspace: Workspace, source: BlueskyStreamSource) -> Iterator[Reading]:
    hosts = workspace.study.platforms.bluesky.jetstream
    if not hosts:
        raise BadInput(f"source {source.name}: platforms.bluesky.jetstream names no host: add one")
    query = query_for(workspace, source.name, stream=source.name, venue=NETWORK)
    public = bluesky_access.public(workspace)
    followed = bluesky.resolve_actors(public, _followed(workspace, source), source=source.name)
    held = _held(workspace) if source.collect_replies else None
    wanted = jetstream.EventFilter(
        keywords=_keywords(workspace, source), dids=frozenset(followed.values()), reply_to=held
    )
    pages = jetstream.fetch_event_pages(
        hosts, query, wanted=wanted, idle_seconds=STREAM_IDLE_SECONDS
    )
    for page in pages:
        # an event tells neither its author's names nor whom the author wants as readers
        authors = jetstream.post_authors(page)
        profiles = bluesky.fetch_profiles(public, authors, source=source.name)
        parse = partial(jetstream.parse_events, profiles=profiles)
        yield Reading(page, parse)
        if held is not None:  # the page is stored by now: replies to it are wanted, too
            held |= _held_of(workspace, parse(page).posts["native_id"].to_list())


def _followed(workspace: Workspace, source: BlueskyStreamSource) -> list[str]:
    if source.authors_file is None:
        return []
    return read_private_lines(
        source.authors_file, source=source.name, study_directory=workspace.directory
    )


def _keywords(workspace: Workspace, source: BlueskyStreamSource) -> tuple[str, ...]:
    if source.keywords_file is None:
        return source.keywords
    path = workspace.directory / source.keywords_file
    if not path.is_file():
        raise BadInput(
            f"source {source.name}: keywords_file {source.keywords_file} does not exist: "
            "create it, one word or phrase a line"
        )
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return (*source.keywords, *(line for line in lines if line and not line.startswith("#")))


def _held(workspace: Workspace) -> set[str]:
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        return vault.every_native_id("bluesky")


def _held_of(workspace: Workspace, natives: Sequence[str]) -> set[str]:
    keys = post_keys("bluesky", natives, key=workspace.key.pseudonym_key("bluesky"))
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        return set(vault.native_ids(keys).values())
