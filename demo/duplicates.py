"""Planted duplicates: the same words again, or nearly, by the same author or by others."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import numpy as np

from demo.crowd import draw_reach, spell_id
from demo.history import status
from demo.model import Duplicate, Person, Post, Venue, Wording
from demo.timing import UNTIL
from schema.vocabulary import DuplicateKind, DuplicateMatch, Platform

PLAN: Final[tuple[tuple[Platform, DuplicateKind, DuplicateMatch, int], ...]] = (
    ("reddit", "repost", "exact", 3),
    ("reddit", "repost", "near", 3),
    ("reddit", "crosspost", "exact", 3),
    ("reddit", "crosspost", "near", 2),
    ("reddit", "copypasta", "exact", 3),
    ("reddit", "copypasta", "near", 4),
    ("bluesky", "repost", "exact", 2),
    ("bluesky", "repost", "near", 2),
    ("bluesky", "copypasta", "exact", 3),
    ("bluesky", "copypasta", "near", 3),
)
SWAPS: Final = ("really", "quite", "just", "still", "somehow", "almost", "truly", "barely")
MIN_WORDS: Final = 18
MAX_EDITED_SHARE: Final = 0.15


def plant_duplicates(
    rng: np.random.Generator, posts: Sequence[Post], venues: Sequence[Venue]
) -> tuple[list[Post], list[Duplicate]]:
    """Add copies of some root posts; returns all posts and the truth about the copies."""
    open_venues = [venue.name for venue in venues if venue.weight > 0]
    people = {post.author.native_id: post.author for post in posts}
    chosen: set[str] = set()
    copies: list[Post] = []
    truth: list[Duplicate] = []
    for platform, kind, match, count in PLAN:
        pool = [post for post in posts if _is_copyable(post, platform, open_venues)]
        pool = [post for post in pool if post.native_id not in chosen]
        others = [person for person in people.values() if person.platform == platform]
        for index in rng.permutation(len(pool))[:count]:
            original = pool[int(index)]
            copy, share = _copy(rng, original, kind, match, others, open_venues)
            chosen.add(original.native_id)
            copies.append(copy)
            truth.append(Duplicate(original.native_id, copy.native_id, kind, match, share))
    crosspost = _crosspost_proper(rng, posts, open_venues, chosen)
    return [*posts, *copies, *crosspost], truth


def _is_copyable(post: Post, platform: Platform, open_venues: Sequence[str]) -> bool:
    return (
        post.platform == platform
        and post.is_root
        and len(post.text.split()) >= MIN_WORDS
        and post.created_at < UNTIL - timedelta(days=12)
        and not post.author.changes
        and post.quote_of is None
        and (platform == "bluesky" or post.venue in open_venues)
        and "crisis_flag" not in post.values
        and "identifying_detail" not in post.values
    )


def _copy(
    rng: np.random.Generator,
    original: Post,
    kind: DuplicateKind,
    match: DuplicateMatch,
    others: Sequence[Person],
    open_venues: Sequence[str],
) -> tuple[Post, float]:
    """Say an original again, later; returns the copy and the share of words changed."""
    at = original.created_at + timedelta(seconds=int(rng.integers(3_600, 10 * 86_400)))
    author = original.author
    while (kind == "copypasta" and author == original.author) or status(author, at) != "active":
        author = others[int(rng.integers(len(others)))]
    elsewhere = [venue for venue in open_venues if venue != original.venue]
    venue = elsewhere[int(rng.integers(len(elsewhere)))] if kind == "crosspost" else original.venue
    text, share = (original.text, 0.0) if match == "exact" else _reworded(rng, original)
    native_id = spell_id(rng, original.kind, author, at)
    copy = replace(
        original,
        native_id=native_id,
        root_id=native_id,
        author=author,
        venue=venue,
        created_at=at,
        wordings=(Wording(at, text),),
        reach=draw_reach(rng, original.kind, is_root=True),
        picture_alt=None,
    )
    return copy, share


def _reworded(rng: np.random.Generator, original: Post) -> tuple[str, float]:
    """Change 1 to 15 % of the words, outside the sentences that carry codes."""
    text = original.text
    fixed = [(text.find(line), len(line)) for _, line in original.evidence]
    words = text.split(" ")
    starts = np.cumsum([0, *(len(word) + 1 for word in words[:-1])])
    free = [
        index
        for index, start in enumerate(starts)
        if words[index].isalpha() and not any(at <= start < at + size for at, size in fixed)
    ]
    wanted = max(1, int(len(words) * rng.uniform(0.01, MAX_EDITED_SHARE)))
    changed = [int(index) for index in rng.permutation(free)[:wanted]]
    for index in changed:
        words[index] = SWAPS[int(rng.integers(len(SWAPS)))]
    return " ".join(words), len(changed) / len(words)


def _crosspost_proper(
    rng: np.random.Generator,
    posts: Sequence[Post],
    open_venues: Sequence[str],
    chosen: set[str],
) -> list[Post]:
    """Crosspost one submission by Reddit's own button: a pointer, with no text of its own."""
    pool = [
        post
        for post in posts
        if _is_copyable(post, "reddit", open_venues) and post.native_id not in chosen
    ]
    original = pool[int(rng.integers(len(pool)))]
    at = original.created_at + timedelta(hours=5)
    native_id = spell_id(rng, "submission", original.author, at)
    pointer = replace(
        original,
        native_id=native_id,
        root_id=native_id,
        venue=next(venue for venue in open_venues if venue != original.venue),
        created_at=at,
        wordings=(Wording(at, ""),),
        values={},
        evidence=(),
        flair=None,
        crosspost_of=original.native_id,
        reach=draw_reach(rng, "submission", is_root=True),
    )
    return [pointer]
