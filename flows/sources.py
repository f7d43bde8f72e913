"""From a source of the study to the pages of its platform.

One function a kind: it yields pages with the parser that reads them. Kinds that a later
version brings are refused by name.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from connectors import bluesky, jetstream, reddit
from connectors.vault import open_vault
from flows.workspace import Workspace, read_private_lines
from schema.errors import BadInput, PolicyRefused, SourceRefused
from schema.pages import CollectionQuery, ParsedPage, RawPage
from schema.study import (
    BlueskyAuthorSource,
    BlueskyStreamSource,
    RedditSource,
    Source,
    source_platform,
)
from transforms.pseudonymize import author_pseudonyms
from warehouse import store

NETWORK = "network"  # the venue of a Bluesky post that no custom feed showed
STREAM_IDLE_SECONDS = 2.0  # a pass over a stream ends when its live tip has been quiet so long

Parser = Callable[[RawPage], ParsedPage]


@dataclass(frozen=True, slots=True)
class Reading:
    """A page beside the function that parses it."""

    page: RawPage
    parse: Parser


def readings(workspace: Workspace, source: Source) -> Iterator[Reading]:
    """Yield a source's pages since its stored position.

    Raises:
        PolicyRefused: a live source without its approval (R1) or ethics record (R5).
        BadInput: a kind or option that this version does not read.
    """
    check_permission(workspace, source)
    if isinstance(source, RedditSource):
        return _subreddit(workspace, source)
    if isinstance(source, BlueskyAuthorSource):
        return _authors(workspace, source)
    if isinstance(source, BlueskyStreamSource):
        return _stream(workspace, source)
    raise BadInput(
        f"source {source.name}: kind {source.kind} comes with a later version: "
        "leave it out of this run"
    )


def check_permission(workspace: Workspace, source: Source) -> None:
    """Refuse a live source whose records are missing or out of date (R1, R5)."""
    study, today = workspace.study, workspace.now().date()
    platform = source_platform(source)
    if study.policy.allow_loopback and study.is_invented(platform):
        return
    ethics = study.policy.ethics
    if ethics is None or ethics.expires < today:
        raise PolicyRefused(
            f"source {source.name}: R5 wants a valid [policy.ethics] record before a live source "
            "runs: add it or renew it"
        )
    if platform != "reddit" or not isinstance(source, RedditSource):
        return
    approval = study.platforms.reddit.approval
    covered = () if approval is None else tuple(c.lower() for c in approval.communities)
    if approval is None or approval.expires < today or source.subreddit.lower() not in covered:
        raise PolicyRefused(
            f"source {source.name}: R1 wants a valid [platforms.reddit.approval] that covers its "
            "community: a live Reddit source refuses without it"
        )


def query_for(
    workspace: Workspace, source: str, *, stream: str, venue: str, actor: str | None = None
) -> CollectionQuery:
    """Build the query that goes on from a stream's stored position."""
    with store.open_warehouse(workspace.warehouse, now=workspace.now()) as warehouse:
        position = store.read_position(warehouse, stream)
    return CollectionQuery(
        source=source,
        stream=stream,
        venue=venue,
        since=workspace.since,
        now=workspace.now(),
        until=workspace.until,
        position=position,
        actor=actor,
    )


def _subreddit(workspace: Workspace, source: RedditSource) -> Iterator[Reading]:
    if source.listing != "new":
        raise BadInput(
            f"source {source.name}: listing {source.listing} comes with a later version: use new"
        )
    client = reddit.connect(workspace.reddit_credentials())
    query = query_for(workspace, source.name, stream=source.name, venue=source.subreddit)
    for page in reddit.fetch_pages(client, query):
        yield Reading(page, reddit.parse_page)


def _authors(workspace: Workspace, source: BlueskyAuthorSource) -> Iterator[Reading]:
    names = read_private_lines(
        source.authors_file, source=source.name, study_directory=workspace.directory
    )
    client = bluesky.connect(workspace.study.platforms.bluesky.appview)
    dids = bluesky.resolve_actors(client, names)
    key = workspace.key.pseudonym_key("bluesky")
    refused = len(set(names) - set(dids))
    for did, pseudonym in zip(
        dids.values(), author_pseudonyms("bluesky", list(dids.values()), key=key), strict=True
    ):
        query = query_for(
            workspace,
            source.name,
            stream=f"{source.name}/{pseudonym}",
            venue=NETWORK,
            actor=did,
        )
        try:
            for page in bluesky.fetch_author_pages(client, query):
                yield Reading(page, bluesky.parse_page)
        except SourceRefused:
            refused += 1  # an account that closed must not end the others' pass
    if names and refused == len(names):
        raise SourceRefused(
            f"source {source.name}: none of its {refused} accounts can be read: "
            "look at its file of names"
        )


def _stream(workspace: Workspace, source: BlueskyStreamSource) -> Iterator[Reading]:
    hosts = workspace.study.platforms.bluesky.jetstream
    if not hosts:
        raise BadInput(f"source {source.name}: platforms.bluesky.jetstream names no host: add one")
    query = query_for(workspace, source.name, stream=source.name, venue=NETWORK)
    events = jetstream.fetch_event_pages(
        hosts, query, wanted=event_filter(workspace, source), idle_seconds=STREAM_IDLE_SECONDS
    )
    for page in events:
        yield Reading(page, jetstream.parse_events)


def event_filter(workspace: Workspace, source: BlueskyStreamSource) -> jetstream.EventFilter:
    """Gather what a stream lets through: words, authors, replies to what is held."""
    words = list(source.keywords)
    if source.keywords_file is not None:
        path = workspace.directory / source.keywords_file
        if not path.is_file():
            raise BadInput(
                f"source {source.name}: keywords_file {source.keywords_file} does not exist: "
                "create it, one word or phrase a line"
            )
        lines = path.read_text(encoding="utf-8").splitlines()
        words += [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    dids: list[str] = []
    if source.authors_file is not None:
        dids = read_private_lines(
            source.authors_file, source=source.name, study_directory=workspace.directory
        )
    return jetstream.EventFilter(
        keywords=tuple(words),
        dids=frozenset(dids),
        reply_to=_held_posts(workspace) if source.collect_replies else frozenset(),
    )


def _held_posts(workspace: Workspace) -> frozenset[str]:
    horizon = workspace.now() + timedelta(days=36500)
    with open_vault(workspace.vault, workspace.key.vault_keys()) as vault:
        held = vault.due(horizon, "bluesky", limit=1_000_000)
    return frozenset(entry.native_id for entry in held)
