"""The sources of a study: one model per kind, every key of its table.

Whoever is followed is named in a 0600 file outside the study, never here.
"""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from schema.section import Name, Section
from schema.vocabulary import Interactions, Platform

Interval = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]*[smhd]$")]
Subreddit = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{2,21}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]


class Permission(Section):
    """The record that covers an archive or export (R2)."""

    reference: str
    covers: str
    expires: date


class CommentLimits(Section):
    """How far a comment tree is read."""

    depth: int = Field(ge=1)
    limit: int = Field(ge=1)


class TopListing(Section):
    """Reddit's top listing over a period."""

    top: Literal["hour", "day", "week", "month", "year", "all"]


class _Source(Section):
    name: Name
    every: Interval | None = None
    cron: str | None = None

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.every is not None and self.cron is not None:
            raise ValueError("every and cron exclude each other: keep one")
        return self


class RedditSource(_Source):
    """A subreddit's listing and its comment trees."""

    kind: Literal["reddit"]
    subreddit: Subreddit
    listing: Literal["new", "hot"] | TopListing = "new"
    comments: Literal["all", "none"] | CommentLimits = "all"


class RedditSearchSource(_Source):
    """Reddit's search, in one subreddit or (`all`) over the whole site."""

    kind: Literal["reddit_search"]
    subreddit: Subreddit = "all"
    query: Annotated[str, StringConstraints(min_length=1, max_length=512)]


class RedditUserSource(_Source):
    """Posts of accounts named outside the study."""

    kind: Literal["reddit_user"]
    authors_file: str


class RedditArchiveSource(_Source):
    """Monthly dumps."""

    kind: Literal["reddit_archive"]
    permission: Permission
    subreddits: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    minimum_chars: int = Field(default=0, ge=0)


class RedditExportSource(_Source):
    """A table handed over by the platform's research programme."""

    kind: Literal["reddit_export"]
    columns: dict[str, str]
    permission: Permission


# read from files that somebody hands over; the platform itself is not asked
FileSource = RedditArchiveSource | RedditExportSource
FILE_SOURCES = (RedditArchiveSource, RedditExportSource)


class BlueskyStreamSource(_Source):
    """Jetstream, filtered by words, authors, lists, feeds or replies to what was collected."""

    kind: Literal["bluesky_stream"]
    keywords: tuple[str, ...] = ()
    keywords_file: str | None = None
    authors_file: str | None = None
    lists_file: str | None = None
    feeds_file: str | None = None
    feeds_every: Interval = "10m"
    declared_languages: tuple[Language, ...] = ()
    collect_replies: bool = True

    @model_validator(mode="after")
    def _has_a_filter(self) -> Self:
        words = (*self.keywords, self.keywords_file)
        if not any((*words, self.authors_file, self.lists_file, self.feeds_file)):
            raise ValueError(
                "a stream needs keywords, keywords_file, authors_file, lists_file or feeds_file: "
                "say which posts it keeps"
            )
        return self


class BlueskyAuthorSource(_Source):
    """Accounts named outside the study: their feeds, or all they ever wrote."""

    kind: Literal["bluesky_author"]
    authors_file: str
    history: Literal["feed", "repository"] = "feed"


class BlueskyFeedSource(_Source):
    """Custom feeds and lists, named outside the study: an address holds its maker's DID.

    `limit`: how many entries of a custom feed a pass reads; a list is read to its watermark.
    """

    kind: Literal["bluesky_feed"]
    uri_file: str
    limit: int = Field(default=1000, ge=1)


class BlueskyThreadSource(_Source):
    """The threads of what was collected, and who liked, reposted or quoted its roots."""

    kind: Literal["bluesky_thread"]
    parents: int = Field(default=10, ge=0, le=1000)
    depth: int = Field(default=6, ge=0, le=1000)
    replies_per_thread: int = Field(default=200, ge=1)
    quotes: int = Field(default=0, ge=0)
    interactions: tuple[Interactions, ...] = ()
    interactions_per_post: int = Field(default=100, ge=1, le=10_000)


class BlueskySearchSource(_Source):
    """Bluesky's search: for people, small."""

    kind: Literal["bluesky_search"]
    query: str


Source = Annotated[
    RedditSource
    | RedditSearchSource
    | RedditUserSource
    | RedditArchiveSource
    | RedditExportSource
    | BlueskyStreamSource
    | BlueskyAuthorSource
    | BlueskyFeedSource
    | BlueskyThreadSource
    | BlueskySearchSource,
    Field(discriminator="kind"),
]


def source_platform(source: Any) -> Platform:
    """Name the platform a source of the study reads."""
    return "reddit" if source.kind.startswith("reddit") else "bluesky"
