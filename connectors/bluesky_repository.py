"""One account's repository: everything it wrote, from its own server, in one file.

Source: `com.atproto.sync.getRepo` at the server that the account's DID document names, no log-in
wanted; a CAR file whose Merkle search tree leads to the records (atproto specs: repository). Posts
come as their author wrote them, without counts: the first refresh brings those. Limits: a file
of more than 128 MiB is not read; one takes about five times its size in memory. `since` brings
what changed behind a revision; what was deleted is in no export, the refresh learns of it.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import orjson
from atproto import CAR, CID, Client

from connectors.atproto_syntax import POST_COLLECTION, PROFILE_COLLECTION
from connectors.bluesky_account import closed
from connectors.bluesky_directory import document_address, server_in
from connectors.bluesky_errors import error_name, refusal
from connectors.bluesky_feed import position_of, reads_back_to
from connectors.bluesky_paging import page_of
from connectors.bluesky_record import label_values
from schema.errors import SourceRefused, SourceUnavailable
from schema.pages import CollectionQuery, Coverage, RawPage
from schema.vocabulary import RemovalReason

BYTES_MAX: Final = 128 * 2**20
PAGE: Final = 500
DOCUMENT_BYTES_MAX: Final = 2**16
DEPTH_MAX: Final = 64  # a tree of 10^12 records has some twenty levels
_REASONS: Final[Mapping[str, RemovalReason]] = {
    "RepoDeactivated": "account_inactive",
    "RepoSuspended": "account_inactive",
    "RepoTakendown": "taken_down",
    "RepoNotFound": "not_found",  # it may have moved meanwhile: nothing keeps it out for good
}
Profile = Mapping[str, Any]


def find_server(directory: Client, did: str, plc: str, *, source: str, is_local: bool) -> str:
    """Ask where an account's repository lies: its DID document says.

    `is_local`: the network is on this machine, and so must the server be; elsewhere it must
    speak https.

    Raises:
        SourceRefused: the account has no document, or it names no such server.
        SourceUnavailable: the directory cannot be asked now.
    """
    url = document_address(plc, did, is_local=is_local)
    if url is None:
        raise SourceRefused(f"{source}: an account's document is nowhere that may be asked")
    try:
        told = orjson.loads(directory.request.download(url, {}, bytes_max=DOCUMENT_BYTES_MAX))
    except Exception as error:  # its text may hold the DID
        raise refusal(error, source=source) from None
    server = server_in(told, did, is_local=is_local)
    if server is None:
        raise SourceRefused(f"{source}: an account's document names no server of its own")
    return server


def fetch_repository_pages(
    client: Client, query: CollectionQuery, profile: Profile | None
) -> Iterator[RawPage]:
    """Yield an account's posts, 500 a page, or one page that says why it is closed.

    `client` asks the account's own server. `profile`: what the AppView says of the account, if it
    knows it. The last page carries the revision that was read, from which the next pass goes on.

    Raises:
        SourceRefused: the server says no, or the repository is too large.
        SourceUnavailable: rate limit, timeout, server error, or a file that is none.
    """
    did = str(query.actor)
    revision = _revision(query)
    params = {"did": did} | ({"since": revision} if revision else {})
    url = f"{client._base_url}/com.atproto.sync.getRepo"
    try:
        body = client.request.download(url, params, bytes_max=BYTES_MAX)
    except Exception as error:
        if (reason := _REASONS.get(error_name(error))) is None:
            raise refusal(error, source=query.source) from None  # its text may hold a name
        yield page_of(client, query, [closed(reason)])
        return
    records, revision = _read(body, query, did)
    views = _views(records, did, profile)
    while items := list(islice(views, PAGE)):
        yield page_of(client, query, items)
    stop = reads_back_to(query)
    yield page_of(
        client,
        query,
        [],
        position=position_of(query, revision=revision),
        covered=(Coverage(stop, query.now),) if stop < query.now else (),
    )


def _revision(query: CollectionQuery) -> str | None:
    """Read up to where the last pass got; None where the study begins earlier now."""
    if query.position is None or reads_back_to(query) == query.since:
        return None
    revision = json.loads(query.position).get("revision")
    return revision if isinstance(revision, str) else None


def _read(body: bytes, query: CollectionQuery, did: str) -> tuple[Iterator[tuple[str, Any]], str]:
    """Open a CAR file: its records, and its revision."""
    try:
        car = CAR.from_bytes(body)
        commit = car.blocks[car.root]
        data, revision, owner = commit["data"], str(commit["rev"]), commit["did"]
    except Exception:  # half a file, or none
        raise _unreadable(query) from None
    if owner != did:
        raise SourceRefused(f"{query.source}: a server gave another account's repository")
    return _records(car.blocks, data, query), revision


def _records(
    blocks: Mapping[CID, Any], root: bytes, query: CollectionQuery
) -> Iterator[tuple[str, Any]]:
    """Walk the tree in its order: each record's path and what it holds.

    A part that has not changed since the last revision is not in the file.
    """
    try:
        yield from _walk(blocks, root, set(), DEPTH_MAX)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise _unreadable(query) from None


def _walk(
    blocks: Mapping[CID, Any], link: bytes | None, seen: set[bytes], depth: int
) -> Iterator[tuple[str, Any]]:
    if link is None or link in seen:
        return
    if depth == 0:
        raise ValueError("the tree has too many levels")
    seen.add(link)
    node = blocks.get(CID.decode(link))
    if node is None:
        return
    yield from _walk(blocks, node["l"], seen, depth - 1)
    key = b""
    for entry in node["e"]:
        key = key[: entry["p"]] + entry["k"]
        if (record := blocks.get(CID.decode(entry["v"]))) is not None:
            yield key.decode(), record
        yield from _walk(blocks, entry["t"], seen, depth - 1)


def _views(
    records: Iterator[tuple[str, Any]], did: str, profile: Profile | None
) -> Iterator[dict[str, Any]]:
    """Bring posts into the form of the AppView's post view; the account's profile comes first."""
    author = dict(profile or {"did": did})
    for path, record in records:
        if path == f"{PROFILE_COLLECTION}/self" and isinstance(record, Mapping):
            author = _with_own_words(author, record)
        elif path.startswith(f"{POST_COLLECTION}/"):
            yield {"uri": f"at://{did}/{path}", "author": author, "record": record}


def _with_own_words(author: dict[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Add what the account's own profile record says: its name, its wishes as labels."""
    labels = label_values(author.get("labels")) | label_values(record.get("labels"))
    name = author.get("displayName") or record.get("displayName")
    return author | {"displayName": name, "labels": [{"val": label} for label in sorted(labels)]}


def _unreadable(query: CollectionQuery) -> SourceUnavailable:
    return SourceUnavailable(f"{query.source}: a repository cannot be read: try again later")
