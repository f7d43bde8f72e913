"""Reddit's things sorted into posts, removals, and items set aside. Pure.

Units: `created_utc` and `edited` are Unix seconds, UTC, as a number or as a numeric string.
A score that Reddit hides is null. The counts under a comment are not given: null.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import polars as pl

from connectors.reddit_text import (
    alt_text,
    clean,
    first_crosspost_parent,
    links,
    mentions,
    quoted_text,
)
from schema.frames import empty, validated
from schema.pages import ParsedPage, RawPage, SetAside, skeleton
from schema.posts import CollectedPost
from schema.removals import CollectedRemoval
from schema.vocabulary import PostKind, RemovalReason

FIELDS: Final = (
    "author",
    "body",
    "created_utc",
    "crosspost_parent_list",
    "edited",
    "gallery_data",
    "hide_score",
    "is_self",
    "link_flair_text",
    "link_id",
    "media",
    "name",
    "num_comments",
    "num_crossposts",
    "over_18",
    "parent_id",
    "poll_data",
    "quarantine",
    "removed_by_category",
    "score",
    "score_hidden",
    "selftext",
    "subreddit",
    "title",
    "url",
)
GONE_ACCOUNT: Final = "gone account"  # our word, no kind of Reddit's: an account it denies
REDDIT_BEGAN: Final = datetime(2005, 6, 23, tzinfo=UTC)
CLOCK_SLACK: Final = timedelta(minutes=10)  # between Reddit's clock and ours
_KNOWN: Final = frozenset(FIELDS)
_ADULT: Final = ("over_18", "quarantine")
_KINDS: Final[Mapping[str, PostKind]] = {"t1": "comment", "t3": "submission"}
_NAME: Final = re.compile(r"t[13]_[0-9a-z]{1,13}")
_GONE_AUTHORS: Final = frozenset({"[deleted]", "[removed]"})
_TAKEN_DOWN: Final = re.compile(r"\[ ?removed by reddit\b", re.IGNORECASE)
_MARKS: Final[Mapping[str, RemovalReason]] = {
    "[deleted]": "deleted_by_author",
    "[deleted by user]": "deleted_by_author",
    "[removed]": "removed_by_moderator",
    "[ removed by moderator ]": "removed_by_moderator",
}
CATEGORIES: Final[Mapping[str, RemovalReason]] = {
    "author": "deleted_by_author",
    "deleted": "deleted_by_author",
    "moderator": "removed_by_moderator",
    "automod_filtered": "removed_by_moderator",
    "anti_evil_ops": "taken_down",
    "community_ops": "taken_down",
    "content_takedown": "taken_down",
    "copyright_takedown": "taken_down",
    "legal_operations": "taken_down",
    "reddit": "taken_down",
}


class _Malformed(ValueError):
    """An item breaks the rule that the message names; it holds no value."""


def parse_page(page: RawPage) -> ParsedPage:
    """Sort n items into posts, removals and items set aside; an id that comes twice counts once.

    A malformed item never keeps the others from being read.
    """
    posts: dict[str, dict[str, Any]] = {}
    removals: dict[str, dict[str, Any]] = {}
    aside: Counter[tuple[str, str]] = Counter()
    for item in page.items:
        data = item.get("data")
        try:
            if item.get("kind") == GONE_ACCOUNT:
                removals[GONE_ACCOUNT] = _account_removal(item["data"]["author"], page)
                continue
            name, kind, data = _identify(item)
            if name in posts or name in removals:
                continue
            if (reason := removal_reason(kind, data)) is not None:
                removals[name] = _removal(name, reason, page)
            else:
                posts[name] = _post(name, kind, data, page)
        except _Malformed as rule:
            aside[str(rule), skeleton(data, known=_KNOWN)] += 1
    return ParsedPage(
        posts=validated(
            CollectedPost,
            pl.DataFrame(list(posts.values()), schema=empty(CollectedPost).schema),
        ),
        removals=validated(
            CollectedRemoval,
            pl.DataFrame(list(removals.values()), schema=empty(CollectedRemoval).schema),
        ),
        set_aside=tuple(
            SetAside(rule=rule, skeleton=shape, count=count)
            for (rule, shape), count in aside.items()
        ),
    )


def record(thing: Any) -> dict[str, Any]:
    """Keep of a thing what is read later; the rest of what Reddit sends is not ours to hold."""
    if not isinstance(thing, Mapping):
        return {"kind": None, "data": thing}
    data = thing.get("data")
    if isinstance(data, Mapping):
        data = {name: data[name] for name in FIELDS if name in data}
    return {"kind": thing.get("kind"), "data": data}


def instant(value: Any) -> datetime | None:
    """Read Unix seconds, as a number or a numeric string; None where they are no date."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = float(value)
        return datetime.fromtimestamp(seconds, UTC) if math.isfinite(seconds) else None
    except (ValueError, OverflowError, OSError):
        return None


def is_plausible(date: datetime, now: datetime) -> bool:
    """Tell whether a post can have been made then: after Reddit began, not after now."""
    return REDDIT_BEGAN <= date <= now + CLOCK_SLACK


def _identify(item: Mapping[str, Any]) -> tuple[str, PostKind, Mapping[str, Any]]:
    kind = item.get("kind")
    if not isinstance(kind, str) or kind not in _KINDS:
        raise _Malformed("neither a submission nor a comment")
    data = item.get("data")
    if not isinstance(data, Mapping):
        raise _Malformed("no data")
    return _fullname(data, "name", kind), _KINDS[kind], data


def _fullname(data: Mapping[str, Any], field: str, *prefixes: str) -> str:
    value = data.get(field)
    if (
        not isinstance(value, str)
        or _NAME.fullmatch(value) is None
        or not value.startswith(prefixes)
    ):
        raise _Malformed(f"{field} is no id")
    return value


def removal_reason(kind: PostKind, data: Mapping[str, Any]) -> RemovalReason | None:
    """Say how a post went, or None where it stands. Its own words tell before its author does."""
    category = data.get("removed_by_category")
    if isinstance(category, str) and category:
        return CATEGORIES.get(category, "removed_by_moderator")
    for field in ("body",) if kind == "comment" else ("selftext", "title"):
        words = data.get(field)
        if not isinstance(words, str):
            continue
        if _TAKEN_DOWN.match(words.strip()):
            return "taken_down"
        if reason := _MARKS.get(words.strip().lower()):
            return reason
    author = data.get("author")
    if isinstance(author, str) and author in _GONE_AUTHORS:
        return "account_deleted"
    return None


def _removal(name: str, reason: RemovalReason, page: RawPage) -> dict[str, Any]:
    return {
        "platform": page.platform,
        "native_id": name,
        "author": None,
        "reason": reason,
        "observed_at": page.observed_at,
    }


def _account_removal(author: str, page: RawPage) -> dict[str, Any]:
    return {**_removal("", "account_deleted", page), "native_id": None, "author": author}


def _post(name: str, kind: PostKind, data: Mapping[str, Any], page: RawPage) -> dict[str, Any]:
    is_root = kind == "submission"
    created_at = instant(data.get("created_utc"))
    if created_at is None:
        raise _Malformed("created_utc is no date")
    author = _words(data, "author", required=True)
    title = _words(data, "title", required=True) if is_root else None
    text = _words(data, "selftext") or "" if is_root else _words(data, "body", required=True)
    quoted = quoted_text(data) if is_root else None
    return {
        "platform": page.platform,
        "native_id": name,
        "kind": kind,
        "root_native_id": name if is_root else _fullname(data, "link_id", "t3"),
        "parent_native_id": None if is_root else _fullname(data, "parent_id", "t1", "t3"),
        "author": author,
        "author_names": [],
        "mentions": mentions(data, title, text, quoted, besides=author),
        "venue": _words(data, "subreddit", required=True),
        "title": title,
        "text": text,
        "alt_text": alt_text(data) if is_root else None,
        "quoted_text": quoted,
        "flair": _words(data, "link_flair_text") if is_root else None,
        "links": links(data, title, text),
        "declared_languages": [],
        "hashtags_count": 0,
        "created_at": created_at,
        "is_created_at_plausible": is_plausible(created_at, page.observed_at),
        "indexed_at": None,  # Reddit tells one time only
        "observed_at": page.observed_at,
        "is_visible_logged_out": True,
        **_edits(data),
        "is_nsfw": is_nsfw(data),
        **_counts(data, is_root=is_root),
    }


def _edits(data: Mapping[str, Any]) -> dict[str, Any]:
    """Read `edited`: false, a time, or (old items) true without a time."""
    edited = data.get("edited")
    edited_at = instant(edited)
    is_edited = edited is True or (edited_at is not None and edited_at >= REDDIT_BEGAN)
    return {"is_edited": is_edited, "edited_at": edited_at if is_edited else None}


def _counts(data: Mapping[str, Any], *, is_root: bool) -> dict[str, int | None]:
    is_hidden = data.get("score_hidden") is True or data.get("hide_score") is True
    score = _count(data, "score")
    return {
        "replies_count": _count(data, "num_comments") if is_root else None,
        "reddit_score": None if is_hidden else score,
        "reddit_crossposts_count": _count(data, "num_crossposts") if is_root else None,
        "bluesky_likes_count": None,
        "bluesky_reposts_count": None,
        "bluesky_quotes_count": None,
    }


def _count(data: Mapping[str, Any], field: str) -> int | None:
    """Read a whole number; null where Reddit gives none."""
    value = data.get(field)
    if value is None:
        return None
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    is_in_range = is_number and abs(value) < 2**53  # no comparison holds of NaN
    if not is_in_range or value != int(value):
        raise _Malformed(f"{field} is no count")
    return int(value)


def is_nsfw(data: Mapping[str, Any]) -> bool:
    """Tell whether a post, or the one it crossposts, is marked adult or quarantined."""
    parent = first_crosspost_parent(data)
    return any(place.get(flag) is True for place in (data, parent) for flag in _ADULT)


def _words(data: Mapping[str, Any], field: str, *, required: bool = False) -> str | None:
    value = data.get(field)
    if value is None and not required:
        return None
    if not isinstance(value, str) or (required and field != "body" and not value.strip()):
        raise _Malformed(f"{field} is missing" if value is None else f"{field} is no text")
    return clean(value)
