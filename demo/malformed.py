"""Items that break the platforms' own rules: each must be set aside, and the rest go on."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from demo.crowd import draw_reach, spell_id
from demo.model import MISSING, NETWORK, Person, Post, Venue, Wording
from demo.timing import SINCE
from schema.vocabulary import PostKind

REDDIT: Final[tuple[Mapping[str, Any], ...]] = (
    {"created_utc": "garbage"},
    {"created_utc": MISSING},
    {"created_utc": 0.0},
    {"created_utc": 1_924_992_000.0},
    {"selftext": 17},
    {"selftext": None, "title": None},
    {"score": "many"},
)
BLUESKY: Final[tuple[Mapping[str, Any], ...]] = (
    {"text": MISSING},
    {"text": 17},
    {"createdAt": "garbage"},
    {"createdAt": MISSING},
    {"createdAt": "2026-01-20"},
    {"langs": "en"},
    {"reply": {"root": "nowhere"}},
)
ODD_CLAIMS: Final = (
    "1970-01-01T00:00:00.000Z",
    "2031-05-05T05:05:05.000Z",
    "0001-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59-01:00",
    "2026-01-25T12:00:00.1234567890+02:00",
    "2026-02-30T10:00:00.000Z",
)  # accepted by the network all the same
TEXT: Final = "A line about the weather that somebody's broken program wrote, number {number}."


def plant_malformed(
    rng: np.random.Generator, redditors: Sequence[Person], skyfolk: Sequence[Person], venue: Venue
) -> list[Post]:
    """Add malformed submissions and records, and posts with odd but accepted dates."""
    steady = [person for person in redditors if not person.changes]
    above = [person for person in skyfolk if not person.changes]
    posts = [
        _post(rng, steady[index * 3 + 1], venue.name, index, distortions=distortion)
        for index, distortion in enumerate(REDDIT)
    ]
    posts += [
        _post(rng, above[index * 2 + 1], NETWORK, index + 20, distortions=distortion)
        for index, distortion in enumerate(BLUESKY)
    ]
    posts += [
        _post(rng, above[index * 2 + 2], NETWORK, index + 40, claimed_at=claim)
        for index, claim in enumerate(ODD_CLAIMS)
    ]
    posts.append(_post(rng, above[21], NETWORK, 50, languages=("zz-bad", "en")))
    return posts


def _post(rng: np.random.Generator, author: Person, venue: str, number: int, **odd: Any) -> Post:
    at: datetime = SINCE + timedelta(days=2 + number * 0.9, minutes=number)
    kind: PostKind = "submission" if author.platform == "reddit" else "post"
    native_id = spell_id(rng, kind, author, at)
    return Post(
        platform=author.platform,
        kind=kind,
        native_id=native_id,
        author=author,
        venue=venue,
        created_at=at,
        root_id=native_id,
        parent_id=None,
        title=f"Weather note {number}" if kind == "submission" else None,
        wordings=(Wording(at, TEXT.format(number=number)),),
        values={},
        evidence=(),
        reach=draw_reach(rng, kind, is_root=True),
        **odd,
    )
