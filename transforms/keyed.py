"""Keyed stand-ins: HMAC-SHA-256 (RFC 2104) of an id or account under its platform's subkey.

The subkey enters as its 64 hexadecimal digits, because the hashing plugin takes text: the HMAC
key is then exactly one block long. A row key is the first 64 bits: among ten million posts two
meet with a chance of 3 in a million. A pseudonym is 128 bits. The expressions carry the key:
they are for frames in memory, and no lazy plan of them may be kept.
"""

from typing import Final

import polars as pl
from polars_hash import CryptographicHashingNameSpace

from schema.vocabulary import Platform

SHORTEST_KEY_BYTES: Final = 32
VENUE_DIGITS: Final = 12
OWN_PAGE: Final = r"^(?i)/?u[_/](.+)$"  # on Reddit, whose it is

_AUTHOR: Final = "author\0"  # kinds of value are told apart, so that none can stand for another
_VENUE: Final = "venue\0"
_VERSION: Final = "version\0"


def check_key(key: bytes) -> None:
    """Refuse a key that could be guessed.

    Raises:
        ValueError: `key` is shorter than 32 bytes.
    """
    if len(key) < SHORTEST_KEY_BYTES:
        raise ValueError(f"a key has {SHORTEST_KEY_BYTES} bytes or more, not {len(key)}")


def row_key(native_id: pl.Expr, key: bytes) -> pl.Expr:
    """Map native ids to 64-bit numbers; null stays null."""
    return _number(_digest(native_id, key))


def version_key(fields: list[str], key: bytes) -> pl.Expr:
    """Map an id with its wording to a 64-bit number: another wording, another number."""
    written = [pl.col(field).fill_null("\0") for field in fields]
    return _number(_digest(pl.lit(_VERSION) + pl.concat_str(written, separator="\x1f"), key))


def pseudonym(platform: Platform, account: pl.Expr, key: bytes) -> pl.Expr:
    """Map accounts to 32 hexadecimal digits; Reddit takes a name in any case, so we do."""
    spelt = account.str.to_lowercase() if platform == "reddit" else account
    return _digest(pl.lit(_AUTHOR) + spelt, key).str.slice(0, 32)


def community(platform: Platform, venue: pl.Expr, key: bytes) -> pl.Expr:
    """Name a venue `platform/venue`; what names a person there is a pseudonym.

    A person's own page is `u_name` on Reddit; a Bluesky feed's at-uri holds its maker's DID.
    """
    page = venue.str.extract(OWN_PAGE)
    if platform == "reddit":
        personal = pl.lit("u_") + pseudonym(platform, page, key).str.slice(0, VENUE_DIGITS)
    else:
        hashed = _digest(pl.lit(_VENUE) + venue, key).str.slice(0, VENUE_DIGITS)
        names_somebody = venue.str.contains(r"://|did:|[.@]")
        personal = pl.when(names_somebody).then(pl.lit("feed_") + hashed)
    return pl.lit(f"{platform}/") + pl.coalesce(personal, venue)


def _digest(text: pl.Expr, key: bytes) -> pl.Expr:
    return CryptographicHashingNameSpace(text).hmac_sha256(key=key.hex())


def _number(digest: pl.Expr) -> pl.Expr:
    return digest.str.slice(0, 16).str.to_integer(base=16, dtype=pl.UInt64)
