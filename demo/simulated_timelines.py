"""Timelines of a simulated corpus: what one author posts after another post. Pure.

Two kinds of authors. Those of `careers` are followed from one disclosure to the next, with the
feedback on each; those of `choices` decide, week by week, whether to disclose where they are.
"""

from typing import Any, Final

import numpy as np

from demo.simulated_model import Chances, Floats, Ints
from demo.simulated_roots import Climate, Size, counts

DISCLOSURES: Final = 6
CHOICES: Final = 12
DAY: Final = 24.0


def careers(chances: Chances, size: Size, rng: np.random.Generator) -> dict[str, Any]:
    """Draw six disclosures each and, round each, two ordinary posts; by column, hours from start.

    Feedback is standardised as the views do, on the counts that stand in the corpus.
    """
    p, shape = chances.planted, (size.timelines, DISCLOSURES)
    usual = rng.normal(4, 0.5, size.timelines)[:, None]
    likes = counts(usual + rng.normal(0, 0.6, shape))
    logs = np.log1p(likes)
    z = (logs - logs.mean(axis=1, keepdims=True)) / logs.std(axis=1, ddof=1, keepdims=True)
    soon = rng.random(shape) < 0.5 + p["C36"] * DISCLOSURES / (DISCLOSURES - 1) * z
    gaps = np.where(soon, rng.uniform(24, 300, shape), rng.uniform(360, 700, shape))
    hours = np.cumsum(np.column_stack([rng.uniform(400, 900, size.timelines), gaps[:, :-1]]), 1)
    narrative = rng.integers(0, 3, shape)
    found = {
        "author": np.repeat(np.arange(size.timelines), DISCLOSURES),
        "hours": hours.ravel(),
        "likes_24h": likes.ravel(),
        "struggleposting": _intensity(p["C37"], z, rng).ravel(),
        "algorithmic_empathy_bidding": _bidding(p["C39"], z, rng).ravel(),
        "public_coping_narratives": narrative.ravel(),
        "theme_connection_validation": _isolation(p["C35"], narrative, rng).ravel(),
        "trauma_capitalization": (rng.random(shape) < 0.3).ravel() * 1,
    }
    ordinary = _ordinary(p["C40"], found, usual, rng)
    return {name: np.concatenate([found[name], ordinary[name]]) for name in found}


def _intensity(effect: float, z: Floats, rng: np.random.Generator) -> Ints:
    """Draw 1 or 2. The change to the next one slopes 1.2 times as steeply on z within authors.

    For the one before weighs in: with six z that sum to 0, covariances are -1/6 of their variance.
    """
    chance = np.full(z.shape, 0.5)
    chance[:, 1:] += effect / 1.2 * z[:, :-1]
    return 1 + (rng.random(z.shape) < chance)


def _bidding(effect: float, z: Floats, rng: np.random.Generator) -> Ints:
    bids = np.zeros(z.shape, dtype=np.int64)
    chance: Floats = np.full(len(z), 0.4)
    for step in range(z.shape[1]):
        bids[:, step] = rng.random(len(z)) < chance
        chance = 0.4 + effect * z[:, step] * bids[:, step]
    return bids


def _isolation(effect: float, narrative: Ints, rng: np.random.Generator) -> Ints:
    chance = np.full(narrative.shape, 0.4)
    chance[:, 1:] += effect * (narrative[:, :-1] == 2)
    return (rng.random(narrative.shape) < chance) * 1


def _ordinary(
    effect: float, disclosed: dict[str, Any], usual: Floats, rng: np.random.Generator
) -> dict[str, Any]:
    """Draw a post before and one after each disclosure; capitalising lifts 14 days of them."""
    authors, steps = len(usual), DISCLOSURES
    told = disclosed["hours"].reshape(authors, steps)
    capital = disclosed["trauma_capitalization"].reshape(authors, steps)
    shift = rng.uniform(1, 13.9 * DAY, (2, authors, steps)) * np.array([-1, 1])[:, None, None]
    hours = np.moveaxis(told + shift, 0, 1).reshape(authors, 2 * steps)
    since = hours[:, :, None] - told[:, None, :]
    lift = ((since > 0) & (since <= 14 * DAY)) * capital[:, None, :]
    logs = usual + effect * lift.sum(axis=2) + rng.normal(0, 0.5, hours.shape)
    nothing = np.zeros(hours.size, dtype=np.int64)
    return dict.fromkeys(disclosed, nothing) | {
        "author": np.repeat(np.arange(authors), 2 * steps),
        "hours": hours.ravel(),
        "likes_24h": counts(logs).ravel(),
    }


def choices(
    chances: Chances, climate: Climate, size: Size, rng: np.random.Generator
) -> dict[str, Any]:
    """Draw twelve posts each, in two communities, in order of time; by column.

    Who has not disclosed yet is likelier to where openness was high, as `C13` says.
    """
    p, shape = chances.planted, (size.timelines, CHOICES)
    homes = rng.integers(0, size.communities, (size.timelines, 2))
    community = np.take_along_axis(homes, rng.integers(0, 2, shape), axis=1)
    moments = np.sort(rng.uniform(1, size.weeks, shape), axis=1)
    week = moments.astype(np.int64)
    usual = climate.usual[community] - climate.usual.mean()
    norm = climate.disclosure_before[community, week] + usual
    openness = climate.openness_before[community, week]
    lean = rng.uniform(0.35, 0.5, size.timelines)
    struggle = np.zeros(shape, dtype=np.int64)
    is_new = np.ones(size.timelines, dtype=bool)
    for step in range(CHOICES):
        chance = lean + p["C21"] * norm[:, step] + p["C13"] * openness[:, step] * is_new
        struggle[:, step] = rng.random(size.timelines) < chance
        is_new &= struggle[:, step] == 0
    return {
        "author": np.repeat(np.arange(size.timelines), CHOICES),
        "community": community.ravel(),
        "week": week.ravel(),
        "moment": moments.ravel(),
        "struggleposting": struggle.ravel(),
        "openness": openness.ravel(),
    }


def first_disclosure_slope(
    chances: Chances, climate: Climate, size: Size, rng: np.random.Generator
) -> float:
    """Return what C13's slope comes to over very many authors in the same communities."""
    drawn = choices(chances, climate, size, rng)
    told = drawn["struggleposting"] > 0
    author, place = drawn["author"][told], drawn["community"][told]
    first = np.zeros(len(author))
    first[np.unique(author, return_index=True)[1]] = 1
    x = drawn["openness"][told]
    n = np.bincount(place)
    x = x - (np.bincount(place, x) / n)[place]
    return float((x * first).sum() / (x * x).sum())
