"""What accounts do and say beside their posts: closing, coming back, wishes, labels.

A state or a wish is stored for accounts alone of which posts are held.
"""

import dataframely as dy

from schema.posts import DIRECT, KEYED
from schema.vocabulary import ACCOUNT_STATUSES, PLATFORMS, TELLERS, WISH_VALUES, WISHES


class CollectedAccount(dy.Schema):
    """An account as its network, the AppView or a labeler calls it. Names a person: memory only."""

    platform = dy.Enum(PLATFORMS, description="where the account is")
    author = dy.String(min_length=1, description="its DID", metadata=DIRECT)
    status = dy.Enum(ACCOUNT_STATUSES, description="active, or why it must not be shown")
    told_by = dy.Enum(TELLERS, description="who says so")
    labeler = dy.String(
        nullable=True, description="DID of the labeler who says so", metadata=DIRECT
    )
    until = dy.Datetime(time_zone="UTC", nullable=True, description="when its label expires")
    observed_at = dy.Datetime(time_zone="UTC", description="since when, as far as it is told")


class Account(dy.Schema):
    """The same, keyed: whose posts the warehouse hides, and whose it shows again."""

    platform = dy.Enum(PLATFORMS, description="where the account is")
    author_pseudonym = dy.String(description="the account", metadata=KEYED)
    status = dy.Enum(ACCOUNT_STATUSES, description="active, or why it must not be shown")
    told_by = dy.Enum(TELLERS, description="who says so")
    labeler = dy.String(nullable=True, description="the labeler's pseudonym", metadata=KEYED)
    until = dy.Datetime(time_zone="UTC", nullable=True, description="when its label expires")
    observed_at = dy.Datetime(time_zone="UTC", description="since when, as far as it is told")


class CollectedWish(dy.Schema):
    """What an account says of the reuse of its posts. Names a person: memory only."""

    platform = dy.Enum(PLATFORMS, description="where the account is")
    author = dy.String(min_length=1, description="its DID", metadata=DIRECT)
    wish = dy.Enum(WISHES, description="which reuse")
    value = dy.Enum(WISH_VALUES, description="allow, disallow or undeclared")
    declared_at = dy.Datetime(time_zone="UTC", nullable=True, description="as the record claims")
    observed_at = dy.Datetime(time_zone="UTC", description="when we learned of it")


class Wish(dy.Schema):
    """The same, keyed."""

    platform = dy.Enum(PLATFORMS, description="where the account is")
    author_pseudonym = dy.String(description="the account", metadata=KEYED)
    wish = dy.Enum(WISHES, description="which reuse")
    value = dy.Enum(WISH_VALUES, description="allow, disallow or undeclared")
    declared_at = dy.Datetime(time_zone="UTC", nullable=True, description="as the record claims")
    observed_at = dy.Datetime(time_zone="UTC", description="when we learned of it")


class CollectedLabel(dy.Schema):
    """A label on a post, by its author or by a labeler. Names a person: memory only."""

    platform = dy.Enum(PLATFORMS, description="where it was posted")
    native_id = dy.String(min_length=1, description="the post", metadata=DIRECT)
    label = dy.String(regex="^!?[a-z][a-z-]{0,63}$", description="its value")
    is_self = dy.Bool(description="the post's own author put it on")


class PostLabel(dy.Schema):
    """The same, keyed."""

    platform = dy.Enum(PLATFORMS, description="where it was posted")
    post_key = dy.UInt64(description="the post", metadata=KEYED)
    label = dy.String(regex="^!?[a-z][a-z-]{0,63}$", description="its value")
    is_self = dy.Bool(description="the post's own author put it on")
