"""What becomes of posts: edits, deletions, removals, likes; and who blocks whom."""

from collections.abc import Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from demo.history import status
from demo.model import Fate, Gone, Person, Post, Wording
from demo.timing import UNTIL
from demo.writing import BLUESKY_CHARS, Writer

EDITED_SHARE: Final = {"reddit": 0.06, "bluesky": 0.01}
GONE_SHARES: Final[dict[str, tuple[tuple[Fate, float], ...]]] = {
    "reddit": (
        ("deleted_by_author", 0.04),
        ("removed_by_moderator", 0.02),
        ("not_found", 0.005),
    ),
    "bluesky": (("deleted_by_author", 0.045), ("taken_down", 0.012)),
}
SAFETY_CODES: Final = frozenset({"crisis_flag", "identifying_detail"})


def plant_fates(
    rng: np.random.Generator, posts: Sequence[Post], *, protected: Set[str]
) -> list[Post]:
    """Give some posts an edit, and some an end.

    `protected` ids, malformed items, safety posts and accounts that come to an end are left alone.
    """
    writer = Writer(rng)
    fated: list[Post] = []
    for post in posts:
        if post.native_id in protected or _is_exempt(post):
            fated.append(post)
        else:
            is_edited = rng.random() < EDITED_SHARE[post.platform]
            fated.append(_ended(rng, _edited(rng, post, writer) if is_edited else post))
    return fated


def _is_exempt(post: Post) -> bool:
    is_odd = bool(post.distortions) or post.claimed_at is not None
    return is_odd or bool(post.author.changes) or bool(SAFETY_CODES & set(post.values))


def _edited(rng: np.random.Generator, post: Post, writer: Writer) -> Post:
    at = _later(rng, post.created_at, hours=30)
    text = f"{post.text}\n\n{writer.edit_line()}"
    if post.platform == "bluesky" and len(text) > BLUESKY_CHARS:
        return post
    return replace(post, wordings=(*post.wordings, Wording(at, text)))


def _ended(rng: np.random.Generator, post: Post) -> Post:
    draw = rng.random()
    for fate, share in GONE_SHARES[post.platform]:
        if draw < share:
            after = post.wordings[-1].at
            return replace(post, gone=Gone(_later(rng, after, hours=240), fate))
        draw -= share
    return post


def _later(rng: np.random.Generator, at: datetime, *, hours: float) -> datetime:
    """Draw an instant after `at`, sooner rather than later; it may lie after the window."""
    return at + timedelta(seconds=240 + round(float(rng.exponential(hours)) * 3_600))


def block_pairs(posts: Sequence[Post]) -> tuple[tuple[str, str], ...]:
    """Let two Bluesky authors block somebody who answered them: (blocker, blocked) DIDs."""
    authors = {post.native_id: post.author.native_id for post in posts}
    pairs = [
        (authors[post.parent_id], post.author.native_id)
        for post in posts
        if post.platform == "bluesky"
        and post.parent_id in authors
        and authors[post.parent_id] != post.author.native_id
    ]
    return tuple(dict.fromkeys(pairs))[::97][:2]


def reactions(
    rng: np.random.Generator, posts: Sequence[Post], people: Sequence[Person]
) -> tuple[tuple[tuple[str, str, datetime], ...], tuple[tuple[str, str, datetime], ...]]:
    """Draw likes and reposts as events: (DID, at-uri, instant), a sample of what is counted."""
    likes: list[tuple[str, str, datetime]] = []
    reposts: list[tuple[str, str, datetime]] = []
    for post in posts:
        if post.platform != "bluesky" or post.distortions:
            continue
        for chosen, total in ((likes, min(post.reach.likes, 4)), (reposts, post.reach.reposts > 3)):
            for index in rng.choice(len(people), size=int(total), replace=False):
                at = _later(rng, post.created_at, hours=post.reach.tau_hours)
                person = people[int(index)]
                if at < UNTIL and status(person, at) == "active":
                    chosen.append((person.native_id, post.native_id, at))
    return tuple(likes), tuple(reposts)
