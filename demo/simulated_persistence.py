"""How long a simulated corpus's posts stay up, in counts by cohort. Pure."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

import numpy as np
import polars as pl

COHORTS: Final = 40
AGES: Final = (1, 7, 30, 90, 180)
AFTER_A_MONTH: Final = 0.97  # share of struggle posts still up after 30 days


def persistence(planted: Mapping[str, float], rng: np.random.Generator) -> pl.DataFrame:
    """Draw `persistence_tally`: weekly cohorts of two platforms, struggle posts and others."""
    rows = []
    for platform in ("reddit", "bluesky"):
        for cohort in range(COHORTS):
            lean = rng.uniform(-0.01, 0.01)
            for cell, after in (("struggle", 0.0), ("other", planted["C24b"])):
                month = AFTER_A_MONTH + lean + after
                later = planted["C23"] / AFTER_A_MONTH
                rows += _cell(platform, cohort, cell, (month, later), rng)
    return pl.DataFrame(rows)


def _cell(
    platform: str,
    cohort: int,
    cell: str,
    survival: tuple[float, float],
    rng: np.random.Generator,
) -> list[dict[str, object]]:
    """Follow one cell: a third of the first month's loss at each of its looks, then half each."""
    standing = int(rng.integers(200, 500))
    steps = [survival[0] ** (1 / 3)] * 3 + [survival[1] ** 0.5] * 2
    rows: list[dict[str, object]] = []
    for age, stays in zip(AGES, steps, strict=True):
        gone = int(rng.binomial(standing, 1 - stays))
        rows.append(
            {
                "platform": platform,
                "cohort_week": date(2026, 1, 5) + timedelta(weeks=cohort),
                "community_kind": "subreddit" if platform == "reddit" else "network",
                "code_cell": cell,
                "age_days": age,
                "n_at_risk": standing,
                "n_deleted": gone,
                "n_edited": 0,
            }
        )
        standing -= gone
    return rows
