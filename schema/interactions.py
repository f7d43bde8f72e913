"""Who liked, reposted or quoted a post: edges towards posts that are held.

They are kept of a study that asks for them, as the last reading showed them.
"""

import dataframely as dy

from schema.posts import DIRECT, KEYED
from schema.vocabulary import INTERACTION_KINDS, PLATFORMS


class CollectedInteraction(dy.Schema):
    """An account's like, repost or quote of a post. Names a person: memory only."""

    platform = dy.Enum(PLATFORMS, description="where it happened")
    native_id = dy.String(
        primary_key=True, min_length=1, description="the post it is towards", metadata=DIRECT
    )
    kind = dy.Enum(INTERACTION_KINDS, primary_key=True, description="like, repost or quote")
    author = dy.String(primary_key=True, min_length=1, description="its DID", metadata=DIRECT)
    created_at = dy.Datetime(
        time_zone="UTC", nullable=True, description="as its record claims; null: nobody tells"
    )
    is_visible_logged_out = dy.Bool(description="the account lets signed-out readers see it")


class Interaction(dy.Schema):
    """The same, keyed: what the warehouse holds."""

    platform = dy.Enum(PLATFORMS, description="where it happened")
    post_key = dy.UInt64(primary_key=True, description="the post it is towards", metadata=KEYED)
    kind = dy.Enum(INTERACTION_KINDS, primary_key=True, description="like, repost or quote")
    author_pseudonym = dy.String(primary_key=True, description="the account", metadata=KEYED)
    created_at = dy.Datetime(
        time_zone="UTC", nullable=True, description="as its record claims; null: nobody tells"
    )
