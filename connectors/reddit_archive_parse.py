"""A dump's rows sorted into posts, removals, and items set aside. Pure.

Gives what `reddit_parse` gives for the same thing, live: whole columns at a time, and by that
module's own functions where a thing has something rare. Besides that a dump differs in this:

- `&`, `<` and `>` are escaped in every text, as Reddit sends them to who does not ask otherwise;
- `parent_id` is the number of a comment, or null for an answer to the submission (Pushshift 2022);
- `edited` of early rows says true without a time, and a later look says it in `_meta`;
- `_meta` says what went after the archive had seen it (Arctic Shift, from 2023-11 on);
- an observation is as old as the archive's last look, or as the post where that is not told.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import dataframely as dy
import polars as pl

from connectors.reddit_archive_rows import (
    NESTED,
    ROWS,
    TEXTS,
    broken_rule,
    clocks,
    instants,
    named,
    plain_text,
    removal_reasons,
    unescaped,
)
from connectors.reddit_parse import REDDIT_BEGAN, is_nsfw
from connectors.reddit_text import alt_text, links, mentions, quoted_text
from schema.frames import validated
from schema.pages import ParsedPage, RawPage, SetAside, skeleton
from schema.posts import CollectedPost
from schema.removals import CollectedRemoval

_KNOWN: Final = frozenset(ROWS)
# What may hold a link or an account; `reddit_text` says whether it does.
_MAY_POINT: Final = r"(?i)https?://|www\.|(?-u:\b)u(?:ser)?/"
_READ: Final = ("kind", "author", "title", "selftext", "body", "url", "is_self", *NESTED)
_RARE: Final[Mapping[str, pl.DataType]] = {
    "links": pl.List(pl.String()),
    "mentions": pl.List(pl.String),
    "alt_text": pl.String(),
    "quoted_text": pl.String(),
    "is_parent_nsfw": pl.Boolean(),
}


def parse_archive_page(page: RawPage) -> ParsedPage:
    """Sort a dump's rows into posts, removals and rows set aside; an id twice counts once.

    Lines that were no rows travel in `page.items`, as a rule, a skeleton and a count.
    """
    rows = pl.DataFrame(schema=ROWS) if page.rows is None else page.rows
    told = named(rows.with_columns(unescaped(pl.col(*TEXTS))))
    told = told.with_columns(reason=removal_reasons(told), rule=broken_rule())
    is_removal = pl.col("reason").is_not_null() & pl.col("identity_rule").is_null()
    told = told.with_columns(
        rule=pl.coalesce("identity_rule", pl.when(pl.col("reason").is_null()).then("rule"))
    )
    sound = told.filter(pl.col("rule").is_null()).unique(
        "native_id", keep="first", maintain_order=True
    )
    sound = sound.with_columns(clocks(page.observed_at))
    return ParsedPage(
        posts=_posts(sound.filter(~is_removal), page),
        removals=_removals(sound.filter(is_removal), page),
        set_aside=(*_unread(page), *_set_aside(told.filter(pl.col("rule").is_not_null()))),
    )


def _removals(rows: pl.DataFrame, page: RawPage) -> dy.DataFrame[CollectedRemoval]:
    return validated(
        CollectedRemoval,
        rows.select(
            "native_id",
            "reason",
            "observed_at",
            platform=pl.lit(page.platform),
            author=pl.lit(None, pl.String),
        ),
        cast=True,
    )


def _posts(rows: pl.DataFrame, page: RawPage) -> dy.DataFrame[CollectedPost]:
    is_root = pl.col("kind") == "submission"
    hidden = pl.col("score_hidden").fill_null(False) | pl.col("hide_score").fill_null(False)
    edited_at = pl.when(pl.col("edited") >= REDDIT_BEGAN.timestamp()).then(
        instants(pl.col("edited"))
    )
    later_edit = pl.col("_meta").struct.field("is_edited").fill_null(False)
    nothing = pl.lit(None)
    told = pl.concat([rows, _rare(rows)], how="horizontal").with_columns(
        root_native_id=pl.when(is_root).then("native_id").otherwise("link_id"),
        parent_native_id=pl.when(~is_root).then("parent_id"),
        venue="subreddit",
        title=pl.when(is_root).then("title"),
        text=pl.when(is_root).then(pl.col("selftext").fill_null("")).otherwise("body"),
        flair=pl.when(is_root).then("link_flair_text"),
        edited_at=edited_at,
        is_edited=edited_at.is_not_null() | (pl.col("edited") == 1).fill_null(False) | later_edit,
        is_nsfw=pl.any_horizontal(
            pl.col("over_18", "quarantine", "quarantined", "is_parent_nsfw").fill_null(False)
        ),
        replies_count=pl.when(is_root).then("num_comments"),
        reddit_score=pl.when(~hidden).then("score"),
        reddit_crossposts_count=pl.when(is_root).then("num_crossposts"),
        platform=pl.lit(page.platform),
        author_names=pl.lit([], pl.List(pl.String)),
        declared_languages=pl.lit([], pl.List(pl.String)),
        hashtags_count=0,
        indexed_at=nothing,
        is_visible_logged_out=True,
        bluesky_likes_count=nothing,
        bluesky_reposts_count=nothing,
        bluesky_quotes_count=nothing,
    )
    return validated(CollectedPost, told.select(CollectedPost.column_names()), cast=True)


def _rare(rows: pl.DataFrame) -> pl.DataFrame:
    """Read, row by row, what few rows have: links, accounts, captions, options, cards."""
    points = pl.col("title", "selftext", "body").str.contains(_MAY_POINT)
    is_link = (pl.col("kind") == "submission") & ~pl.col("is_self").fill_null(False)
    is_rare = pl.any_horizontal(
        points, pl.col(*NESTED).is_not_null(), is_link & pl.col("url").is_not_null()
    )
    numbered = rows.select(pl.int_range(pl.len()).alias("row"), *_READ)
    few = numbered.filter(rows.select(is_rare.fill_null(False)).to_series())
    told = [(row["row"], *_told(row)) for row in few.iter_rows(named=True)]
    columns = zip(*told, strict=True) if told else ((),) * (1 + len(_RARE))
    schema = {"row": pl.Int64(), **_RARE}
    found = pl.DataFrame(dict(zip(schema, columns, strict=True)), schema=schema)
    every = numbered.select("row").join(found, on="row", how="left", maintain_order="left")
    nothing = pl.lit([], pl.List(pl.String))
    return every.select(pl.col("links", "mentions").fill_null(nothing), *list(_RARE)[2:])


def _told(row: dict[str, Any]) -> tuple[Any, ...]:
    if row["kind"] == "comment":
        words, author = row["body"], row["author"]
        return links({}, None, words), mentions({}, None, words, besides=author), None, None, False
    data = {**row, **{name: _nested(row[name]) for name in NESTED}}
    title, words, quoted = row["title"], row["selftext"], quoted_text(data)
    return (
        links(data, title, words),
        mentions(data, title, words, quoted, besides=row["author"]),
        alt_text(data),
        quoted,
        is_nsfw(data),
    )


def _nested(text: str | None) -> Any:
    """Read an object inside a row and undo Reddit's escapes; None where it is none."""
    if text is None:
        return None
    try:
        return json.loads(text, object_hook=_plain)
    except (ValueError, RecursionError):
        return None


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    return {
        name: plain_text(value) if isinstance(value, str) else value for name, value in item.items()
    }


def _unread(page: RawPage) -> list[SetAside]:
    return [SetAside(**item) for item in page.items]


def _set_aside(rows: pl.DataFrame) -> list[SetAside]:
    counts: Counter[tuple[str, str]] = Counter()
    for row in rows.select("rule", *ROWS).iter_rows(named=True):
        item = {name: row[name] for name in ROWS if row[name] is not None}
        counts[row["rule"], skeleton(item, known=_KNOWN)] += 1
    return [SetAside(rule, shape, count) for (rule, shape), count in counts.items()]
