"""The closed word lists that frames, tables and the study share."""

from typing import Final, Literal, get_args

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
# "inactive": not active, and nobody says why
AccountStatus = Literal["active", "deactivated", "suspended", "takendown", "inactive"]
Teller = Literal["event", "appview", "labeler"]
# the four of Bluesky's proposal 0008, a draft
Wish = Literal[
    "syntheticContentGeneration", "publicAccessArchive", "bulkDataset", "protocolBridging"
]
WishValue = Literal["allow", "disallow", "undeclared"]
# towards a post; what a study may ask for, in the plural
InteractionKind = Literal["like", "repost", "quote"]
Interactions = Literal["likes", "reposts", "quotes"]
DuplicateKind = Literal["same_post", "repost", "crosspost", "copypasta", "template"]
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

PLATFORMS: Final[tuple[Platform, ...]] = get_args(Platform)
POST_KINDS: Final[tuple[PostKind, ...]] = get_args(PostKind)
UNIT_KINDS: Final[tuple[UnitKind, ...]] = get_args(UnitKind)
REMOVAL_REASONS: Final[tuple[RemovalReason, ...]] = get_args(RemovalReason)
ACCOUNT_STATUSES: Final[tuple[AccountStatus, ...]] = get_args(AccountStatus)
TELLERS: Final[tuple[Teller, ...]] = get_args(Teller)
WISHES: Final[tuple[Wish, ...]] = get_args(Wish)
WISH_VALUES: Final[tuple[WishValue, ...]] = get_args(WishValue)
INTERACTION_KINDS: Final[tuple[InteractionKind, ...]] = get_args(InteractionKind)
DUPLICATE_KINDS: Final[tuple[DuplicateKind, ...]] = get_args(DuplicateKind)
DUPLICATE_MATCHES: Final[tuple[DuplicateMatch, ...]] = get_args(DuplicateMatch)
LINK_CATEGORIES: Final[tuple[LinkCategory, ...]] = get_args(LinkCategory)
