"""The one gate: posts that name people to posts that name nobody.

Only what is made here may be stored. A frame holds one platform, and `key` is that platform's
subkey, so no stand-in links accounts across platforms.
"""

from collections.abc import Sequence
from typing import Final, cast

import dataframely as dy
import polars as pl

from schema.accounts import (
    Account,
    CollectedAccount,
    CollectedLabel,
    CollectedWish,
    PostLabel,
    Wish,
)
from schema.frames import empty, validated
from schema.interactions import CollectedInteraction, Interaction
from schema.posts import CollectedPost, EngagementSnapshot, Post
from schema.removals import CollectedRemoval, Removal
from schema.vocabulary import LINK_CATEGORIES, Platform
from transforms import keyed
from transforms.language import detect_languages
from transforms.links import link_category
from transforms.masks import PLACEHOLDER
from transforms.scrub import scrub, scrubber_version

TEXTS: Final = ("title", "text", "alt_text", "quoted_text", "flair")
WORDING: Final = ("native_id", "title", "text", "alt_text", "quoted_text")
COUNTS: Final = tuple(
    name for name in EngagementSnapshot.column_names() if name not in {"post_key", "observed_at"}
)
OWN_PAGE: Final = keyed.OWN_PAGE
_WORD: Final = (
    rf"(?:{PLACEHOLDER}|[\p{{L}}\p{{N}}][\p{{L}}\p{{M}}\p{{N}}]*)"
    r"(?:['\x{2019}\-][\p{L}\p{M}\p{N}]+)*"
)


def pseudonymize(
    posts: dy.DataFrame[CollectedPost], *, key: bytes, with_model: bool = False
) -> dy.DataFrame[Post]:
    """Put keyed stand-ins for accounts and native ids, and scrub the texts; n rows to n rows.

    Stand-ins are equal wherever platform and name are, for as long as `key` lives. A native id
    counts as a name: a Bluesky URI spells out its author's DID.

    With the model, the texts are scrubbed on the third level too.

    Raises:
        ValueError: `key` is shorter than 32 bytes, or the posts are of several platforms.
        ModelMissing: the model's packages are not installed.
    """
    platform = _platform(posts, key)
    if posts.is_empty():
        return empty(Post)
    names = posts.select(
        pl.concat_list("author", pl.col("author_names"), pl.col("mentions"))
    ).to_series()
    masked = scrub(posts.select(TEXTS), names=names, with_model=with_model)
    titled = _titled(masked)
    stored = posts.select(
        pl.exclude(*TEXTS, "native_id", "root_native_id", "parent_native_id", "author", "venue"),
        **_stand_ins(platform, key),
    ).with_columns(
        *masked.get_columns(),
        _link_categories(posts["links"], masked["masks"]),
        _primary_subtags("declared_languages"),
        *detect_languages(titled).get_columns(),
        words_count=_words_count(titled),
        scrubber_version=pl.lit(scrubber_version(with_model=with_model), pl.Int32),
    )
    return Post.validate(stored.select(Post.column_names()))


def remask(posts: pl.DataFrame, *, with_model: bool = False) -> pl.DataFrame:
    """Mask stored texts by the rules of today; n rows to n rows, other columns kept.

    Beside the texts, `masks`, `words_count` and `scrubber_version` are set.

    Raises:
        ModelMissing: the model's packages are not installed.
    """
    masked = scrub(posts.select(TEXTS), with_model=with_model)
    return posts.with_columns(
        *masked.get_columns(),
        words_count=_words_count(_titled(masked)),
        scrubber_version=pl.lit(scrubber_version(with_model=with_model), pl.Int32),
    )


def engagement_snapshots(
    posts: dy.DataFrame[CollectedPost], *, key: bytes
) -> dy.DataFrame[EngagementSnapshot]:
    """Take the counts of each post that has any, as of `observed_at`; one row a post and instant.

    Raises:
        ValueError: `key` is shorter than 32 bytes, or the posts are of several platforms.
    """
    _platform(posts, key)
    if posts.is_empty():
        return empty(EngagementSnapshot)
    counted = posts.filter(pl.any_horizontal(pl.col(COUNTS).is_not_null()))
    rows = counted.select("observed_at", *COUNTS, post_key=keyed.row_key(pl.col("native_id"), key))
    once = rows.unique(["post_key", "observed_at"], keep="last", maintain_order=True)
    return validated(EngagementSnapshot, once.select(EngagementSnapshot.column_names()))


def pseudonymize_removals(
    removals: dy.DataFrame[CollectedRemoval], *, key: bytes
) -> dy.DataFrame[Removal]:
    """Put keyed stand-ins into removals; n rows to n rows.

    Raises:
        ValueError: `key` is shorter than 32 bytes, or the removals are of several platforms.
    """
    platform = _platform(removals, key)
    if removals.is_empty():
        return empty(Removal)
    rows = removals.select(
        "platform",
        "reason",
        "observed_at",
        post_key=keyed.row_key(pl.col("native_id"), key),
        author_pseudonym=keyed.pseudonym(platform, pl.col("author"), key),
    )
    return Removal.validate(rows.select(Removal.column_names()))


def pseudonymize_accounts(
    accounts: dy.DataFrame[CollectedAccount], *, key: bytes
) -> dy.DataFrame[Account]:
    """Put keyed stand-ins for accounts and labelers; n rows to n rows, in their order.

    Raises:
        ValueError: `key` is shorter than 32 bytes, or the accounts are of several platforms.
    """
    platform = _platform(accounts, key)
    if accounts.is_empty():
        return empty(Account)
    rows = accounts.with_columns(
        author_pseudonym=keyed.pseudonym(platform, pl.col("author"), key),
        labeler=keyed.pseudonym(platform, pl.col("labeler"), key),
    )
    return Account.validate(rows.select(Account.column_names()))


def pseudonymize_wishes(wishes: dy.DataFrame[CollectedWish], *, key: bytes) -> dy.DataFrame[Wish]:
    """Put keyed stand-ins for accounts; n rows to n rows, in their order.

    Raises:
        ValueError: `key` is shorter than 32 bytes, or the wishes are of several platforms.
    """
    platform = _platform(wishes, key)
    if wishes.is_empty():
        return empty(Wish)
    rows = wishes.with_columns(author_pseudonym=keyed.pseudonym(platform, pl.col("author"), key))
    return Wish.validate(rows.select(Wish.column_names()))


def pseudonymize_labels(
    labels: dy.DataFrame[CollectedLabel], *, key: bytes
) -> dy.DataFrame[PostLabel]:
    """Put keyed stand-ins for posts; n rows to n rows.

    Raises:
        ValueError: `key` is shorter than 32 bytes, or the labels are of several platforms.
    """
    _platform(labels, key)
    if labels.is_empty():
        return empty(PostLabel)
    rows = labels.with_columns(post_key=keyed.row_key(pl.col("native_id"), key))
    return PostLabel.validate(rows.select(PostLabel.column_names()))


def pseudonymize_interactions(
    interactions: dy.DataFrame[CollectedInteraction], *, key: bytes
) -> dy.DataFrame[Interaction]:
    """Put keyed stand-ins for accounts and posts; n rows to n rows.

    Raises:
        ValueError: `key` is shorter than 32 bytes, or the rows are of several platforms.
    """
    platform = _platform(interactions, key)
    rows = interactions.with_columns(
        post_key=keyed.row_key(pl.col("native_id"), key),
        author_pseudonym=keyed.pseudonym(platform, pl.col("author"), key),
    )
    return Interaction.validate(rows.select(Interaction.column_names()))


def post_keys(platform: Platform, native_ids: Sequence[str], *, key: bytes) -> list[int]:
    """Map native ids to the row keys that `pseudonymize` gives them, in order.

    `key` is the subkey of `platform`.

    Raises:
        ValueError: `key` is shorter than 32 bytes.
    """
    del platform  # its subkey says it; the argument keeps callers from mixing them up
    keyed.check_key(key)
    ids = pl.DataFrame({"id": list(native_ids)}, schema={"id": pl.String})
    return ids.select(keyed.row_key(pl.col("id"), key)).to_series().to_list()


def author_pseudonyms(platform: Platform, accounts: Sequence[str], *, key: bytes) -> list[str]:
    """Map accounts to the pseudonyms that `pseudonymize` gives them, in order.

    Raises:
        ValueError: `key` is shorter than 32 bytes.
    """
    keyed.check_key(key)
    names = pl.DataFrame({"name": list(accounts)}, schema={"name": pl.String})
    return names.select(keyed.pseudonym(platform, pl.col("name"), key)).to_series().to_list()


def community_key(platform: Platform, venue: str, *, key: bytes) -> str:
    """Name a venue as `pseudonymize` names it; a person's own page becomes a pseudonym.

    Raises:
        ValueError: `key` is shorter than 32 bytes.
    """
    keyed.check_key(key)
    named = pl.DataFrame({"venue": [venue]}).select(keyed.community(platform, pl.col("venue"), key))
    return str(named.item())


def _platform(frame: pl.DataFrame, key: bytes) -> Platform:
    """Tell a frame's platform and check its key; an empty frame's platform does not matter."""
    keyed.check_key(key)
    platforms = frame["platform"].unique().to_list()
    if len(platforms) > 1:
        raise ValueError(f"a frame holds one platform, not {len(platforms)}: each has its own key")
    return cast(Platform, platforms[0]) if platforms else "reddit"


def _stand_ins(platform: Platform, key: bytes) -> dict[str, pl.Expr]:
    return {
        "post_key": keyed.row_key(pl.col("native_id"), key),
        "version_key": keyed.version_key(list(WORDING), key),
        "thread_key": keyed.row_key(pl.col("root_native_id"), key),
        "parent_key": keyed.row_key(pl.col("parent_native_id"), key),
        "is_root": pl.col("parent_native_id").is_null(),
        "author_pseudonym": keyed.pseudonym(platform, pl.col("author"), key),
        "community_key": keyed.community(platform, pl.col("venue"), key),
    }


def _titled(texts: pl.DataFrame) -> pl.Series:
    return texts.select(
        pl.concat_str("title", "text", separator="\n", ignore_nulls=True)
    ).to_series()


def _words_count(titled: pl.Series) -> pl.Series:
    return titled.str.count_matches(_WORD).cast(pl.Int64)


def _link_categories(links: pl.Series, masks: pl.Series) -> pl.Series:
    """List each post's kinds of link, from its link column and its masked texts, sorted."""
    rows = pl.DataFrame({"links": links, "masks": masks}).with_row_index("post")
    listed = rows.select("post", "links").explode("links").drop_nulls()
    written = (
        rows.select("post", "masks")
        .explode("masks")
        .select("post", mask=pl.col("masks").struct.field("mask"))
        .filter(pl.col("mask").str.starts_with("LINK:"))
    )
    kinds = pl.concat(
        [
            listed.select("post", kind=link_category(pl.col("links"))),
            written.select("post", kind=pl.col("mask").str.strip_prefix("LINK:")),
        ]
    )
    lists = kinds.unique().sort("post", "kind").group_by("post").agg("kind")
    whole = rows.select("post").join(lists, on="post", how="left", maintain_order="left")
    column = whole["kind"].cast(pl.List(pl.Enum(LINK_CATEGORIES)))
    return column.fill_null(pl.Series([[]], dtype=column.dtype)).rename("link_categories")


def _primary_subtags(declared: str) -> pl.Expr:
    """Keep of what an author's client declares only what can be a language: it is free text."""
    tag = pl.element().str.to_lowercase().str.extract(r"^([a-z]{2,3})(?:-|$)")
    return pl.col(declared).list.eval(tag.drop_nulls())
