"""Posts: as the platform showed them, and as they may be stored.

Three clocks stand in every post: `created_at` is the author's claim, `indexed_at` the
platform's, `observed_at` ours. All are UTC.
"""

import dataframely as dy

from schema.vocabulary import DUPLICATE_KINDS, LINK_CATEGORIES, PLATFORMS, POST_KINDS

DIRECT = {"privacy": "direct"}
INDIRECT = {"privacy": "indirect"}
KEYED = {"privacy": "pseudonymous"}
PUBLIC = {"privacy": "none"}


def _utc(description: str, *, nullable: bool = False) -> dy.Datetime:
    return dy.Datetime(time_zone="UTC", nullable=nullable, description=description, metadata=PUBLIC)


def _count(description: str) -> dy.Int64:
    return dy.Int64(nullable=True, description=description, metadata=PUBLIC)


class CollectedPost(dy.Schema):
    """One post version as its platform showed it. Names a person: memory only."""

    platform = dy.Enum(PLATFORMS, primary_key=True, description="where it was posted")
    native_id = dy.String(
        primary_key=True,
        min_length=1,
        description="the platform's id: t1_…, t3_… or an at-uri with a DID",
        metadata=DIRECT,
    )
    kind = dy.Enum(POST_KINDS, description="Reddit's submission or comment, Bluesky's post")
    root_native_id = dy.String(min_length=1, description="root of the thread", metadata=DIRECT)
    parent_native_id = dy.String(
        nullable=True, description="what it answers; null for a root", metadata=DIRECT
    )
    author = dy.String(min_length=1, description="account name or DID", metadata=DIRECT)
    author_names = dy.List(
        dy.String(), description="handle and display name, to be masked in text", metadata=DIRECT
    )
    mentions = dy.List(
        dy.String(), description="accounts the post points at: handle or DID", metadata=DIRECT
    )
    venue = dy.String(min_length=1, description="subreddit, feed, or `network`", metadata=INDIRECT)
    title = dy.String(nullable=True, description="Reddit submissions only", metadata=INDIRECT)
    text = dy.String(description="body; empty where a post is a picture", metadata=INDIRECT)
    alt_text = dy.String(nullable=True, description="of its pictures, joined", metadata=INDIRECT)
    quoted_text = dy.String(
        nullable=True, description="title and description of a link card", metadata=INDIRECT
    )
    flair = dy.String(nullable=True, description="Reddit's link flair", metadata=INDIRECT)
    links = dy.List(dy.String(), description="every URL it points at", metadata=DIRECT)
    declared_languages = dy.List(
        dy.String(), description="primary language subtags the author's client sent"
    )
    hashtags_count = dy.Int64(min=0, description="hashtags in text and tags")
    created_at = _utc("as the author's client claims")
    is_created_at_plausible = dy.Bool(description="after the platform began, not in the future")
    indexed_at = _utc("as the platform says it took it in", nullable=True)
    observed_at = _utc("when we asked")
    edited_at = _utc("last edit the platform admits to", nullable=True)
    is_edited = dy.Bool(description="the platform marks it as edited")
    is_nsfw = dy.Bool(description="marked adult, quarantined or graphic")
    is_visible_logged_out = dy.Bool(description="false: its author asks for signed-in readers only")
    replies_count = _count("replies or comments the platform counts")
    reddit_score = _count("ups less downs, fuzzed by Reddit")
    reddit_crossposts_count = _count("crossposts")
    bluesky_likes_count = _count("likes")
    bluesky_reposts_count = _count("reposts")
    bluesky_quotes_count = _count("quote posts")


class Post(dy.Schema):
    """One post version that names nobody: what `pseudonymize` makes and the store takes."""

    platform = dy.Enum(PLATFORMS, primary_key=True, description="where it was posted")
    post_key = dy.UInt64(primary_key=True, description="keyed stand-in for the id", metadata=KEYED)
    version_key = dy.UInt64(description="keyed hash of id and wording", metadata=KEYED)
    thread_key = dy.UInt64(description="post_key of the thread's root", metadata=KEYED)
    parent_key = dy.UInt64(
        nullable=True, description="post_key of what it answers; null for a root", metadata=KEYED
    )
    kind = dy.Enum(POST_KINDS, description="submission, comment or post")
    is_root = dy.Bool(description="it opens a thread")
    author_pseudonym = dy.String(
        regex="^[0-9a-f]{32}$", description="keyed stand-in for the account", metadata=KEYED
    )
    community_key = dy.String(
        description="platform/venue; a venue that is a person's page is a pseudonym",
        metadata=PUBLIC,
    )
    title = dy.String(nullable=True, description="masked", metadata=INDIRECT)
    text = dy.String(description="masked", metadata=INDIRECT)
    alt_text = dy.String(nullable=True, description="masked", metadata=INDIRECT)
    quoted_text = dy.String(nullable=True, description="masked", metadata=INDIRECT)
    flair = dy.String(nullable=True, description="masked", metadata=INDIRECT)
    link_categories = dy.List(
        dy.Enum(LINK_CATEGORIES), description="what kind of page each link leads to, sorted"
    )
    declared_languages = dy.List(dy.String(), description="as the author's client says")
    language = dy.String(
        nullable=True, description="detected, ISO 639-1; null where too short or in doubt"
    )
    language_confidence = dy.Float64(
        nullable=True,
        min=0,
        max=1,
        description="probability of the likeliest, under 0.5 in doubt; null where too short",
    )
    words_count = dy.Int64(min=0, description="words in title and text after masking")
    hashtags_count = dy.Int64(min=0, description="hashtags")
    masks = dy.List(
        dy.Struct({"mask": dy.String(), "count": dy.Int64()}),
        description="placeholders put in, by class; never their value",
    )
    scrubber_version = dy.Int32(
        min=1, description="version of the masking rules, ten a step; one more: with the model"
    )
    created_at = _utc("as the author's client claims")
    is_created_at_plausible = dy.Bool(description="after the platform began, not in the future")
    indexed_at = _utc("as the platform says it took it in", nullable=True)
    observed_at = _utc("when we saw this version first")
    edited_at = _utc("last edit the platform admits to", nullable=True)
    is_edited = dy.Bool(description="the platform marks it as edited")
    is_nsfw = dy.Bool(description="marked adult, quarantined or graphic")
    is_visible_logged_out = dy.Bool(description="its author lets signed-out readers see it")


class EngagementSnapshot(dy.Schema):
    """Counts of one post at one instant, never overwritten."""

    post_key = dy.UInt64(primary_key=True, description="post", metadata=KEYED)
    observed_at = dy.Datetime(time_zone="UTC", primary_key=True, description="when we asked")
    replies_count = _count("replies or comments the platform counts")
    reddit_score = _count("ups less downs, fuzzed by Reddit")
    reddit_crossposts_count = _count("crossposts")
    bluesky_likes_count = _count("likes")
    bluesky_reposts_count = _count("reposts")
    bluesky_quotes_count = _count("quote posts")


class DuplicateMark(dy.Schema):
    """A post that says what an earlier post said. A mark, never a deletion."""

    post_key = dy.UInt64(primary_key=True, description="the marked post", metadata=KEYED)
    cluster_key = dy.UInt64(description="smallest post_key of its cluster", metadata=KEYED)
    canonical_key = dy.UInt64(description="the cluster's earliest post", metadata=KEYED)
    kind = dy.Enum(
        DUPLICATE_KINDS,
        description="repost: same author, same venue; crosspost: same author, other venue; "
        "copypasta: another author; template: three authors or more filled the same gaps of the "
        "canonical wording, each differently; same_post: one post seen twice, which the store "
        "keeps once, so that no mark is of this kind",
    )
    match = dy.Enum(["exact", "near"], description="wording equal once normalised, or similar")
    similarity = dy.Float64(min=0, max=1, description="of the wordings, 1 = exact")
    skeleton_key = dy.UInt64(
        nullable=True,
        description="hash of which of the canonical wording's words this one keeps; null where "
        "exact, or where the cluster has fewer than three authors",
    )
