"""From the stream's events to collected posts and removals. Pure.

Source: events of `network.bsky.jetstream.subscribeEvents`. A commit names its author by DID
alone: handles and the author's wish to be hidden stand in the profile, which the caller may
hand in. Counts are never in an event.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from connectors.atproto_syntax import (
    POST_COLLECTION,
    PROFILE_COLLECTION,
    RecordUri,
    is_did,
    record_uri,
)
from connectors.bluesky_parse import Malformed, parsed, post_row, removal, set_aside
from connectors.bluesky_record import SIGNED_IN_ONLY, label_values
from connectors.jetstream_wire import METHOD
from schema.pages import ParsedPage, RawPage, SetAside
from schema.vocabulary import RemovalReason

COMMIT: Final = f"{METHOD}#commit"
ACCOUNT: Final = f"{METHOD}#account"
FAULT: Final = "confide#fault"  # stands in a page for a frame that was no event
NO_PROFILES: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType({})
_INACTIVE: dict[str, RemovalReason] = {"deleted": "account_deleted", "takendown": "taken_down"}


class _Sorted:
    """What a page's events come to, taken in order."""

    def __init__(self, page: RawPage, profiles: Mapping[str, Mapping[str, Any]]) -> None:
        self.page = page
        self.profiles = profiles
        self.rows: dict[str, dict[str, Any]] = {}
        self.removals: list[dict[str, Any]] = []
        self.faults: list[SetAside] = []

    def take(self, event: Mapping[str, Any]) -> None:
        kind = event.get("$type")
        if kind == FAULT:
            self.faults.append(SetAside(str(event["fault"]), str(event["skeleton"])))
        elif kind == ACCOUNT:
            self._account(event)
        elif kind == COMMIT:
            self._commit(event)

    def _account(self, event: Mapping[str, Any]) -> None:
        did, account = event.get("did"), event.get("account")
        if not is_did(did) or not isinstance(account, Mapping):
            raise Malformed("account event names no account")
        if not isinstance(account.get("active"), bool):
            raise Malformed("account event does not say whether it is active")
        if not account["active"]:
            status = account.get("status")
            reason = _INACTIVE.get(status if isinstance(status, str) else "", "account_inactive")
            self._drop_author(str(did), reason)

    def _commit(self, event: Mapping[str, Any]) -> None:
        uri, operation = commit_uri(event), event.get("operation")
        if uri is None:
            raise Malformed("commit names no record")
        if operation not in ("create", "update", "delete"):  # it may be a list
            raise Malformed("commit's operation is unknown")
        if uri.collection == PROFILE_COLLECTION:
            if is_signed_in_only(event):
                self._drop_author(uri.did, "outside_policy")
        elif uri.collection == POST_COLLECTION and operation == "delete":
            self.rows.pop(str(uri), None)
            self.removals.append(removal(self.page, "deleted_by_author", native_id=str(uri)))
        elif uri.collection == POST_COLLECTION:
            self.rows.pop(str(uri), None)  # the latest wording stands where it was said
            author = self.profiles.get(uri.did, {})
            self.rows[str(uri)] = post_row(_as_view(event, uri, author), self.page)

    def _drop_author(self, did: str, reason: RemovalReason) -> None:
        """Let an account go, with what it said earlier in this page."""
        self.rows = {uri: row for uri, row in self.rows.items() if row["author"] != did}
        self.removals.append(removal(self.page, reason, author=did))


def parse_events(
    page: RawPage, *, profiles: Mapping[str, Mapping[str, Any]] = NO_PROFILES
) -> ParsedPage:
    """Sort a page of events into posts, removals and faults, in the order they happened.

    `profiles` are the AppView's profile views by DID, as far as the caller asked for them: they
    say who wants signed-in readers only, and which names to mask.

    A post that is deleted later in the page is a removal alone. An account that is active
    again says nothing: its posts come back when they are looked at.
    """
    found = _Sorted(page, profiles)
    for event in page.items:
        try:
            found.take(event)
        except Malformed as fault:
            found.faults.append(set_aside(str(fault), event))
    return parsed(found.rows.values(), found.removals, found.faults)


def post_authors(page: RawPage) -> list[str]:
    """List whose posts a page holds, each DID once: the profiles worth asking for."""
    uris = (commit_uri(event) for event in page.items if event.get("operation") != "delete")
    dids = (uri.did for uri in uris if uri is not None and uri.collection == POST_COLLECTION)
    return list(dict.fromkeys(dids))


def commit_uri(event: Mapping[str, Any]) -> RecordUri | None:
    """Put a commit's at-uri together; None where its parts are not well-formed."""
    parts = [event.get(key) for key in ("did", "collection", "rkey")]
    if not all(isinstance(part, str) for part in parts):
        return None
    return record_uri("at://{}/{}/{}".format(*parts))


def is_signed_in_only(event: Mapping[str, Any]) -> bool:
    """Tell whether a profile asks that only signed-in readers see its account."""
    record = event.get("record")
    labels = record.get("labels") if isinstance(record, Mapping) else None
    return SIGNED_IN_ONLY in label_values(labels)


def _as_view(event: Mapping[str, Any], uri: RecordUri, author: Mapping[str, Any]) -> dict[str, Any]:
    """Bring a commit into the form of the AppView's post view."""
    taken_in_at = event.get("witnessedAt") or event.get("time")
    view = {
        "uri": str(uri),
        "author": author,
        "record": event.get("record"),
        "indexedAt": taken_in_at,
    }
    return view | {"editedAt": taken_in_at} if event["operation"] == "update" else view
