"""A dump's rows as columns: what is read of a line, its ids, its clocks, the rules it must keep.

The rules are those of `reddit_parse`, in its words. Units: times are Unix seconds.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import polars as pl

from connectors.reddit_parse import CATEGORIES, CLOCK_SLACK, REDDIT_BEGAN, removal_reason
from schema.vocabulary import PostKind, RemovalReason

TEXTS: Final = ("author", "body", "link_flair_text", "selftext", "title", "url")
NESTED: Final = ("crosspost_parent_list", "gallery_data", "media", "poll_data")  # JSON as it came
_COUNTS: Final = ("score", "num_comments", "num_crossposts")
_SEEN: Final = ("retrieved_on", "retrieved_utc")
META: Final[Mapping[str, pl.DataType]] = {
    "is_edited": pl.Boolean(),
    "removal_type": pl.String(),
    "retrieved_2nd_on": pl.Float64(),
    "was_deleted_later": pl.Boolean(),
}
NEITHER: Final = "neither a submission nor a comment"
ROWS: Final[Mapping[str, pl.DataType]] = {
    **dict.fromkeys((*TEXTS, *NESTED, "id", "name", "subreddit"), pl.String()),
    **dict.fromkeys(("link_id", "parent_id", "removed_by_category"), pl.String()),
    **dict.fromkeys((*_COUNTS, *_SEEN, "created_utc", "edited"), pl.Float64()),
    **dict.fromkeys(("hide_score", "is_self", "over_18", "quarantine"), pl.Boolean()),
    **dict.fromkeys(("quarantined", "score_hidden"), pl.Boolean()),
    "_meta": pl.Struct(META),
}
_EXACT: Final = 2**53
_LAST_SECOND: Final = 253_402_300_799  # of the year 9999
_FIRST_SECOND: Final = -62_135_596_800
_REMOVAL_TYPES: Final[Mapping[str, RemovalReason]] = {
    **CATEGORIES,
    "removed": "removed_by_moderator",
    "removed by reddit": "taken_down",
}
_ESCAPES: Final = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"


def unescaped(text: pl.Expr) -> pl.Expr:
    """Undo Reddit's escapes, each once."""
    for escaped, plain in _ESCAPES:
        text = text.str.replace_all(escaped, plain, literal=True)
    return text


def plain_text(text: str) -> str:
    """Do the same to one text."""
    for escaped, plain in _ESCAPES:
        text = text.replace(escaped, plain)
    return text


def removal_reasons(rows: pl.DataFrame) -> pl.Series:
    """Say of each row how its post went, null where it stands: its own words, then `_meta`."""
    words = pl.col("author", "body", "selftext", "title")
    meta = pl.col("_meta").struct
    may_be = (
        pl.any_horizontal(words.str.strip_chars_start().str.starts_with("["))
        | (pl.col("removed_by_category") != "")
        | meta.field("was_deleted_later")
        | meta.field("removal_type").is_not_null()
    )
    numbered = rows.with_row_index("row").filter(may_be.fill_null(False))
    reasons: list[RemovalReason | None] = [None] * rows.height
    fields = ("author", "body", "selftext", "title", "removed_by_category", "_meta", "row")
    for row in numbered.select(fields).iter_rows(named=True):
        kind: PostKind = "submission" if row["body"] is None else "comment"
        reasons[row["row"]] = removal_reason(kind, row) or _reason_later(row["_meta"] or {})
    return pl.Series(reasons, dtype=pl.String)


def _reason_later(meta: Mapping[str, Any]) -> RemovalReason | None:
    """Say how a post went after the archive had seen it."""
    if kind := meta.get("removal_type"):
        return _REMOVAL_TYPES.get(kind, "removed_by_moderator")
    return "deleted_by_author" if meta.get("was_deleted_later") else None


def named(rows: pl.DataFrame) -> pl.DataFrame:
    """Tell kinds, and give each row its ids as the API writes them."""
    is_comment = pl.col("link_id").is_not_null() | (
        pl.col("body").is_not_null() & pl.col("title").is_null()
    )
    is_submission = pl.any_horizontal(
        pl.col("title", "selftext", "is_self", "num_comments").is_not_null()
    )
    rows = rows.with_columns(
        kind=pl.when(is_comment)
        .then(pl.lit("comment"))
        .when(is_submission)
        .then(pl.lit("submission")),
        parent_id=pl.coalesce(_parents(rows), "link_id"),
    )
    prefix = pl.when(pl.col("kind") == "comment").then(pl.lit("t1_")).otherwise(pl.lit("t3_"))
    named = rows.with_columns(native_id=pl.coalesce(prefix + pl.col("id"), "name"))
    return named.with_columns(
        identity_rule=pl.when(pl.col("kind").is_null())
        .then(pl.lit(NEITHER))
        .when(~_is_fullname("native_id", prefix))
        .then(pl.lit("name is no id"))
    )


def _parents(rows: pl.DataFrame) -> pl.Series:
    """Write a parent given as a number the way ids are written: base 36, of a comment or not."""
    is_number = rows["parent_id"].str.contains(r"^[0-9]{1,18}$").fill_null(False)
    if not is_number.any():
        return rows["parent_id"]
    parents = rows["parent_id"].to_list()
    for row, link_id in zip(is_number.arg_true(), rows["link_id"].filter(is_number), strict=True):
        short = _base36(int(parents[row]))
        parents[row] = link_id if link_id == f"t3_{short}" else f"t1_{short}"
    return pl.Series("parent_id", parents, dtype=pl.String)


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits


def _is_fullname(column: str, prefix: pl.Expr | str) -> pl.Expr:
    is_id = pl.col(column).str.contains(r"^t[13]_[0-9a-z]{1,13}$")
    start = pl.lit(prefix) if isinstance(prefix, str) else prefix
    return (is_id & pl.col(column).str.starts_with(start)).fill_null(False)


def broken_rule() -> pl.Expr:
    """Name the first rule a row breaks, in the words of `reddit_parse`; null where it is sound."""
    is_comment = pl.col("kind") == "comment"
    parent_is_id = _is_fullname("parent_id", "t1_") | _is_fullname("parent_id", "t3_")
    broken = [
        (instants(pl.col("created_utc")).is_null(), "created_utc is no date"),
        *_missing("author", pl.lit(True)),
        *_missing("title", ~is_comment),
        (is_comment & pl.col("body").is_null(), "body is missing"),
        (is_comment & ~_is_fullname("link_id", "t3_"), "link_id is no id"),
        (is_comment & ~parent_is_id, "parent_id is no id"),
        *_missing("subreddit", pl.lit(True)),
        *((~_is_count(name), f"{name} is no count") for name in _COUNTS),
    ]
    return pl.coalesce(pl.when(is_broken).then(pl.lit(rule)) for is_broken, rule in broken)


def _missing(column: str, matters: pl.Expr) -> list[tuple[pl.Expr, str]]:
    is_blank = pl.col(column).str.strip_chars() == ""
    return [
        (matters & pl.col(column).is_null(), f"{column} is missing"),
        (matters & is_blank, f"{column} is no text"),
    ]


def _is_count(column: str) -> pl.Expr:
    number = pl.col(column)
    is_whole = number.is_finite() & (number == number.floor()) & (number.abs() < _EXACT)
    return is_whole.fill_null(True)


def instants(seconds: pl.Expr) -> pl.Expr:
    """Read Unix seconds; null where they are no date."""
    is_date = seconds.is_between(_FIRST_SECOND, _LAST_SECOND)
    micros = pl.when(is_date).then((seconds * 1e6).round()).cast(pl.Int64)
    return micros.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")


def clocks(now: datetime) -> list[pl.Expr]:
    """Tell when a post was made, and when its archive saw it last: between then and now."""
    created = instants(pl.col("created_utc"))
    second_look = pl.col("_meta").struct.field("retrieved_2nd_on")
    looks = [instants(look) for look in (*map(pl.col, _SEEN), second_look)]
    seen = pl.max_horizontal(created, *(pl.when(look <= now).then(look) for look in looks))
    return [
        created.alias("created_at"),
        pl.min_horizontal(seen, pl.lit(now)).fill_null(now).alias("observed_at"),
        created.is_between(REDDIT_BEGAN, now + CLOCK_SLACK).alias("is_created_at_plausible"),
    ]
