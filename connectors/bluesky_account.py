"""A page that says of an account that it is not to be read: closed, or meant for others. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from connectors.bluesky_context import parse_page
from connectors.bluesky_parse import parsed, removal
from connectors.bluesky_record import SIGNED_IN_ONLY, label_values
from schema.pages import ParsedPage, RawPage
from schema.vocabulary import RemovalReason

_CLOSED: Final = "confide#account"


def closed(reason: RemovalReason) -> Mapping[str, Any]:
    """Write the one item of such a page."""
    return {"$type": _CLOSED, "reason": reason}


def is_for_signed_in_readers(profile: Mapping[str, Any] | None) -> bool:
    """Tell whether an account asks that only signed-in readers see it (R21)."""
    return profile is not None and SIGNED_IN_ONLY in label_values(profile.get("labels"))


def parse_account(page: RawPage, *, did: str) -> ParsedPage:
    """Sort a page of an account's into posts, or the removal of all it wrote."""
    if page.items and page.items[0].get("$type") == _CLOSED:
        return parsed([], [removal(page, str(page.items[0]["reason"]), author=did)], [])
    return parse_page(page)
