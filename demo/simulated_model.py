"""The chances behind a simulated corpus, solved so that each claim has its planted effect.

All effects add up on the scale of chances, codes are drawn apart from each other, and nothing is
cut off at 0 or 1; so what is planted is what an estimator should find.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
REPLIES: Final = np.arange(7)  # replies by others, 0 to 6
REPLY_CHANCES: Final = np.array([0.1, 0.15, 0.15, 0.15, 0.15, 0.15, 0.15])
SHARES: Final[Mapping[str, float]] = {
    "audience_empathy_seeking": 0.15,
    "digital_vulnerability_signaling": 0.25,
    "online_emotional_offloading": 0.30,
    "virtual_catharsis": 0.12,
    "algorithmic_empathy_bidding": 0.20,
    "relatability_currency": 0.25,
    "theme_advice_crowdsourcing": 0.35,
    "theme_authentic_identity": 0.20,
}  # in struggle posts
OPENNESS: Final = 0.35  # mean share of theme_stigma_openness, over communities and weeks
DISCLOSURE: Final = 0.42  # mean share of struggleposting, likewise
ESTEEM: Final = 0.08
SHOCK, PERSON = 0.12, 0.04  # half widths: a community's week, an author, in the support they get


@dataclass(frozen=True, slots=True)
class Chances:
    """Everything a corpus is drawn from; `planted` maps claims to effects."""

    planted: Mapping[str, float]
    shares: Mapping[str, float]
    support: float  # base of emotional support under struggle posts
    support_mean: float  # supportive share there, all told
    support_other: float  # emotional support under other posts
    harm: float  # mean share of harm under struggle posts
    contested: float  # share of struggle threads that harm gathers in
    contested_other: float
    shared: float  # base of matching experience under struggle posts
    shared_other: float

    def emotional(self, roots: Mapping[str, Any]) -> Floats:
        """Return the chance of emotional support for each root, without shocks."""
        p = self.planted
        under_struggle = (
            self.support
            + p["C04"] * (roots["struggleposting"] - 1)
            + p["C20"] * roots["audience_empathy_seeking"]
            + p["C30"] * (roots["digital_vulnerability_signaling"] > 0)
            + p["C34"] * (roots["virtual_catharsis"] > 0)
        )
        chance: Floats = np.where(roots["struggleposting"] > 0, under_struggle, self.support_other)
        return chance

    def esteem(self, roots: Mapping[str, Any]) -> Floats:
        """Return the chance of esteem without emotional support."""
        chance: Floats = ESTEEM + self.planted["C32"] * (roots["online_emotional_offloading"] > 0)
        return chance

    def harmful(self, roots: Mapping[str, Any], disclosure_before: Floats) -> Floats:
        """Return the chance of harm; `disclosure_before` less its community's mean."""
        p = self.planted
        under_struggle = (
            self.harm
            + p["C03"] * disclosure_before
            + p["C12"] * (roots["theme_stigma_openness"] - OPENNESS)
        )
        chance: Floats = np.where(
            roots["struggleposting"] > 0, under_struggle, self.harm - p["C29"]
        )
        return chance

    def matching(self, roots: Mapping[str, Any]) -> Floats:
        """Return the chance of a matching experience."""
        p = self.planted
        under_struggle = (
            self.shared
            + p["C10"] * roots["theme_stigma_openness"]
            + p["C18"] * (roots["theme_authentic_identity"] > 0)
            + p["C33"] * (roots["audience_empathy_seeking"] > 0)
            + p["C42"] * (roots["relatability_currency"] > 0)
        )
        chance: Floats = np.where(roots["struggleposting"] > 0, under_struggle, self.shared_other)
        return chance


def solve(planted: Mapping[str, float]) -> Chances:
    """Find the bases that make the planted effects come out together."""
    p = planted
    seeking = SHARES["audience_empathy_seeking"]
    community = 1 - (1 - p["C01"]) / ((1 - seeking) * (1 - p["C05"]))
    shares = dict(SHARES) | {
        "theme_connection_validation": p["C05"],
        "theme_support_community": community,
        "theme_attention_empathy": 1 - (1 - p["C19"]) / (1 - seeking),
        "theme_digital_footprint": p["C24"],
    }
    pulls = (p["C04"], 2 * p["C20"], p["C30"], p["C34"])
    above_base = (
        0.5 * p["C04"]
        + 1.5 * seeking * p["C20"]
        + SHARES["digital_vulnerability_signaling"] * p["C30"]
        + SHARES["virtual_catharsis"] * p["C34"]
        + SHARES["online_emotional_offloading"] * p["C32"]
    )
    room = SHOCK + PERSON + 0.01  # no chance may fall below 0, under either kind of post
    support = room + max(p["C02"] - above_base, -sum(min(0.0, pull) for pull in pulls))
    mean = support + above_base + ESTEEM
    shared = _shared_base(p)
    lift = (
        OPENNESS * p["C10"]
        + SHARES["theme_authentic_identity"] * p["C18"]
        + seeking * p["C33"]
        + SHARES["relatability_currency"] * p["C42"]
    )
    harm = mean - p["C28"]
    return Chances(
        planted=p,
        shares=shares,
        support=support,
        support_mean=mean,
        support_other=mean - ESTEEM - p["C02"],
        harm=harm,
        contested=0.5 + harm / 2,
        contested_other=1.0,
        shared=shared,
        shared_other=shared + lift - p["C06"],
    )


def any_of(chance: Floats, n: Ints) -> Floats:
    """Return the chance that at least one of n replies is of a kind."""
    return 1 - (1 - chance) ** n


def _shared_base(p: Mapping[str, float]) -> float:
    """Solve the base at which threads of 3 to 6 replies hold a match as often as C31 says."""
    pulls = (
        (OPENNESS, p["C10"]),
        (SHARES["theme_authentic_identity"], p["C18"]),
        (SHARES["audience_empathy_seeking"], p["C33"]),
        (SHARES["relatability_currency"], p["C42"]),
    )
    ways = [(1.0, 0.0)]
    for share, pull in pulls:
        ways = [
            (weight * part, lift + step)
            for weight, lift in ways
            for part, step in ((share, pull), (1 - share, 0.0))
        ]
    weights, lifts = (np.array(column) for column in zip(*ways, strict=True))
    low, high = 0.0, 0.6
    for _ in range(40):
        base = (low + high) / 2
        reached = np.mean([weights @ any_of(base + lifts, np.array(n)) for n in (3, 4, 5, 6)])
        low, high = (base, high) if reached < p["C31"] else (low, base)
    return low
