"""What the functions of a kind share: pages beside their parser, and queries that go on."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from connectors.vault import open_vault
from flows.workspace import Workspace
from schema.errors import SourceRefused
from schema.pages import CollectionQuery, ParsedPage, RawPage
from schema.vocabulary import SourceRoute
from warehouse import store

NETWORK: Final = "network"  # the venue of a Bluesky post that no custom feed showed
Parser = Callable[[RawPage], ParsedPage]


@dataclass(frozen=True, slots=True)
class Reading:
    """A page beside the function that parses it.

    `route`: under which permission it was read, where that is not its source's own.
    """

    page: RawPage
    parse: Parser
    route: SourceRoute | None = None


def query_for(workspace: Workspace, source: str, *, stream: str, venue: str) -> CollectionQuery:
    """Build the query that goes on from a stream's stored position."""
    [query] = queries_for(workspace, source, {stream: None}, venue=venue)
    return query


def queries_for(
    workspace: Workspace, source: str, streams: Mapping[str, str | None], *, venue: str
) -> list[CollectionQuery]:
    """Build a query for each stream and its account, where it has one."""
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        positions = {stream: store.read_position(warehouse, stream) for stream in streams}
    return [
        CollectionQuery(
            source=source,
            stream=stream,
            venue=venue,
            since=workspace.since,
            now=workspace.now(),
            until=workspace.until,
            position=positions[stream],
            actor=actor,
            clock=workspace.now,
        )
        for stream, actor in streams.items()
    ]


def addresses_of(workspace: Workspace, due: Mapping[int, object]) -> Iterator[tuple[int, str]]:
    """Yield the posts that are due with their native ids, in their order."""
    if not due:
        return
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        natives = vault.native_ids(list(due))
    yield from ((key, natives[key]) for key in due if key in natives)


def refuse_if_none(source: str, refused: int, *, of: int, what: str = "accounts") -> None:
    """Say that not one of a source's accounts or feeds could be read.

    Raises:
        SourceRefused: all were refused.
    """
    if of and refused == of:
        raise SourceRefused(
            f"source {source}: none of its {refused} {what} can be read: look at its file of names"
        )
