"""What of a dump is wanted: by place, time, words and length."""

from dataclasses import dataclass

import polars as pl

from connectors.reddit_archive_rows import instants, removal_reasons, unescaped
from connectors.reddit_parse import CLOCK_SLACK, REDDIT_BEGAN
from schema.pages import CollectionQuery


@dataclass(frozen=True, slots=True)
class ArchiveFilter:
    """What of a dump is wanted; empty sets and 0 mean everything.

    `subreddits` are in lower case. A post is wanted for one of `keywords` in its title or body,
    in any case. `minimum_chars` are of title and body together.
    """

    subreddits: frozenset[str] = frozenset()
    keywords: tuple[str, ...] = ()
    minimum_chars: int = 0

    @property
    def picks(self) -> bool:
        """Tell whether it picks posts out of a venue."""
        return bool(self.keywords) or self.minimum_chars > 0


def is_wanted(rows: pl.DataFrame, query: CollectionQuery, wanted: ArchiveFilter) -> pl.Series:
    """Tell which rows are asked for. What went is, whatever it said: it says nothing now."""
    is_inside = ~_is_outside(query)
    if wanted.subreddits:
        is_inside &= pl.col("subreddit").str.to_lowercase().is_in(list(wanted.subreddits))
    inside = rows.select(is_inside.fill_null(False)).to_series()
    if not wanted.picks:
        return inside
    words = unescaped(pl.col("title", "selftext", "body").fill_null(""))
    said = rows.select(words).select(
        chars=pl.sum_horizontal(pl.all().str.len_chars()),
        words=pl.concat_str(pl.all(), separator="\n").str.to_lowercase(),
    )
    picked = said["chars"] >= wanted.minimum_chars
    if wanted.keywords:
        lowered = [keyword.lower() for keyword in wanted.keywords]
        picked &= said["words"].str.contains_any(lowered)
    return inside & (picked | removal_reasons(rows).is_not_null())


def _is_outside(query: CollectionQuery) -> pl.Expr:
    """Tell what was made outside the query's window; a date nobody can believe is kept."""
    created = instants(pl.col("created_utc"))
    is_believable = created.is_between(REDDIT_BEGAN, query.now + CLOCK_SLACK)
    until = query.until or query.now + CLOCK_SLACK
    return (is_believable & ~created.is_between(query.since, until)).fill_null(False)
