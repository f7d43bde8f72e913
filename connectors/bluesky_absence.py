"""Why posts are missing from `getPosts`, which leaves out without a word whatever it does not show.

They are asked for once more; then the AppView is asked for their authors (`getProfiles`,
`getProfile`), and the authors' own servers for the record or the account. So what a person
deleted, what moderators took down, a closed account and a glitch are told apart.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from atproto import Client, exceptions, models

from connectors.atproto_syntax import RecordUri, record_time, record_uri
from connectors.bluesky import fetch_profiles
from connectors.bluesky_call import refusal
from connectors.bluesky_home import AccountFate, Home, RecordFate
from connectors.bluesky_parse import account, parsed, removal
from schema.errors import SourceUnavailable
from schema.pages import CollectionQuery, ParsedPage, RawPage

INDEX_LAG: Final = timedelta(hours=6)  # a post younger than this may not be in the index yet
GLITCH_ACCOUNTS: Final = 4  # so many accounts do not vanish at once without their servers' word

_APPVIEW_SAYS: dict[str, AccountFate] = {
    "AccountDeactivated": "deactivated",
    "AccountTakedown": "takendown",  # a suspension, too: the AppView does not tell them apart
}


@dataclass(slots=True)
class Findings:
    """What was found out of missing posts. Names people: memory only."""

    accounts: dict[str, AccountFate] = field(default_factory=dict, repr=False)
    records: dict[str, RecordFate] = field(default_factory=dict, repr=False)
    requests_count: int = 0


def explain(
    client: Client, query: CollectionQuery, missing: Sequence[str], *, home: Home | None
) -> tuple[RawPage, ParsedPage]:
    """Find out why posts are missing from two answers; n at-uris to at most n removals.

    Without `home` a post whose author stands is `not_found`, and an account that the AppView
    does not know is hidden, not removed.

    Raises:
        SourceUnavailable: nothing that was asked for was answered, which is not believed.
    """
    uris = [uri for text in missing if (uri := record_uri(text)) is not None]
    asked_before = home.questions_count if home is not None else 0
    found = Findings()
    _ask_for_accounts(client, query, uris, found, home)
    if home is not None:
        for uri in uris:
            if found.accounts[uri.did] == "active":
                found.records[str(uri)] = home.record(uri)
        found.requests_count += home.questions_count - asked_before
    page = RawPage(
        platform="bluesky",
        source=query.source,
        stream=query.stream,
        venue=query.venue,
        observed_at=query.answered_at(),
        requests_count=found.requests_count,
    )
    return page, judge(page, uris, found)


def judge(page: RawPage, uris: Sequence[RecordUri], found: Findings) -> ParsedPage:
    """Tell removals from accounts that are closed; what is too young to judge is left out."""
    removals: list[dict[str, Any]] = []
    accounts = []
    for did, fate in found.accounts.items():
        if fate == "deleted":
            removals.append(removal(page, "account_deleted", author=did))
        else:
            status = "inactive" if fate == "unknown" else fate
            accounts.append(account(page, did, status, told_by="appview"))
    for uri in uris:
        if found.accounts[uri.did] == "active":
            record = found.records.get(str(uri), "unknown")
            reason = _reason(record, is_young=_is_young(uri, page.observed_at))
            if reason is not None:
                removals.append(removal(page, reason, native_id=str(uri)))
    return parsed([], removals, [], accounts=accounts)


def _reason(record: RecordFate, *, is_young: bool) -> str | None:
    if record == "gone":
        return "deleted_by_author"
    if is_young:
        return None  # the index may not have it yet: it is looked at again
    return "taken_down" if record == "stands" else "not_found"


def _is_young(uri: RecordUri, now: datetime) -> bool:
    written_at = record_time(uri.rkey)
    return written_at is not None and now - INDEX_LAG < written_at <= now + timedelta(minutes=5)


def _ask_for_accounts(
    client: Client,
    query: CollectionQuery,
    uris: Sequence[RecordUri],
    found: Findings,
    home: Home | None,
) -> None:
    dids = list(dict.fromkeys(uri.did for uri in uris))
    standing = fetch_profiles(client, dids, source=query.source)
    found.requests_count += -(-len(dids) // 25)
    is_confirmed = bool(standing)
    for did in dids:
        fate: AccountFate = "active" if did in standing else _closed(client, query, did)
        found.requests_count += did not in standing
        if fate == "unknown" and home is not None:
            told = home.account(did)
            # who is not known to the AppView is not shown, whatever their own server says
            fate = "unknown" if told == "active" else told
        is_confirmed |= fate != "unknown"
        found.accounts[did] = fate
    if len(dids) >= GLITCH_ACCOUNTS and not is_confirmed:
        raise SourceUnavailable(
            f"{query.source}: Bluesky knows none of {len(dids)} accounts whose posts it left out, "
            "which is not believed: run again later"
        )


def _closed(client: Client, query: CollectionQuery, did: str) -> AccountFate:
    """Ask the AppView for one account that it left out of a list.

    Raises:
        SourceUnavailable: rate limit, timeout or server error.
    """
    params = models.AppBskyActorGetProfile.Params(actor=did)
    try:
        client.invoke_query("app.bsky.actor.getProfile", params=params)
    except exceptions.BadRequestError as error:
        name = str(getattr(getattr(error.response, "content", None), "error", ""))
        return _APPVIEW_SAYS.get(name, "unknown")
    except Exception as error:
        raise refusal(error, source=query.source) from None  # its text may hold a name
    return "active"
