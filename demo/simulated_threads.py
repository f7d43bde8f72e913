"""Replies under sampled root posts: what others say, and what the author says on return. Pure."""

from typing import Any, Final

import numpy as np

from demo.simulated_model import SHARES, Chances, Floats
from demo.simulated_roots import Climate

RETURNS: Final = 0.5  # share of struggle threads whose author comes back


def replies(
    chances: Chances, climate: Climate, roots: dict[str, Any], rng: np.random.Generator
) -> dict[str, Any]:
    """Draw replies by column; `root` is the row of the root they stand under.

    The author's own replies come last, `is_self` tells them.
    """
    place = (roots["community"], roots["week"])
    warmth = chances.emotional(roots) + roots["person"] + climate.support[place]
    harm = chances.harmful(roots, climate.disclosure_before[place])
    struggle = roots["struggleposting"] > 0
    gathered = np.where(struggle, chances.contested, chances.contested_other)
    is_contested = rng.random(len(struggle)) < gathered
    harm = np.where(is_contested, harm / gathered, 0.0)
    root = np.repeat(np.arange(len(struggle)), roots["n_replies"])

    def happens(chance: Floats) -> Any:
        return rng.random(len(root)) < chance[root]

    lot = rng.random(len(root))
    emotional = lot < warmth[root]
    esteem = (lot < (warmth + chances.esteem(roots))[root]) & ~emotional
    helping = 0.06 + chances.planted["C11"] * roots["theme_stigma_openness"]
    advice = roots["theme_advice_crowdsourcing"] > 0
    found = {
        "root": root,
        "is_self": np.zeros(len(root), dtype=bool),
        "reply_emotional_support": emotional * 1,
        "reply_esteem_validation": (esteem | (emotional & (rng.random(len(root)) < 0.3))) * 1,
        "reply_informational_support": happens(0.2 + chances.planted["C14"] * advice) * 1,
        "reply_shared_experience": happens(chances.matching(roots)) * 1,
        "reply_hostile_dismissive": happens(harm) * 1,
        "reply_privacy_intrusion": np.zeros(len(root), dtype=np.int64),
        "help_seeking_step": happens(helping) * 1,
        "author_relief_followup": np.zeros(len(root), dtype=np.int64),
        "feedback_uptake": np.zeros(len(root), dtype=np.int64),
        "n_words": _words(chances, roots, root, rng),
    }
    back = _returns(chances, roots, found, rng)
    return {name: np.concatenate([column, back[name]]) for name, column in found.items()}


def _words(chances: Chances, roots: dict[str, Any], root: Any, rng: np.random.Generator) -> Any:
    """Draw lengths; substantial talk is longer by C17 on the log scale."""
    is_open = (roots["theme_authentic_identity"] > 0) | (
        roots["digital_vulnerability_signaling"] > 0
    )
    logs = 4.0 + chances.planted["C17"] * is_open[root] + rng.normal(0, 0.4, len(root))
    return np.rint(np.expm1(logs)).astype(np.int64)


def _returns(
    chances: Chances, roots: dict[str, Any], said: dict[str, Any], rng: np.random.Generator
) -> dict[str, Any]:
    """Draw what authors say on return, likelier to be relief or uptake after warm replies."""
    p = chances.planted
    heads = np.bincount(said["root"], minlength=len(roots["week"]))
    supportive = (said["reply_emotional_support"] + said["reply_esteem_validation"]) > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        support = np.bincount(said["root"], supportive, len(heads)) / heads
        warmth = np.bincount(said["root"], said["reply_emotional_support"], len(heads)) / heads
    struggle = roots["struggleposting"] > 0
    back = np.flatnonzero(struggle & (heads > 0) & (rng.random(len(heads)) < RETURNS))
    offloads = SHARES["online_emotional_offloading"]
    support_usual = chances.support_mean + (1 - offloads) * p["C32"]
    warmth_usual = (
        chances.support
        + 0.5 * p["C04"]
        + 1.5 * SHARES["audience_empathy_seeking"] * p["C20"]
        + SHARES["digital_vulnerability_signaling"] * p["C30"]
        + SHARES["virtual_catharsis"] * p["C34"]
    )
    relief = p["C08"] + p["C09"] * (support[back] - support_usual) * (
        roots["online_emotional_offloading"][back] > 0
    )
    uptake = p["C15"] + p["C16"] * (warmth[back] - warmth_usual)
    nothing = np.zeros(len(back), dtype=np.int64)
    found = dict.fromkeys(said, nothing) | {
        "root": back,
        "is_self": np.ones(len(back), dtype=bool),
        "author_relief_followup": (rng.random(len(back)) < relief) * 1,
        "feedback_uptake": (rng.random(len(back)) < uptake) * 1,
        "n_words": nothing + 20,
    }
    return {name: found[name] for name in said}
