"""A corpus in memory, made of frames that hold the contract's tables: for simulation and trials."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from warehouse.connection import SETTINGS, Warehouse
from warehouse.models import MACROS, model


@contextmanager
def corpus_of(tables: Mapping[str, pl.DataFrame], *, now: datetime) -> Iterator[Warehouse]:
    """Open a warehouse that holds these tables and the estimators, and forget it at the end."""
    with duckdb.connect(":memory:", config=dict(SETTINGS)) as connection:
        for name in MACROS:
            connection.execute(model("macros", name).sql)
        warehouse = Warehouse(connection, Path(":memory:"), now)
        for name, frame in tables.items():
            with warehouse.showing("batch", frame):
                warehouse.execute(f"create table {name} as from batch")
        yield warehouse
