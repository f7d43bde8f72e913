"""What a community was like before is told from the sample's noise, however few were coded."""

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import duckdb
import numpy as np
import polars as pl
import pytest

from warehouse.models import MACROS, model

COMMUNITIES, WEEKS = 40, 20
MONDAY = date(2026, 1, 5)


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        for name in MACROS:
            opened.execute(model("macros", name).sql)
        yield opened


def coded(posts: int, rate: Callable[[int, int], float], *, seed: int = 3) -> pl.DataFrame:
    """Code so many posts of each community and week, each a struggle with this chance."""
    draw = np.random.default_rng(seed)
    rows = [
        (
            f"reddit/c{community}",
            MONDAY + timedelta(weeks=week),
            f"{community}-{week}-{number}",
            float(draw.uniform(1, 3)),
            int(draw.random() < rate(community, week)),
            0,
            (community * WEEKS + week) * posts + number,
        )
        for community in range(COMMUNITIES)
        for week in range(WEEKS)
        for number in range(posts)
    ]
    names = ["community_key", "week", "author_key", "w", "struggleposting",
             "theme_stigma_openness", "thread_key"]  # fmt: skip
    return pl.DataFrame(rows, schema=names, orient="row")


def reliability(
    connection: duckdb.DuckDBPyConnection, posts: pl.DataFrame
) -> tuple[float, float | None]:
    """Return the measure's reliability, and how far its values spread within communities."""
    connection.register("coded", posts)
    connection.execute("create or replace table v_post as from coded")
    connection.execute(
        "create or replace table v_thread as "
        "select thread_key, cast(struggleposting as double) as supportive_share from coded"
    )
    connection.execute(model("views", "v_past").sql)
    [row] = connection.execute(
        "select any_value(reliability), sum(pow(value - own, 2)) / sum(pow(mean - own, 2)) "
        "from (select *, avg(mean) over (partition by community_key) as own from v_past "
        "where measure = 'disclosure')"
    ).fetchall()
    return row


@pytest.mark.parametrize("posts", [2, 3, 8])
def test_where_weeks_are_alike_all_spread_is_noise(
    connection: duckdb.DuckDBPyConnection, posts: int
) -> None:
    share, spread = reliability(connection, coded(posts, lambda community, _: community / 50))
    assert share < 0.1
    assert spread is None  # no value that could be set against anything


@pytest.mark.parametrize("posts", [2, 3, 8])
def test_where_weeks_differ_the_share_is_what_larger_samples_tell(
    connection: duckdb.DuckDBPyConnection, posts: int
) -> None:
    def rate(community: int, week: int) -> float:
        return 0.15 if (week // 5 + community) % 2 else 0.75

    share, spread = reliability(connection, coded(posts, rate))
    exact = np.array([[rate(c, w) for w in range(WEEKS)] for c in range(COMMUNITIES)])
    past = np.stack([exact[:, max(0, w - 4) : w].mean(axis=1) for w in range(1, WEEKS)], axis=1)
    signal = past.var(axis=1).mean()
    sampled, _ = reliability(connection, coded(120, rate, seed=4))
    assert sampled > 0.94
    # noise of a mean of four weeks: p (1 - p), a little more for unequal weights
    noise = 1.08 * (0.15 * 0.85 + 0.75 * 0.25) / 2 / (4 * posts)
    assert share == pytest.approx(signal / (signal + noise), abs=0.06)
    assert spread == pytest.approx(share**2)
