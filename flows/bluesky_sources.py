"""Bluesky's pull sources: accounts, custom feeds and lists, and a search."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from connectors import bluesky
from connectors.vault import open_vault
from flows import bluesky_access
from flows.reading import NETWORK, Reading, queries_for, query_for, refuse_if_none
from flows.workspace import Workspace, read_private_lines
from schema.errors import SourceRefused
from schema.pages import CollectionQuery, RawPage
from schema.sources import BlueskyAuthorSource, BlueskyFeedSource, BlueskySearchSource
from transforms.pseudonymize import author_pseudonyms, community_key


def pulled(
    workspace: Workspace, source: BlueskyAuthorSource | BlueskyFeedSource | BlueskySearchSource
) -> Iterator[Reading]:
    """Yield a pull source's pages since its stored position."""
    if isinstance(source, BlueskyAuthorSource):
        return authors(workspace, source)
    if isinstance(source, BlueskyFeedSource):
        return feeds(workspace, source)
    return search(workspace, source)


def authors(workspace: Workspace, source: BlueskyAuthorSource) -> Iterator[Reading]:
    """Yield what each account of the source's file wrote, a stream an account.

    Raises:
        SourceRefused: not one of them can be read.
    """
    lines = read_private_lines(
        source.authors_file, source=source.name, study_directory=workspace.directory
    )
    client = bluesky_access.public(workspace)
    dids = bluesky.resolve_actors(client, lines, source=source.name)
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        _, barred = vault.suppressed("bluesky", [], dids.values())  # who left is not asked after
    wanted = [did for did in dict.fromkeys(dids.values()) if did not in barred]
    key = workspace.key.pseudonym_key("bluesky")
    pseudonyms = author_pseudonyms("bluesky", wanted, key=key)
    streams = {f"{source.name}/{p}": did for p, did in zip(pseudonyms, wanted, strict=True)}
    refused = len(set(lines)) - len(dids)
    profiles = bluesky.fetch_profiles(client, wanted, source=source.name)
    for query in queries_for(workspace, source.name, streams, venue=NETWORK):
        did = str(query.actor)
        parse = partial(bluesky.parse_account, did=did)
        try:
            for page in _of_account(workspace, source, client, query, profiles.get(did)):
                yield Reading(page, parse)
        except SourceRefused:
            refused += 1  # an account that closed must not end the others' pass
    refuse_if_none(source.name, refused, of=len(set(lines)))


def _of_account(
    workspace: Workspace,
    source: BlueskyAuthorSource,
    client: bluesky.Client,
    query: CollectionQuery,
    profile: Mapping[str, Any] | None,
) -> Iterator[RawPage]:
    """Read an account's feed or repository; one that wants signed-in readers is not read (R21)."""
    if bluesky.is_for_signed_in_readers(profile):
        return bluesky.fetch_closed_account(client, query, "outside_policy")
    if source.history == "feed":
        return bluesky.fetch_author_pages(client, query)
    server = bluesky_access.server_of(workspace, str(query.actor), source=source.name)
    server.request.take_over(client.request)
    return bluesky.fetch_repository_pages(server, query, profile)


def feeds(workspace: Workspace, source: BlueskyFeedSource) -> Iterator[Reading]:
    """Yield what each feed or list of the source's file shows, a stream and a venue each.

    An address names its maker, so the stream is called by the venue's keyed name.

    Raises:
        SourceRefused: not one of them can be read.
    """
    lines = read_private_lines(
        source.uri_file, source=source.name, study_directory=workspace.directory
    )
    client = bluesky_access.public(workspace)
    uris = bluesky.resolve_feeds(client, lines, source=source.name)
    key = workspace.key.pseudonym_key("bluesky")
    refused = len(set(lines)) - len(uris)
    for uri in dict.fromkeys(uris.values()):
        name = community_key("bluesky", uri, key=key).partition("/")[2]
        query = query_for(workspace, source.name, stream=f"{source.name}/{name}", venue=uri)
        try:
            pages = (
                bluesky.fetch_list_pages(client, query, uri)
                if bluesky.is_list(uri)
                else bluesky.fetch_ranked_pages(client, query, uri, limit=source.limit)
            )
            for page in pages:
                yield Reading(page, bluesky.parse_page)
        except SourceRefused:
            refused += 1
    refuse_if_none(source.name, refused, of=len(set(lines)), what="feeds")


def search(workspace: Workspace, source: BlueskySearchSource) -> Iterator[Reading]:
    """Yield what a search finds, signed in where the environment names an account."""
    client = bluesky_access.signed_in(workspace) or bluesky_access.public(workspace)
    query = query_for(workspace, source.name, stream=source.name, venue=NETWORK)
    for page in bluesky.fetch_search_pages(client, query, source.query):
        yield Reading(page, partial(bluesky.parse_found, terms=source.query))
