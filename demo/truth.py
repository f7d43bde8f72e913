"""What is planted: which codes a post carries, and the effects that claims should find.

Shares are near the codebook's expectations (its `prevalence`), a little richer where a code would
otherwise be too rare to show in a small sample.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from schema.vocabulary import Platform

EFFECTS: Final[Mapping[str, str]] = {
    "C01": "near one half: bids for empathy, acceptance or community in 0.5 of struggle posts",
    "C02": "true: replies under struggle posts are supportive about 0.45 of the time, others 0.14",
    "C04": "true: a focal disclosure draws 0.12 more empathic replies than a brief one",
    "C19": "false: attention or empathy is sought in about 0.3 of struggle posts, not over half",
    "C20": "true: each step of openly asking for empathy adds 0.08 to the empathic share",
}
MAX_CODES: Final[Mapping[Platform, int]] = {"reddit": 4, "bluesky": 2}


class Share(NamedTuple):
    """How often a code stands in struggle posts, per platform, and how often it is focal."""

    reddit: float
    bluesky: float
    focal: float = 0.55


GATED: Final[Mapping[str, Share]] = {
    "digital_vulnerability_signaling": Share(0.18, 0.15),
    "online_emotional_offloading": Share(0.28, 0.20),
    "audience_empathy_seeking": Share(0.25, 0.22),
    "virtual_catharsis": Share(0.08, 0.06),
    "public_coping_narratives": Share(0.20, 0.14),
    "algorithmic_empathy_bidding": Share(0.02, 0.06),
    "trauma_capitalization": Share(0.02, 0.05),
    "relatability_currency": Share(0.14, 0.14),
    "theme_connection_validation": Share(0.22, 0.18),
    "theme_support_community": Share(0.18, 0.12),
    "theme_authentic_identity": Share(0.04, 0.10),
    "theme_attention_empathy": Share(0.08, 0.09),
    "theme_digital_footprint": Share(0.08, 0.04),
}
OPEN: Final[Mapping[str, tuple[float, float]]] = {
    "theme_stigma_openness": (0.10, 0.04),
    "theme_advice_crowdsourcing": (0.34, 0.12),
    "help_seeking_step": (0.08, 0.0),
    "feedback_uptake": (0.07, 0.0),
}  # share in struggle posts, share in others
BINARY: Final = frozenset(
    {
        "theme_support_community",
        "help_seeking_step",
        "reply_shared_experience",
        "reply_privacy_intrusion",
        "author_relief_followup",
        "crisis_flag",
        "identifying_detail",
        "out_of_scope",
    }
)


def root_values(
    rng: np.random.Generator, platform: Platform, *, struggle_share: float
) -> dict[str, int]:
    """Draw the planted values of a root post; absent codes are left out."""
    if rng.random() < 0.03:
        return {"out_of_scope": 1}
    has_struggle = rng.random() < struggle_share
    drawn = [
        code for code, shares in OPEN.items() if rng.random() < shares[0 if has_struggle else 1]
    ]
    if has_struggle:
        column = 0 if platform == "reddit" else 1
        drawn += [code for code, share in GATED.items() if rng.random() < share[column]]
    rng.shuffle(drawn)
    values = {code: _grade(rng, code) for code in drawn[: MAX_CODES[platform]]}
    if has_struggle:
        values["struggleposting"] = 2 if rng.random() < 0.68 else 1
    return values


def reply_values(
    rng: np.random.Generator, platform: Platform, root: Mapping[str, int], *, is_self: bool
) -> dict[str, int]:
    """Draw the planted values of a reply under a root that has the values `root`."""
    if rng.random() < 0.012:
        return {"out_of_scope": 1}
    shares = _self_shares(root) if is_self else _reply_shares(platform, root)
    drawn = [code for code, share in shares.items() if rng.random() < share]
    return {code: _grade(rng, code) for code in drawn[:3]}


def _self_shares(root: Mapping[str, int]) -> dict[str, float]:
    if not root.get("struggleposting"):
        return {}
    return {"author_relief_followup": 0.14, "feedback_uptake": 0.18, "help_seeking_step": 0.08}


def _reply_shares(platform: Platform, root: Mapping[str, int]) -> dict[str, float]:
    struggle = root.get("struggleposting", 0)
    if not struggle:
        return {
            "reply_emotional_support": 0.05,
            "reply_esteem_validation": 0.09,
            "reply_informational_support": 0.20,
            "reply_shared_experience": 0.08,
            "reply_hostile_dismissive": 0.02,
        }
    asks = 0.08 * root.get("audience_empathy_seeking", 0)
    return {
        "reply_emotional_support": 0.22 + 0.12 * (struggle - 1) + asks,
        "reply_esteem_validation": 0.20,
        "reply_informational_support": 0.55 if root.get("theme_advice_crowdsourcing") else 0.28,
        "reply_shared_experience": 0.20,
        "reply_hostile_dismissive": 0.04 if platform == "reddit" else 0.07,
        "reply_privacy_intrusion": 0.015,
        "help_seeking_step": 0.02,
    }


def _grade(rng: np.random.Generator, code: str) -> int:
    if code in BINARY:
        return 1
    focal = GATED[code].focal if code in GATED else 0.5
    return 2 if rng.random() < focal else 1
