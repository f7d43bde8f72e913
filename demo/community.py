"""Invent the community: pure, from a seed; the same seed gives the same people and posts.

Eight weeks from 2026-01-05 to 2026-03-01 (UTC) on both platforms. What is planted (truth, effects,
duplicates, names, fates) is told by the `Community` itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from demo.crowd import Crowd, Size
from demo.duplicates import plant_duplicates
from demo.examples import ExamplesLike, ready_posts
from demo.fates import block_pairs, plant_fates, reactions
from demo.identifiers import names_of
from demo.malformed import plant_malformed
from demo.model import Community, Person, PlantedName, Post, Venue
from demo.people import invent_redditors, invent_skyfolk
from demo.timing import SINCE, UNTIL
from demo.truth import EFFECTS

__all__ = ["FULL", "SMALL", "VENUES", "Size", "invent"]

FULL: Final = Size()
SMALL: Final = Size(people=34, submissions=34, comments=110, bluesky_posts=34, bluesky_replies=55)
RULES: Final = (
    "Share how you are, nobody is judged here.",
    "Monday check-in thread: one line on your week is enough.",
    "No private messages to posters without asking in the open.",
)
VENUES: Final = (
    Venue("HeavyPockets", "t5_5heavy", "public", 0.55, 0.42, 48_211, "What you carry", RULES),
    Venue("SmallHours", "t5_6small", "public", 0.52, 0.38, 31_904, "Awake at night", RULES[:1]),
    Venue("DeskPlants", "t5_7desk1", "public", 0.05, 0.20, 120_337, "Green things at work"),
    Venue("TheQuietRoom", "t5_8quiet", "private", 0.5, 0.0, 310, "By invitation"),
    Venue("LostLetters", "t5_9lost1", "banned", 0.5, 0.0, 0, "Gone"),
    Venue("ColdCellar", "t5_acold1", "quarantined", 0.5, 0.0, 5_120, "Behind a warning"),
    Venue("AfterMidnight", "t5_bafter", "nsfw", 0.3, 0.0, 9_044, "Adults only"),
)


@dataclass(frozen=True, slots=True)
class _Streams:
    """One random stream per concern, so that a change in one leaves the others alone."""

    seed: int

    def of(self, concern: int) -> np.random.Generator:
        return np.random.default_rng([self.seed, concern])


def invent(
    seed: int = 1,
    *,
    codebook_examples: Mapping[str, ExamplesLike] | None = None,
    size: Size = FULL,
) -> Community:
    """Invent both platforms' people, posts and their fates.

    `codebook_examples`: by code id, the codebook's invented examples (`code.examples`); they appear
    as posts.
    """
    streams = _Streams(seed)
    redditors = invent_redditors(streams.of(1), size.people, SINCE)
    skyfolk = invent_skyfolk(streams.of(2), size.people, SINCE)
    roots, replies = ready_posts(codebook_examples or {})
    posts: list[Post] = []
    planted: list[PlantedName] = []
    for concern, platform, people in ((3, "reddit", redditors), (4, "bluesky", skyfolk)):
        half = slice(0 if platform == "reddit" else 1, None, 2)
        crowd = Crowd(
            streams.of(concern), people, VENUES, size, list(roots[half]), list(replies[half])
        )
        posts += crowd.submissions() if platform == "reddit" else crowd.skyposts()
        planted += crowd.planted
    posts, duplicates = plant_duplicates(streams.of(5), posts, VENUES)
    posts += plant_malformed(streams.of(6), redditors, skyfolk, VENUES[0])
    posts = plant_fates(streams.of(7), posts, protected={d.original_id for d in duplicates})
    likes, reposts = reactions(streams.of(8), posts, skyfolk)
    people = (*redditors, *skyfolk)
    return Community(
        seed=seed,
        since=SINCE,
        until=UNTIL,
        people=people,
        venues=VENUES,
        posts=tuple(sorted(posts, key=lambda post: (post.created_at, post.native_id))),
        duplicates=tuple(duplicates),
        blocks=block_pairs(posts),
        likes=likes,
        reposts=reposts,
        effects=EFFECTS,
        strings=_all_names(people, posts, planted),
    )


def _all_names(
    people: Sequence[Person], posts: Sequence[Post], planted: Sequence[PlantedName]
) -> tuple[PlantedName, ...]:
    names = [name for person in people for name in names_of(person)]
    names += [PlantedName("native_id", post.native_id, True) for post in posts]
    return tuple(dict.fromkeys([*names, *planted]))
