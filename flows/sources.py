"""From a source of the study to the pages of its platform.

One function a kind: it yields pages with the parser that reads them. Kinds that a later
version brings are refused by name.
"""

from collections.abc import Iterator

from connectors import bluesky
from flows import reddit_sources
from flows.permission import check_permission
from flows.reading import NETWORK, Reading, queries_for, refuse_if_none
from flows.stream_reader import StreamReader, pass_over
from flows.workspace import Workspace, read_private_lines
from schema.errors import BadInput, SourceRefused
from schema.study import (
    BlueskyAuthorSource,
    BlueskyStreamSource,
    RedditSearchSource,
    RedditSource,
    RedditUserSource,
    Source,
)
from transforms.pseudonymize import author_pseudonyms

__all__ = ["NETWORK", "readings"]


def readings(workspace: Workspace, source: Source) -> Iterator[Reading]:
    """Yield a source's pages since its stored position.

    Raises:
        PolicyRefused: a source without its approval, permission or ethics record (R1, R2, R5).
        BadInput: a kind or option that this version does not read.
    """
    check_permission(workspace, source)
    if isinstance(source, RedditSource):
        return reddit_sources.subreddit(workspace, source)
    if isinstance(source, RedditSearchSource):
        return reddit_sources.search(workspace, source)
    if isinstance(source, RedditUserSource):
        return reddit_sources.users(workspace, source)
    if isinstance(source, BlueskyAuthorSource):
        return _authors(workspace, source)
    if isinstance(source, BlueskyStreamSource):
        return pass_over(StreamReader(workspace, source))
    raise BadInput(
        f"source {source.name}: kind {source.kind} comes with a later version: "
        "leave it out of this run"
    )


def _authors(workspace: Workspace, source: BlueskyAuthorSource) -> Iterator[Reading]:
    names = read_private_lines(
        source.authors_file, source=source.name, study_directory=workspace.directory
    )
    client = bluesky.connect(workspace.study.platforms.bluesky.appview)
    dids = bluesky.resolve_actors(client, names, source=source.name)
    key = workspace.key.pseudonym_key("bluesky")
    refused = len(set(names) - set(dids))
    pseudonyms = author_pseudonyms("bluesky", list(dids.values()), key=key)
    streams = {
        f"{source.name}/{pseudonym}": did
        for pseudonym, did in zip(pseudonyms, dids.values(), strict=True)
    }
    for query in queries_for(workspace, source.name, streams, venue=NETWORK):
        try:
            for page in bluesky.fetch_author_pages(client, query):
                yield Reading(page, bluesky.parse_page)
        except SourceRefused:
            refused += 1  # an account that closed must not end the others' pass
    refuse_if_none(source.name, refused, of=len(names))
