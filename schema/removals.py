"""Removals: what must vanish. Transient: they travel, they are never stored."""

import dataframely as dy
import polars as pl

from schema.posts import DIRECT, KEYED
from schema.vocabulary import PLATFORMS, REMOVAL_REASONS


class CollectedRemoval(dy.Schema):
    """A post or an account that its platform no longer shows. Names a person: memory only."""

    platform = dy.Enum(PLATFORMS, description="where it was posted")
    native_id = dy.String(nullable=True, description="the post; null: the account", metadata=DIRECT)
    author = dy.String(nullable=True, description="the account; null: one post", metadata=DIRECT)
    reason = dy.Enum(REMOVAL_REASONS, description="what the platform says or lets us see")
    observed_at = dy.Datetime(time_zone="UTC", description="when we learned of it")

    @dy.rule()
    def names_a_post_or_an_account(self) -> pl.Expr:
        """Exactly one of the two is given."""
        return self.native_id.col.is_null() != self.author.col.is_null()


class Removal(dy.Schema):
    """The same, keyed: what the warehouse and Label Studio are told to let go."""

    platform = dy.Enum(PLATFORMS, description="where it was posted")
    post_key = dy.UInt64(nullable=True, description="the post; null: the account", metadata=KEYED)
    author_pseudonym = dy.String(nullable=True, description="the account", metadata=KEYED)
    reason = dy.Enum(REMOVAL_REASONS, description="why")
    observed_at = dy.Datetime(time_zone="UTC", description="when we learned of it")
