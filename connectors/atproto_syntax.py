"""Strings of the AT protocol: at-uris, DIDs, handles, times and languages.

Source: the protocol's syntax specifications. Every function answers None for what is not
well-formed, so a stranger's client can write what it likes.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, NamedTuple

POST_COLLECTION: Final = "app.bsky.feed.post"
PROFILE_COLLECTION: Final = "app.bsky.actor.profile"
# proposal 0008, a draft, and its public trial
DECLARATION_COLLECTIONS: Final = (
    "org.user-intents.declaration",
    "org.user-intents.demo.declaration",
)

_DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]{0,2046}[A-Za-z0-9._-]", re.ASCII)
_HANDLE = re.compile(
    r"(?=.{1,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+"
    r"[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?",
    re.ASCII,
)
_RECORD_URI = re.compile(
    rf"at://(?P<did>{_DID.pattern})"
    r"/(?P<collection>[A-Za-z][A-Za-z0-9-]*(?:\.[A-Za-z][A-Za-z0-9-]*){2,})"
    r"/(?P<rkey>[A-Za-z0-9._:~-]{1,512})",
    re.ASCII,
)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,20}))?(Z|[+-]\d\d:[0-5]\d)", re.ASCII
)
_TID_SIGNS: Final = "234567abcdefghijklmnopqrstuvwxyz"
_TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}", re.ASCII)
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:-[A-Za-z0-9]{1,8})*", re.ASCII)


class RecordUri(NamedTuple):
    """A record's address, its account named by DID."""

    did: str
    collection: str
    rkey: str

    def __str__(self) -> str:
        """Write the at-uri."""
        return f"at://{self.did}/{self.collection}/{self.rkey}"


def is_did(value: object) -> bool:
    """Tell whether a value is an account's permanent name."""
    return isinstance(value, str) and len(value) <= 2048 and _DID.fullmatch(value) is not None


def is_handle(value: object) -> bool:
    """Tell whether a value is an account's readable name; a handle may change its owner."""
    return isinstance(value, str) and _HANDLE.fullmatch(value) is not None


def record_uri(value: object) -> RecordUri | None:
    """Take an at-uri apart; None unless it names one record of an account's DID."""
    if not isinstance(value, str) or len(value) > 8192:
        return None
    match = _RECORD_URI.fullmatch(value)
    if match is None or match["rkey"] in {".", ".."}:
        return None
    return RecordUri(match["did"], match["collection"], match["rkey"])


def post_uri(value: object) -> RecordUri | None:
    """Take a post's at-uri apart; None where it names another kind of record."""
    uri = record_uri(value)
    return uri if uri is not None and uri.collection == POST_COLLECTION else None


def utc_time(value: object) -> datetime | None:
    """Read the protocol's one form of time, to the microsecond; a zone is required."""
    if not isinstance(value, str) or not (match := _TIME.fullmatch(value)):
        return None
    clock, fraction, zone = match.groups()
    if zone == "-00:00":
        return None
    try:
        local = datetime.fromisoformat(clock).replace(
            microsecond=int((fraction or "")[:6].ljust(6, "0")), tzinfo=_zone(zone)
        )
        return local.astimezone(UTC)
    except (ValueError, OverflowError):  # 30 February, 25 o'clock, before year 1
        return None


def record_time(rkey: str) -> datetime | None:
    """Read the instant in a record key; None where it is no timestamp identifier.

    The author's client wrote it, as it wrote `createdAt`: it may be false.
    """
    if _TID.fullmatch(rkey) is None:
        return None
    number = 0
    for sign in rkey:
        number = number * 32 + _TID_SIGNS.index(sign)
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=number >> 10)


def iso(moment: datetime) -> str:
    """Write an instant as the protocol does, in UTC to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def primary_language(value: object) -> str | None:
    """Take the primary subtag of a well-formed language tag, in lower case."""
    match = _LANGUAGE.fullmatch(value) if isinstance(value, str) and len(value) < 100 else None
    return match[1].lower() if match else None


def _zone(offset: str) -> timezone:
    if offset == "Z":
        return UTC
    minutes = int(offset[1:3]) * 60 + int(offset[4:6])
    return timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
