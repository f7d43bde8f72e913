"""What accounts declare of the reuse of their posts, asked of their own servers.

Source: record `self` of `org.user-intents.declaration`, proposal 0008, a draft. No AppView
serves it. Who has none, or cannot be asked, has declared nothing, which counts as no.
"""

from collections.abc import Sequence

from connectors.atproto_syntax import DECLARATION_COLLECTIONS, RecordUri
from connectors.bluesky_home import Home
from connectors.bluesky_parse import parsed, wish_rows
from schema.pages import CollectionQuery, ParsedPage, RawPage


def fetch_wishes(
    home: Home, query: CollectionQuery, dids: Sequence[str]
) -> tuple[RawPage, ParsedPage]:
    """Ask for each account's declaration; those whose server does not answer are left out."""
    asked_before = home.questions_count
    told = {did: home.read(RecordUri(did, DECLARATION_COLLECTIONS[0], "self")) for did in dids}
    page = RawPage(
        platform="bluesky",
        source=query.source,
        stream=query.stream,
        venue=query.venue,
        observed_at=query.answered_at(),
        requests_count=home.questions_count - asked_before,
    )
    wishes = [
        row
        for did, (fate, declaration) in told.items()
        if fate != "unknown"
        for row in wish_rows(page, did, declaration)
    ]
    return page, parsed([], [], [], wishes=wishes)
