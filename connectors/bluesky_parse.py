"""From Bluesky's post views to collected posts. Pure.

Source: `app.bsky.feed.defs#postView` as the AppView answers it, read raw: the SDK's models
fail a whole page for one bad view. An event of the stream is brought into the same form.
Units: counts are whole numbers as last seen by the AppView; times are UTC, microseconds.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from connectors.atproto_syntax import RecordUri, is_handle, post_uri, record_uri, utc_time
from connectors.bluesky_record import (
    ADULT_LABELS,
    SIGNED_IN_ONLY,
    TAKEDOWN,
    declared_languages,
    declared_wishes,
    is_name,
    label_values,
    labels_of,
    read_embed,
    read_facets,
)
from schema.accounts import CollectedAccount, CollectedLabel, CollectedWish
from schema.frames import empty, validated
from schema.pages import ParsedPage, RawPage, SetAside, skeleton
from schema.posts import CollectedPost
from schema.removals import CollectedRemoval

POST_TYPE: Final = "app.bsky.feed.post"
NOT_FOUND: Final = "app.bsky.feed.defs#notFoundPost"
BLOCKED: Final = "app.bsky.feed.defs#blockedPost"
PLATFORM_BEGAN: Final = datetime(2022, 11, 1, tzinfo=UTC)
CLOCK_SKEW: Final = timedelta(minutes=5)

_RULES = {NOT_FOUND: "thread: post not found", BLOCKED: "thread: post blocked"}
# the rest is counted: an unknown key may be anything, a name too
_KNOWN_KEYS = frozenset(
    {"$type", "author", "collection", "createdAt", "did", "facets", "fault", "indexedAt"}
    | {"kind", "operation", "record", "reply", "rkey", "seq", "text", "uri", "witnessedAt"}
)
_COUNTS = {
    "replies_count": "replyCount",
    "bluesky_likes_count": "likeCount",
    "bluesky_reposts_count": "repostCount",
    "bluesky_quotes_count": "quoteCount",
}


class Malformed(Exception):
    """An item breaks a rule; the message is the rule, never a value."""


def parse_page(page: RawPage) -> ParsedPage:
    """Sort a page of post views; n items to at most n posts, one for each at-uri.

    A view whose labels say `!takedown` is a removal. An account whose post is shown stands, says
    the AppView. Markers of posts that a thread no longer
    shows, and views that break a rule, are set aside and counted.
    """
    rows: dict[str, dict[str, Any]] = {}
    removals: list[dict[str, Any]] = []
    faults: list[SetAside] = []
    labels: list[dict[str, Any]] = []
    standing: dict[str, dict[str, Any]] = {}
    for item in page.items:
        try:
            row = post_row(item, page)
        except Malformed as fault:
            faults.append(set_aside(str(fault), item))
            continue
        if TAKEDOWN in label_values(item.get("labels")):
            removals.append(removal(page, "taken_down", native_id=row["native_id"]))
        else:
            rows[row["native_id"]] = row
            labels += post_labels(item, row)
            standing[row["author"]] = account(page, row["author"], "active", told_by="appview")
    return parsed(rows.values(), removals, faults, accounts=list(standing.values()), labels=labels)


def post_labels(item: Mapping[str, Any], row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Make rows of `CollectedLabel` of what a post is labelled with."""
    found = labels_of(item, item["record"], row["author"])
    place = {"platform": "bluesky", "native_id": row["native_id"]}
    return [place | {"label": label, "is_self": is_self} for label, is_self in sorted(found)]


def account(
    page: RawPage,
    did: str,
    status: str,
    *,
    told_by: str,
    since: datetime | None = None,
    labeler: str | None = None,
    until: datetime | None = None,
) -> dict[str, Any]:
    """Make a row of `CollectedAccount`; without `since` it holds as of the page."""
    return {
        "platform": "bluesky",
        "author": did,
        "status": status,
        "told_by": told_by,
        "labeler": labeler,
        "until": until,
        "observed_at": since or page.observed_at,
    }


def post_row(item: Mapping[str, Any], page: RawPage) -> dict[str, Any]:
    """Turn one post view into a row of `CollectedPost`.

    Raises:
        Malformed: the view cannot be a post; its message is the rule that it breaks.
    """
    uri, record, created_at = _essentials(item)
    observed = {
        "platform": "bluesky",
        "native_id": str(uri),
        "kind": "post",
        "author": uri.did,
        "author_names": _author_names(item["author"]),
        "venue": page.venue,
        "created_at": created_at,
        "is_created_at_plausible": _is_plausible(created_at, page.observed_at),
        "indexed_at": utc_time(item.get("indexedAt")),
        "observed_at": page.observed_at,
        "edited_at": utc_time(item.get("editedAt")),
        "is_edited": "editedAt" in item,
    }
    counts = {column: _count(item.get(key)) for column, key in _COUNTS.items()}
    thread = _thread(record.get("reply"), uri)
    return observed | thread | _content(item, record) | _labels(item, record) | counts


def wish_rows(page: RawPage, did: str, declaration: object) -> list[dict[str, Any]]:
    """Make a row of `CollectedWish` of each wish a declaration could tell; of none, all open."""
    return [
        {
            "platform": "bluesky",
            "author": did,
            "wish": wish,
            "value": value,
            "declared_at": utc_time(declared),
            "observed_at": page.observed_at,
        }
        for wish, (value, declared) in declared_wishes(declaration).items()
    ]


def parsed(
    rows: Iterable[Mapping[str, Any]],
    removals: Sequence[Mapping[str, Any]],
    faults: Sequence[SetAside],
    *,
    accounts: Sequence[Mapping[str, Any]] = (),
    wishes: Sequence[Mapping[str, Any]] = (),
    labels: Sequence[Mapping[str, Any]] = (),
) -> ParsedPage:
    """Put rows into their frames; faults of one rule and shape become one row with a count."""
    counts = Counter[tuple[str, str]]()
    for fault in faults:
        counts[fault.rule, fault.skeleton] += fault.count
    unique = {(r["native_id"], r["author"]): r for r in reversed(removals)}
    return ParsedPage(
        posts=validated(CollectedPost, _frame(rows, empty(CollectedPost))),
        removals=validated(
            CollectedRemoval, _frame(reversed(unique.values()), empty(CollectedRemoval))
        ),
        accounts=validated(CollectedAccount, _frame(accounts, empty(CollectedAccount))),
        wishes=validated(CollectedWish, _frame(wishes, empty(CollectedWish))),
        labels=validated(CollectedLabel, _frame(labels, empty(CollectedLabel))),
        set_aside=tuple(SetAside(*shape, count=count) for shape, count in sorted(counts.items())),
    )


def _frame(rows: Iterable[Mapping[str, Any]], like: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=like.schema)


def set_aside(rule: str, item: object) -> SetAside:
    """Keep an item's shape, and that of its record, without a value."""
    shape = skeleton(item, known=_KNOWN_KEYS)
    inner = item.get("record") if isinstance(item, Mapping) else None
    if isinstance(inner, Mapping):
        shape = f'{shape[:-1]}, "record_keys": {skeleton(inner, known=_KNOWN_KEYS)}}}'
    return SetAside(rule, shape)


def removal(
    page: RawPage, reason: str, *, native_id: str | None = None, author: str | None = None
) -> dict[str, Any]:
    """Make a row of `CollectedRemoval`: one post, or one account."""
    return {
        "platform": "bluesky",
        "native_id": native_id,
        "author": author,
        "reason": reason,
        "observed_at": page.observed_at,
    }


def _essentials(item: Mapping[str, Any]) -> tuple[RecordUri, Mapping[str, Any], datetime]:
    """Check what a post cannot be without."""
    if (rule := _RULES.get(str(item.get("$type")))) is not None:
        raise Malformed(rule)
    uri = post_uri(item.get("uri"))
    if uri is None:
        raise Malformed("uri does not name a post by its account's DID")
    if not isinstance(item.get("author"), Mapping):
        raise Malformed("author is missing or no object")  # nor is their wish to be unseen known
    record = item.get("record")
    if not isinstance(record, Mapping):
        raise Malformed("record is missing or no object")
    if record.get("$type", POST_TYPE) != POST_TYPE:
        raise Malformed("record is not a post")
    if not isinstance(record.get("text"), str):
        raise Malformed("text is missing or no string")
    created_at = utc_time(record.get("createdAt"))
    if created_at is None:
        raise Malformed("createdAt is no time with a zone")
    return uri, record, created_at


def _content(item: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, Any]:
    """Read text and what it points at; the view's own embed adds the names of those quoted."""
    facets = read_facets(record["text"], record.get("facets"))
    embedded = read_embed(record.get("embed"), item.get("embed"))
    tags = record.get("tags")
    return {
        "text": facets.text,
        "alt_text": embedded.alt_text,
        "quoted_text": embedded.card_text,
        "links": list(dict.fromkeys(facets.links + embedded.links)),
        "mentions": list(dict.fromkeys(facets.mentions + embedded.accounts)),
        "declared_languages": declared_languages(record.get("langs")),
        "hashtags_count": facets.hashtags_count + (len(tags) if isinstance(tags, list) else 0),
    }


def _labels(item: Mapping[str, Any], record: Mapping[str, Any]) -> dict[str, bool]:
    """Read what author and moderators say of the post, and of its author's account."""
    labels = label_values(item.get("labels")) | label_values(record.get("labels"))
    labels |= label_values(item["author"].get("labels"))
    return {
        "is_nsfw": not labels.isdisjoint(ADULT_LABELS),
        "is_visible_logged_out": SIGNED_IN_ONLY not in labels,
    }


def _author_names(author: Mapping[str, Any]) -> list[str]:
    names = [author.get("handle"), author.get("displayName")]
    if not is_handle(names[0]) or names[0] == "handle.invalid":
        names[0] = None
    return [name.strip() for name in names if isinstance(name, str) and is_name(name)]


def _thread(reply: object, uri: RecordUri) -> dict[str, str | None]:
    """Name root and parent; a post that answers none is its own root."""
    if reply is None:
        return {"root_native_id": str(uri), "parent_native_id": None}
    ends = [
        record_uri(reference.get("uri")) if isinstance(reference, Mapping) else None
        for reference in (
            (reply.get("root"), reply.get("parent")) if isinstance(reply, Mapping) else (None,)
        )
    ]
    if None in ends:
        raise Malformed("reply does not name root and parent by their accounts' DIDs")
    return {"root_native_id": str(ends[0]), "parent_native_id": str(ends[1])}


def _count(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**63 else None


def _is_plausible(created_at: datetime, observed_at: datetime) -> bool:
    return PLATFORM_BEGAN <= created_at <= observed_at + CLOCK_SKEW
