"""One row of an export as Reddit itself would have sent it. Pure.

So an exported post passes the same rules as a live one. A date may be ISO 8601, a date type or
Unix seconds, UTC where it says no zone.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any, Final

# what a column may be called in the study, and Reddit's own field that it stands for
TARGETS: Final[Mapping[str, str]] = {
    "native_id": "name",
    "author": "author",
    "created_at": "created_utc",
    "venue": "subreddit",
    "title": "title",
    "text": "text",
    "kind": "kind",
    "root_native_id": "link_id",
    "parent_native_id": "parent_id",
    "flair": "link_flair_text",
    "link": "url",
    "edited_at": "edited",
    "is_nsfw": "over_18",
    "replies_count": "num_comments",
    "reddit_score": "score",
    "reddit_crossposts_count": "num_crossposts",
}
_OURS: Final = {theirs: ours for ours, theirs in TARGETS.items()} | {
    "body": "text",
    "selftext": "text",
}
DATES: Final = ("created_at", "edited_at")
COUNTS: Final = ("replies_count", "reddit_score", "reddit_crossposts_count")
_KINDS: Final = dict.fromkeys(("comment", "t1"), "t1") | dict.fromkeys(
    ("submission", "post", "link", "t3"), "t3"
)
_FLAGS: Final = dict.fromkeys(("true", "t", "yes", "1"), True) | dict.fromkeys(
    ("false", "f", "no", "0"), False
)


def thing(row: Mapping[str, Any]) -> dict[str, Any]:
    """Write a row as Reddit would have sent it."""
    said = {name: value for name, value in row.items() if value not in (None, "")}
    kind = _kind(said)
    data = {TARGETS[name]: value for name, value in said.items() if name in TARGETS}
    data |= {TARGETS[name]: _seconds(said[name]) for name in DATES if name in said}
    data |= {TARGETS[name]: _whole(said[name]) for name in COUNTS if name in said}
    data["name"] = _fullname(said.get("native_id"), kind)
    data["link_id"] = _fullname(said.get("root_native_id"), "t3")
    data["parent_id"] = _parent(said.get("parent_native_id"), data["link_id"])
    data["body" if kind == "t1" else "selftext"] = data.pop("text", "")
    data["over_18"] = _flag(said.get("is_nsfw"))
    return {"kind": kind, "data": data}


def fault_of(row: Mapping[str, Any]) -> str | None:
    """Name the rule that a row breaks before Reddit's own rules are asked."""
    flag = row.get("is_nsfw")
    is_said = flag in (None, "") or _flag(flag) is not None
    return None if is_said else "is_nsfw is neither true nor false"


def _flag(value: Any) -> bool | None:
    return _FLAGS.get(str(value).strip().lower())


def _kind(said: Mapping[str, Any]) -> str | None:
    """Tell a comment from a submission: by its id, by its kind, by what only one of them has."""
    prefix = str(said.get("native_id"))[:3]
    if prefix in ("t1_", "t3_"):
        return prefix[:2]
    if "kind" in said:
        return _KINDS.get(str(said["kind"]).strip().lower())
    if "title" in said:
        return "t3"
    return "t1" if "root_native_id" in said else None


def _fullname(value: Any, kind: str | None) -> Any:
    """Put the kind before a bare id; a root is a submission."""
    if not isinstance(value, str) or kind is None or value[:3] in ("t1_", "t3_"):
        return value
    return f"{kind}_{value}"


def _parent(value: Any, root: Any) -> Any:
    """Put the kind before a bare id: what a comment answers is its root or another comment."""
    return _fullname(value, "t3" if _fullname(value, "t3") == root else "t1")


def _seconds(value: Any) -> Any:
    """Turn a date into Unix seconds; leave a number, and what is no date, for the rules."""
    if isinstance(value, str) and not value.strip().replace(".", "", 1).isdigit():
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return value
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime.combine(value, time.min)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return value


def _whole(value: Any) -> Any:
    """Read a count that CSV wrote as words; leave anything else for the rules."""
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        return value


def in_our_words(rule: str) -> str:
    """Say a rule of Reddit's fields in the words of the study's map."""
    field, _, rest = rule.partition(" ")
    return f"{_OURS.get(field, field)} {rest}"
