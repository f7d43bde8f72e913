"""Identifiers as the two platforms spell them, made from a seed.

Syntax only: Reddit's base-36 fullnames; atproto's DIDs (`did:plc:` and 24 characters), record keys
(13 characters of time, sortable) and CIDs (version 1, dag-cbor, SHA-256).
"""

import base64
import hashlib
from datetime import UTC, datetime
from typing import Final

import numpy as np
import orjson

BASE36: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
SORTABLE32: Final = "234567abcdefghijklmnopqrstuvwxyz"
POST_COLLECTION: Final = "app.bsky.feed.post"


def base36(number: int) -> str:
    """Spell a number ≥ 0 as Reddit spells its ids."""
    digits = ""
    while number:
        number, rest = divmod(number, 36)
        digits = BASE36[rest] + digits
    return digits or "0"


def did(rng: np.random.Generator) -> str:
    """Draw a `did:plc` identifier."""
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    return "did:plc:" + "".join(letters[i] for i in rng.integers(0, 32, 24))


def record_key(at: datetime, clock_id: int) -> str:
    """Spell an instant as atproto's record key: 13 sortable characters."""
    number = (microseconds(at) << 10) | (clock_id & 1023)
    return "".join(SORTABLE32[(number >> shift) & 31] for shift in range(60, -1, -5))


def cid(record: object) -> str:
    """Give a record's content id; a changed record gets another one."""
    digest = hashlib.sha256(orjson.dumps(record, option=orjson.OPT_SORT_KEYS)).digest()
    raw = b"\x01\x71\x12\x20" + digest
    return "b" + base64.b32encode(raw).decode().lower().rstrip("=")


def post_uri(author_did: str, key: str) -> str:
    """Give the at-uri of a post."""
    return f"at://{author_did}/{POST_COLLECTION}/{key}"


def microseconds(at: datetime) -> int:
    """Give an instant as microseconds since 1970, exactly."""
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def iso_milliseconds(at: datetime) -> str:
    """Spell an instant as Bluesky's app does, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def iso_microseconds(at: datetime) -> str:
    """Spell an instant as Jetstream does, to the microsecond."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
