"""A simulated corpus: the contract's tables as an analyst gets them, with planted effects.

No text and no coder is simulated: labels are settled, and samples drawn with unequal chances, an
enriched arm among them. Pure; the same seed gives the same tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np
import polars as pl

from demo.simulated_model import SHARES, Chances, Floats, Ints, solve
from demo.simulated_persistence import persistence
from demo.simulated_roots import Climate, Size, balanced, climates, roots
from demo.simulated_threads import replies
from demo.simulated_timelines import careers, choices, first_disclosure_slope

START: Final = datetime(2026, 1, 5)  # noqa: DTZ001  naive UTC, a Monday
VERSION: Final = "1.0.0"
ROOT_KEY, REPLY_KEY, CAREER_KEY, CHOICE_KEY, LAST_KEY = (n * 10**9 for n in range(1, 6))
ROOT_CODES: Final = (
    "struggleposting",
    "theme_stigma_openness",
    *SHARES,
    "theme_connection_validation",
    "theme_support_community",
    "theme_attention_empathy",
    "theme_digital_footprint",
)
REPLY_CODES: Final = (
    "reply_emotional_support",
    "reply_esteem_validation",
    "reply_informational_support",
    "reply_shared_experience",
    "reply_hostile_dismissive",
    "reply_privacy_intrusion",
    "help_seeking_step",
    "author_relief_followup",
    "feedback_uptake",
)
CAREER_CODES: Final = (
    "struggleposting",
    "algorithmic_empathy_bidding",
    "public_coping_narratives",
    "theme_connection_validation",
    "trauma_capitalization",
)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The contract's tables by name, and what each claim's estimate should come to."""

    tables: Mapping[str, pl.DataFrame]
    truths: Mapping[str, float]


def simulate(planted: Mapping[str, float], *, seed: int, size: Size | None = None) -> Corpus:
    """Draw a corpus in which each claim has its planted effect (see `demo.planted`)."""
    size = size or Size()
    rng = np.random.default_rng(seed)
    chances, both = balanced(solve(planted), rng)
    climate = climates(chances, size, rng)
    drawn = roots(chances, climate, size, rng)
    chance = inclusion(drawn["struggleposting"], rng)
    is_drawn = rng.random(len(chance)) < chance
    said = replies(
        chances, climate, {name: column[is_drawn] for name, column in drawn.items()}, rng
    )
    said["root"] = np.flatnonzero(is_drawn)[said["root"]]
    careering = careers(chances, size, rng)
    choosing = choices(chances, climate, size, rng)
    posts = [_roots(drawn, rng), _replies(said, drawn), _careers(careering), _choices(choosing)]
    tables = {
        "post": _filled(pl.concat([*posts, _last_post()])),
        "label": pl.concat(
            [
                _labels(drawn, ROOT_KEY, ROOT_CODES, is_drawn),
                _labels(said, REPLY_KEY, REPLY_CODES),
                _labels(careering, CAREER_KEY, CAREER_CODES),
                _labels(choosing, CHOICE_KEY, ("struggleposting",)),
            ]
        ),
        "sample_unit": _units(chance, is_drawn, said, size, rng),
        "reply_edge": _edges(said, drawn),
        "engagement_snapshot": _looks(drawn, careering),
        "post_link": _links(planted["C41"], careering, choosing, rng),
        "persistence_tally": persistence(planted, rng),
        "current_round": pl.DataFrame(
            {"wave": ["W1"], "round": ["R1"], "codebook_version": [VERSION]}
        ),
    }
    return Corpus(tables, dict(planted) | {"C27": both, "C13": _c13(chances, size, rng)})


def inclusion(struggle: Ints, rng: np.random.Generator) -> Floats:
    """Return each root's chance: word lists put most struggles, and some others, in a high band."""
    is_high = rng.random(len(struggle)) < np.where(struggle > 0, 0.7, 0.3)
    return np.where(is_high, 0.8, 0.3)


def _c13(chances: Chances, size: Size, rng: np.random.Generator) -> float:
    many = Size(communities=400, weeks=size.weeks, timelines=40_000)
    climate: Climate = climates(chances, many, rng)
    return first_disclosure_slope(chances, climate, many, rng)


def _author(ids: Any) -> list[str]:
    """Name authors so that a timeline's key, the first 64 bits, is the number itself."""
    return [f"{n:016x}{0:016x}" for n in np.asarray(ids).tolist()]


def _keys(base: int, count: int) -> pl.Series:
    return pl.Series(np.arange(base, base + count, dtype=np.uint64))


def _post(keys: pl.Series, hours: Floats, authors: list[str], venues: list[str]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "post_key": keys,
            "thread_key": keys,
            "author_key": authors,
            "community_key": venues,
        }
    ).with_columns(
        created_at=pl.lit(START) + pl.Series(hours * 3600e6).cast(pl.Int64).cast(pl.Duration("us")),
        is_root=pl.lit(True),
        visible_logged_out=pl.lit(None, dtype=pl.Boolean),
        n_words=pl.lit(40, dtype=pl.Int64),
    )


def _roots(drawn: dict[str, Any], rng: np.random.Generator) -> pl.DataFrame:
    count = len(drawn["week"])
    hours = (drawn["week"] + rng.random(count)) * 168
    venues = _venues(drawn["community"])
    posts = _post(_keys(ROOT_KEY, count), hours, _author(drawn["author"]), venues)
    return posts.with_columns(visible_logged_out=pl.Series(drawn["visible"]))


def _venues(community: Ints) -> list[str]:
    return [f"{'reddit' if n % 2 else 'bluesky'}/c{n}" for n in community.tolist()]


def _replies(said: dict[str, Any], drawn: dict[str, Any]) -> pl.DataFrame:
    count = len(said["root"])
    hours = drawn["week"][said["root"]] * 168.0 + 100
    posts = _post(
        _keys(REPLY_KEY, count),
        hours,
        _repliers(said, drawn),
        _venues(drawn["community"][said["root"]]),
    )
    return posts.with_columns(
        thread_key=pl.Series((said["root"] + ROOT_KEY).astype(np.uint64)),
        is_root=pl.lit(False),
        n_words=pl.Series(said["n_words"]),
    )


def _repliers(said: dict[str, Any], drawn: dict[str, Any]) -> list[str]:
    own = drawn["author"][said["root"]]
    return _author(np.where(said["is_self"], own, REPLY_KEY + np.arange(len(own))))


def _careers(careering: dict[str, Any]) -> pl.DataFrame:
    author = careering["author"] + CAREER_KEY
    keys = _keys(CAREER_KEY, len(author))
    return _post(
        keys, careering["hours"], _author(author), [f"reddit/t{n % 3}" for n in author.tolist()]
    )


def _choices(choosing: dict[str, Any]) -> pl.DataFrame:
    keys = _keys(CHOICE_KEY, len(choosing["author"]))
    return _post(
        keys,
        choosing["moment"] * 168,
        _author(choosing["author"] + CHOICE_KEY),
        _venues(choosing["community"]),
    )


def _last_post() -> pl.DataFrame:
    """Return a post that ends the window, so that every disclosure is followed for 14 days."""
    return _post(_keys(LAST_KEY, 1), np.array([9_000.0]), _author([LAST_KEY]), ["reddit/t0"])


def _filled(posts: pl.DataFrame) -> pl.DataFrame:
    """Add the contract's other columns."""
    return posts.with_columns(
        platform=pl.col("community_key").str.split("/").list.first(),
        source_route=pl.lit("synthetic"),
        parent_key=pl.when(~pl.col("is_root")).then("thread_key"),
        week=pl.col("created_at").dt.truncate("1w").dt.date(),
        text_masked=pl.lit(""),
        flair=pl.lit(None, dtype=pl.String),
        lang=pl.lit("en"),
        n_hashtags=pl.lit(0, dtype=pl.Int64),
        reach_device_count=pl.lit(0, dtype=pl.Int64),
        edited=pl.lit(False),
        is_created_at_plausible=pl.lit(True),
    )


def _labels(
    drawn: dict[str, Any], base: int, codes: tuple[str, ...], kept: Any = None
) -> pl.DataFrame:
    keys = _keys(base, len(drawn[codes[0]]))
    wide = pl.DataFrame({"unit_key": keys} | {code: drawn[code] for code in codes})
    if kept is not None:
        wide = wide.filter(pl.Series(kept))
    return wide.unpivot(index="unit_key", variable_name="code_id", value_name="value").with_columns(
        unit_type=pl.lit("post"),
        certainty=pl.lit(3),
        label_route=pl.lit("majority"),
        codebook_version=pl.lit(VERSION),
    )


def _units(
    chance: Floats, is_drawn: Any, said: dict[str, Any], size: Size, rng: np.random.Generator
) -> pl.DataFrame:
    """Return drawn roots, all replies under them, and timelines, each with its chance."""
    numbers = np.arange(size.timelines)
    timelines = np.concatenate([CAREER_KEY + numbers, CHOICE_KEY + numbers])
    reply_keys = REPLY_KEY + np.arange(len(said["root"]))
    parts = [
        ("post", np.flatnonzero(is_drawn) + ROOT_KEY, chance[is_drawn]),
        ("post", reply_keys, chance[said["root"]]),
        ("author_timeline", timelines, rng.choice([0.2, 0.5, 0.8], len(timelines))),
    ]
    return pl.concat(
        pl.DataFrame({"unit_key": keys.astype(np.uint64), "incl_prob": chances}).with_columns(
            unit_type=pl.lit(kind)
        )
        for kind, keys, chances in parts
    ).with_columns(wave=pl.lit("W1"), stratum_id=pl.lit("all"), weight=1 / pl.col("incl_prob"))


def _edges(said: dict[str, Any], drawn: dict[str, Any]) -> pl.DataFrame:
    roots = pl.Series((said["root"] + ROOT_KEY).astype(np.uint64))
    return pl.DataFrame(
        {
            "reply_key": _keys(REPLY_KEY, len(said["root"])),
            "thread_key": roots,
            "parent_key": roots,
            "replier_key": _repliers(said, drawn),
            "root_author_key": _author(drawn["author"][said["root"]]),
            "is_self_reply": said["is_self"],
        }
    ).with_columns(minutes_since_root=pl.lit(60.0), depth=pl.lit(1))


def _looks(drawn: dict[str, Any], careering: dict[str, Any]) -> pl.DataFrame:
    root_keys = _keys(ROOT_KEY, len(drawn["week"]))
    looks = [
        (root_keys, 1.0, drawn["likes_1h"]),
        (root_keys, 24.0, drawn["likes_24h"]),
        (_keys(CAREER_KEY, len(careering["author"])), 24.0, careering["likes_24h"]),
    ]
    return pl.concat(
        pl.DataFrame({"post_key": keys, "likes": likes}).with_columns(age_hours=pl.lit(age))
        for keys, age, likes in looks
    ).with_columns(
        observed_at=pl.lit(START), replies=pl.lit(0), reposts=pl.lit(0), quotes=pl.lit(0)
    )


def _links(
    effect: float, careering: dict[str, Any], choosing: dict[str, Any], rng: np.random.Generator
) -> pl.DataFrame:
    """Return ways to pay under posts of timelines, commoner by C41 where they disclose."""
    found = []
    for base, drawn in ((CAREER_KEY, careering), (CHOICE_KEY, choosing)):
        struggle = drawn["struggleposting"] > 0
        linked = rng.random(len(struggle)) < 0.05 + effect * struggle
        found.append(_keys(base, len(struggle)).filter(pl.Series(linked)))
    return pl.DataFrame({"post_key": pl.concat(found)}).with_columns(
        link_category=pl.lit("tip_jar")
    )
