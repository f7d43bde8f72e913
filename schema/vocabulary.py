"""The closed word lists that frames, tables and the study share."""

from typing import Final, Literal

Platform = Literal["reddit", "bluesky"]
PostKind = Literal["submission", "comment", "post"]
SourceRoute = Literal[
    "bluesky_jetstream",
    "bluesky_appview",
    "reddit_rfr_export",
    "reddit_approved_api",
    "reddit_archive",
    "synthetic",
    "fixture",
]
UnitKind = Literal["root", "reply", "thread", "timeline", "community"]
RemovalReason = Literal[
    "deleted_by_author",
    "removed_by_moderator",
    "account_deleted",
    "account_inactive",
    "taken_down",
    "opted_out",
    "not_found",
    "outside_policy",
    "expired",
]
DuplicateKind = Literal["same_post", "repost", "crosspost", "copypasta"]
DuplicateMatch = Literal["exact", "near"]
LinkCategory = Literal[
    "crowdfunding",
    "tip_jar",
    "subscription",
    "merch",
    "affiliate",
    "course_or_coaching",
    "support_service",
    "news",
    "other",
]

PLATFORMS: Final[tuple[Platform, ...]] = ("reddit", "bluesky")
POST_KINDS: Final[tuple[PostKind, ...]] = ("submission", "comment", "post")
SOURCE_ROUTES: Final[tuple[SourceRoute, ...]] = (
    "bluesky_jetstream",
    "bluesky_appview",
    "reddit_rfr_export",
    "reddit_approved_api",
    "reddit_archive",
    "synthetic",
    "fixture",
)
UNIT_KINDS: Final[tuple[UnitKind, ...]] = ("root", "reply", "thread", "timeline", "community")
REMOVAL_REASONS: Final[tuple[RemovalReason, ...]] = (
    "deleted_by_author",
    "removed_by_moderator",
    "account_deleted",
    "account_inactive",
    "taken_down",
    "opted_out",
    "not_found",
    "outside_policy",
    "expired",
)
DUPLICATE_KINDS: Final[tuple[DuplicateKind, ...]] = (
    "same_post",
    "repost",
    "crosspost",
    "copypasta",
)
DUPLICATE_MATCHES: Final[tuple[DuplicateMatch, ...]] = ("exact", "near")
LINK_CATEGORIES: Final[tuple[LinkCategory, ...]] = (
    "crowdfunding",
    "tip_jar",
    "subscription",
    "merch",
    "affiliate",
    "course_or_coaching",
    "support_service",
    "news",
    "other",
)
COMMUNITY_KINDS: Final = ("subreddit", "feed", "network")
