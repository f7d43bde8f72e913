"""From the stream's events to collected posts and removals. Pure.

Source: events of `network.bsky.jetstream.subscribeEvents`. A commit names its author by DID
alone: handles and the author's wish to be hidden stand in the profile, which the caller may
hand in. Counts are never in an event.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from connectors.atproto_syntax import (
    DECLARATION_COLLECTIONS,
    POST_COLLECTION,
    PROFILE_COLLECTION,
    RecordUri,
    is_did,
    record_uri,
    utc_time,
)
from connectors.bluesky_parse import (
    Malformed,
    account,
    parsed,
    post_labels,
    post_row,
    removal,
    set_aside,
    wish_rows,
)
from connectors.bluesky_record import SIGNED_IN_ONLY, label_values
from connectors.jetstream_wire import METHOD
from schema.pages import ParsedPage, RawPage, SetAside
from schema.vocabulary import AccountStatus, RemovalReason

COMMIT: Final = f"{METHOD}#commit"
ACCOUNT: Final = f"{METHOD}#account"
FAULT: Final = "confide#fault"  # stands in a page for a frame that was no event
NO_PROFILES: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType({})
# Whether an account may be shown is said by `active` alone; `desynchronized` and `throttled` may
# stand beside either. Deactivated and suspended are meant to pass, a takedown may be undone, and
# only `deleted` asks for the content to be removed (atproto.com/specs/account).
_CLOSED: dict[object, AccountStatus] = {
    "deactivated": "deactivated",
    "suspended": "suspended",
    "takendown": "takendown",
}


class _Sorted:
    """What a page's events come to, taken in order."""

    def __init__(self, page: RawPage, profiles: Mapping[str, Mapping[str, Any]]) -> None:
        self.page = page
        self.profiles = profiles
        self.rows: dict[str, dict[str, Any]] = {}
        self.removals: list[dict[str, Any]] = []
        self.accounts: list[dict[str, Any]] = []
        self.wishes: list[dict[str, Any]] = []
        self.labels: dict[str, list[dict[str, Any]]] = {}
        self.deleted: dict[str, str] = {}  # at-uri to the revision that deleted it
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
        did, told = event.get("did"), event.get("account")
        if not is_did(did) or not isinstance(told, Mapping):
            raise Malformed("account event names no account")
        if not isinstance(told.get("active"), bool):
            raise Malformed("account event does not say whether it is active")
        if not told["active"] and told.get("status") == "deleted":
            self._drop_author(str(did), "account_deleted")
            return
        given = told.get("status")
        closed = _CLOSED.get(given if isinstance(given, str) else None, "inactive")
        status = "active" if told["active"] else closed
        since = utc_time(event.get("witnessedAt")) or utc_time(event.get("time"))
        self.accounts.append(account(self.page, str(did), status, told_by="event", since=since))

    def _commit(self, event: Mapping[str, Any]) -> None:
        uri, operation = commit_uri(event), event.get("operation")
        if uri is None:
            raise Malformed("commit names no record")
        if operation not in ("create", "update", "delete"):  # it may be a list
            raise Malformed("commit's operation is unknown")
        if uri.collection == PROFILE_COLLECTION:
            if is_signed_in_only(event):
                self._drop_author(uri.did, "outside_policy")
        elif uri.collection in DECLARATION_COLLECTIONS:
            self._declaration(uri.did, event)
        elif uri.collection == POST_COLLECTION and operation == "delete":
            self.rows.pop(str(uri), None)
            self.labels.pop(str(uri), None)
            self.deleted[str(uri)] = _revision(event)
            self.removals.append(removal(self.page, "deleted_by_author", native_id=str(uri)))
        elif uri.collection == POST_COLLECTION:
            self._post(uri, event)

    def _post(self, uri: RecordUri, event: Mapping[str, Any]) -> None:
        """Take the latest wording where it was said, unless it is told again after its end."""
        if "" < _revision(event) < self.deleted.get(str(uri), ""):
            return
        self.rows.pop(str(uri), None)
        self.labels.pop(str(uri), None)
        view = _as_view(event, uri, self.profiles.get(uri.did, {}))
        row = post_row(view, self.page)
        self.rows[str(uri)] = row
        self.labels[str(uri)] = post_labels(view, row)

    def _declaration(self, did: str, event: Mapping[str, Any]) -> None:
        """Take what an account says of reuse; deleting the record takes it all back."""
        self.wishes += wish_rows(self.page, did, event.get("record"))

    def _drop_author(self, did: str, reason: RemovalReason) -> None:
        """Let an account go, with what it said earlier in this page."""
        self.rows = {uri: row for uri, row in self.rows.items() if row["author"] != did}
        self.labels = {uri: rows for uri, rows in self.labels.items() if uri in self.rows}
        self.removals.append(removal(self.page, reason, author=did))


def parse_events(
    page: RawPage, *, profiles: Mapping[str, Mapping[str, Any]] = NO_PROFILES
) -> ParsedPage:
    """Sort a page of events into posts, removals and faults, in the order they happened.

    `profiles` are the AppView's profile views by DID, as far as the caller asked for them: they
    say who wants signed-in readers only, and which names to mask.

    A post that is deleted later in the page is a removal alone; told once more after that, by an
    earlier revision, it stays deleted. An account that closes or is active again is a row of
    `accounts`: its posts are hidden, not removed, unless it is deleted.
    """
    found = _Sorted(page, profiles)
    for event in page.items:
        try:
            found.take(event)
        except Malformed as fault:
            found.faults.append(set_aside(str(fault), event))
    return parsed(
        found.rows.values(),
        found.removals,
        found.faults,
        accounts=found.accounts,
        wishes=found.wishes,
        labels=[label for labels in found.labels.values() for label in labels],
    )


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


def _revision(event: Mapping[str, Any]) -> str:
    """Return a commit's revision: those of one account sort in the order it wrote."""
    revision = event.get("rev")
    return revision if isinstance(revision, str) else ""


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
