"""Estimators, in SQL and in NumPy, against their definitions written out the long way."""

import math
from collections.abc import Callable, Iterator

import duckdb
import numpy as np
import polars as pl
import pytest

from warehouse.bootstrap import bootstrap_interval
from warehouse.models import ANALYST_MACROS, model
from warehouse.multiplicity import false_discovery_rates, t_point, t_tail

LOOSE = {"rel": 1e-9, "abs": 1e-12}


def claims_data(seed: int, *, n: int = 200) -> pl.DataFrame:
    """Invent observations in 12 clusters and 5 cells, with gaps."""
    rng = np.random.default_rng(seed)
    y: list[float | None] = list(rng.normal(size=n))
    y[3] = None
    grp: list[int | None] = list(rng.integers(0, 2, size=n))
    grp[5] = None
    return pl.DataFrame(
        {
            "cluster": [f"k{k}" for k in rng.integers(0, 12, size=n)],
            "cell": [f"c{c}" for c in rng.integers(0, 5, size=n)],
            "grp": grp,
            "x": rng.normal(size=n),
            "y": y,
            "w": rng.uniform(1, 5, size=n),
        }
    )


def mean(d: pl.DataFrame) -> float:
    return float(np.average(d["y"].to_numpy(), weights=d["w"].to_numpy()))


def share(data: pl.DataFrame) -> float:
    return mean(data.drop_nulls("y"))


def contrast(data: pl.DataFrame, by: tuple[str, ...] = ("cell",)) -> float:
    differences, weights = [], []
    for _, part in data.drop_nulls(["y", "grp"]).group_by(*by):
        one, none = part.filter(grp=1), part.filter(grp=0)
        if one.height and none.height:
            differences.append(mean(one) - mean(none))
            weights.append(min(one["w"].sum(), none["w"].sum()))
    return float(np.average(differences, weights=weights)) if weights else math.nan


def paired(data: pl.DataFrame) -> float:
    return contrast(data, by=("cluster", "cell"))


def slope(data: pl.DataFrame) -> float:
    d = data.drop_nulls(["y", "x"])
    x, y, w = (d[c].to_numpy().copy() for c in ("x", "y", "w"))
    cell = d["cell"].to_numpy()
    for c in np.unique(cell):
        part = cell == c
        x[part] -= np.average(x[part], weights=w[part])
        y[part] -= np.average(y[part], weights=w[part])
    return float((w * x * y).sum() / (w * x * x).sum())


def left_out_error(estimator: Callable[[pl.DataFrame], float], data: pl.DataFrame) -> float:
    """Return the jackknife's standard error the long way: estimate anew without each cluster."""
    estimate = estimator(data)
    names = data["cluster"].unique().sort().to_list()
    left = [estimator(data.filter(pl.col("cluster") != name)) for name in names]
    shifts = np.array([value - estimate for value in left])
    count = np.count_nonzero(np.abs(shifts) > 1e-12)  # none: no counterpart
    return float(math.sqrt((count - 1) / count * (shifts**2).sum()))


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as made:
        for name in ANALYST_MACROS:
            made.execute(model("macros", name).sql)
        yield made


@pytest.mark.parametrize("oracle", [share, contrast, paired, slope], ids=lambda f: f.__name__)
@pytest.mark.parametrize("seed", range(5))
def test_an_estimator_equals_its_definition(
    connection: duckdb.DuckDBPyConnection, oracle: Callable[[pl.DataFrame], float], seed: int
) -> None:
    data = claims_data(seed)
    connection.register("claim_x", data)
    sql = f"select est, se, n, n_eff, clusters from est_{oracle.__name__}('claim_x')"
    [(estimate, error, n, n_eff, clusters)] = connection.execute(sql).fetchall()
    assert estimate == pytest.approx(oracle(data), **LOOSE)
    assert error == pytest.approx(left_out_error(oracle, data), **LOOSE)
    assert 0 < n_eff <= n < data.height
    assert 10 <= clusters <= 12  # pairs: a cluster may hold one group only


@pytest.mark.parametrize("kind", ["share", "contrast", "paired", "slope"])
def test_the_bootstrap_is_as_wide_as_leaving_clusters_out(
    connection: duckdb.DuckDBPyConnection, kind: str
) -> None:
    rng = np.random.default_rng(5)
    clusters = pl.Series("cluster", rng.integers(0, 300, size=4_000))
    data = claims_data(5, n=4_000).with_columns(clusters, y=pl.col("y") + clusters % 3)
    if kind == "paired":
        data = data.with_columns(cell=pl.col("cluster"))
    connection.register("claim_x", data)
    sql = f"select est, 1.96 * se from est_{kind}('claim_x')"
    [(estimate, reach)] = connection.execute(sql).fetchall()
    rows = data.drop_nulls(["y", "grp"]) if kind in ("contrast", "paired") else data.drop_nulls("y")
    interval = bootstrap_interval(kind, rows, seed=1)
    assert interval == pytest.approx((estimate - reach, estimate + reach), abs=0.2 * reach)
    assert bootstrap_interval(kind, rows, seed=1) == interval
    assert bootstrap_interval(kind, rows.clear(), seed=1) is None


def test_a_share_that_all_rows_agree_on_still_has_an_interval(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    data = claims_data(1).with_columns(y=pl.lit(1.0))
    connection.register("claim_x", data)
    [(estimate, error)] = connection.execute("select est, se from est_share('claim_x')").fetchall()
    assert (estimate, error) == (1.0, 1.5 / 12)


@pytest.mark.parametrize("kind", ["contrast", "paired", "slope"])
def test_an_outcome_that_never_varies_is_no_data(
    connection: duckdb.DuckDBPyConnection, kind: str
) -> None:
    data = claims_data(1).with_columns(y=pl.lit(0.0))
    connection.register("claim_x", data)
    sql = f"select verdict(est, se, -0.1, 1, 40) from est_{kind}('claim_x')"
    assert connection.execute(sql).fetchall() == [("no data",)]


@pytest.mark.parametrize(
    ("df", "point"),
    [(3, 3.1824), (5, 2.5706), (10, 2.2281), (19, 2.0930), (30, 2.0423), (1000, 1.9623)],
)
def test_t_quantiles_are_those_of_the_tables(
    connection: duckdb.DuckDBPyConnection, df: int, point: float
) -> None:
    [(found,)] = connection.execute("select t_quantile($1)", [df]).fetchall()
    assert found == pytest.approx(point, rel=2e-3)
    assert t_point(df) == pytest.approx(found)
    assert t_tail(point, df) == pytest.approx(0.025, rel=3e-2 if df < 8 else 3e-3)
    assert t_tail(-point, df) == pytest.approx(0.975, rel=3e-3)


def test_false_discovery_rates_step_up() -> None:
    found = false_discovery_rates({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.5})
    assert found == pytest.approx({"a": 0.04, "b": 0.16 / 3, "c": 0.16 / 3, "d": 0.5})
    assert false_discovery_rates({}) == {}


@pytest.mark.parametrize("kind", ["share", "contrast", "paired", "slope"])
@pytest.mark.parametrize("rows", [0, 1])
def test_an_estimator_of_next_to_nothing_says_no_data(
    connection: duckdb.DuckDBPyConnection, kind: str, rows: int
) -> None:
    connection.register("claim_x", claims_data(1).head(rows))
    [(verdict, clusters)] = connection.execute(
        f"select verdict(est, se, 0.0, 1, clusters), clusters from est_{kind}('claim_x')"
    ).fetchall()
    assert verdict == "no data"
    assert clusters <= rows


@pytest.mark.parametrize(
    ("est", "se", "sesoi", "sign", "clusters", "wanted"),
    [
        (0.6, 0.01, 0.5, 1, 40, "supported"),
        (0.4, 0.01, 0.5, 1, 40, "not supported"),
        (0.51, 0.01, 0.5, 1, 40, "inconclusive"),
        (0.05, 0.01, 0.1, -1, 40, "supported"),
        (0.2, 0.01, 0.1, -1, 40, "not supported"),
        (0.6, 0.01, 0.5, 1, 19, "no data"),
        (None, None, 0.5, 1, 40, "no data"),
        (float("nan"), float("nan"), 0.5, 1, 40, "no data"),
    ],
)
def test_a_verdict_follows_from_interval_sign_and_smallest_effect(
    connection: duckdb.DuckDBPyConnection,
    est: float | None,
    se: float | None,
    sesoi: float,
    sign: int,
    clusters: int,
    wanted: str,
) -> None:
    row = [est, se, sesoi, sign, clusters]
    assert connection.execute("select verdict(?, ?, ?, ?, ?)", row).fetchall() == [(wanted,)]
