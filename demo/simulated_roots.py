"""Root posts of a simulated corpus: who posts where and when, what a coder would say, who looks.

Pure: everything from `rng`.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from demo.simulated_model import (
    DISCLOSURE,
    OPENNESS,
    PERSON,
    REPLIES,
    REPLY_CHANCES,
    SHOCK,
    Chances,
    Floats,
    Ints,
    any_of,
)

PAST: Final = 4  # weeks that a community looks back on
POSTS_PER_AUTHOR: Final = 3


@dataclass(frozen=True, slots=True)
class Size:
    """How much is invented: communities, weeks, root posts in each of these; timelines."""

    communities: int = 22
    weeks: int = 12
    posts: int = 18
    timelines: int = 150


@dataclass(frozen=True, slots=True)
class Climate:
    """Communities by week: shares of disclosure and openness, and a shock to support."""

    disclosure: Floats
    openness: Floats
    support: Floats
    usual: Floats  # each community's own mean disclosure

    @property
    def disclosure_before(self) -> Floats:
        """Mean of the weeks before, less the community's usual; 0 in the first week."""
        return trailing(self.disclosure - self.usual[:, None])

    @property
    def openness_before(self) -> Floats:
        """Mean of the weeks before, less the overall mean; 0 in the first week."""
        return trailing(self.openness - OPENNESS)


def trailing(weekly: Floats) -> Floats:
    """Average each week's four weeks before; 0 where there are none."""
    found = np.zeros_like(weekly)
    for week in range(1, weekly.shape[1]):
        found[:, week] = weekly[:, max(0, week - PAST) : week].mean(axis=1)
    return found


def climates(chances: Chances, size: Size, rng: np.random.Generator) -> Climate:
    """Draw every community's weeks; more disclosure follows warm weeks where C22 says so."""
    shape = (size.communities, size.weeks)
    usual = DISCLOSURE + rng.uniform(-0.08, 0.08, size.communities)
    support = rng.uniform(-SHOCK, SHOCK, shape)
    disclosure = (
        usual[:, None] + rng.uniform(-0.2, 0.2, shape) + chances.planted["C22"] * trailing(support)
    )
    openness = OPENNESS + rng.uniform(-0.3, 0.3, shape)
    return Climate(disclosure, openness, support, usual)


def roots(
    chances: Chances, climate: Climate, size: Size, rng: np.random.Generator
) -> dict[str, Any]:
    """Draw root posts by column: place, author, codes, replies, looks.

    Authors stay in one community and lean each their own way on codes and support.
    """
    cells = size.communities * size.weeks
    community = np.repeat(np.arange(size.communities), size.weeks * size.posts)
    week = np.tile(np.repeat(np.arange(size.weeks), size.posts), size.communities)
    count = cells * size.posts
    authors_each = size.weeks * size.posts // POSTS_PER_AUTHOR
    author = community * authors_each + rng.integers(0, authors_each, count)
    struggle = rng.random(count) < climate.disclosure[community, week]
    found: dict[str, Any] = {
        "community": community,
        "week": week,
        "author": author,
        "struggleposting": struggle * rng.integers(1, 3, count),
        "theme_stigma_openness": (rng.random(count) < climate.openness[community, week]) * 1,
    }
    authors = size.communities * authors_each
    for code, share in chances.shares.items():
        spread = 0.0 if code in ALIKE else 0.6
        lean = share * (1 + rng.uniform(-spread, spread, authors))
        present = struggle & (rng.random(count) < lean[author])
        found[code] = present * rng.integers(1, 3, count)
    found["person"] = rng.uniform(-PERSON, PERSON, authors)[author]
    found["n_replies"] = rng.choice(REPLIES, count, p=REPLY_CHANCES)
    found["visible"] = (rng.random(authors) < chances.planted["C25"])[author]
    usual = rng.normal(4, 0.5, authors)[author]
    first = usual + chances.planted["C38"] * (found["algorithmic_empathy_bidding"] > 0)
    later = usual + 1 + chances.planted["C43"] * (found["relatability_currency"] > 0)
    found["likes_1h"] = counts(first + rng.normal(0, 0.6, count))
    found["likes_24h"] = counts(later + rng.normal(0, 0.6, count))
    return found


# Codes whose effect is measured against the author's own usual: leanings would blur it.
ALIKE: Final = frozenset({"algorithmic_empathy_bidding", "relatability_currency"})


def counts(logs: Floats) -> Ints:
    """Turn logs of one more than a count into counts."""
    found: Ints = np.maximum(np.rint(np.expm1(logs)), 0).astype(np.int64)
    return found


def balanced(chances: Chances, rng: np.random.Generator) -> tuple[Chances, float]:
    """Gather harm under other posts so that C27 comes out; return what it comes to.

    Where no gathering reaches the planted effect, the nearest is taken: hence the second value.
    """
    size = Size(communities=60, weeks=14, posts=60)
    climate = climates(chances, size, rng)
    drawn = roots(chances, climate, size, rng)
    place = (drawn["community"], drawn["week"])
    chance = chances.emotional(drawn) + drawn["person"] + climate.support[place]
    chance = chance + chances.esteem(drawn)
    harm = chances.harmful(drawn, climate.disclosure_before[place])
    n, struggle = drawn["n_replies"], drawn["struggleposting"] > 0

    def both(contested: float, which: Any) -> float:
        kept = which & (n >= 3)
        met = any_of(chance[kept], n[kept]) * any_of(harm[kept] / contested, n[kept])
        return float(contested * met.mean())

    under_struggle = both(chances.contested, struggle)
    wanted = under_struggle - chances.planted["C27"]
    low, high = max(chances.harm - chances.planted["C29"] + 0.02, 0.05), 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if both(middle, ~struggle) < wanted else (low, middle)
    solved = replace(chances, contested_other=high)
    return solved, under_struggle - both(high, ~struggle)
