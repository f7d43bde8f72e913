"""The data dictionary of the published file, read from the models themselves."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache

import duckdb

from warehouse.connection import SETTINGS
from warehouse.meanings import meaning
from warehouse.models import MARTS, VIEWS, make_views, migrate, model, refresh_models

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  naive UTC, as the store keeps it


@dataclass(frozen=True, slots=True)
class PublishedColumn:
    """A column: its name, DuckDB type and meaning."""

    name: str
    type: str
    comment: str


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table: its name, meaning and columns."""

    name: str
    comment: str
    columns: tuple[PublishedColumn, ...]


@cache
def published_tables() -> tuple[PublishedTable, ...]:
    """Describe every table of the published file, then every view."""
    connection = duckdb.connect(":memory:", config=dict(SETTINGS))
    try:
        migrate(connection, now=_EPOCH, compression="auto")
        refresh_models(connection)
        make_views(connection)
        return (
            *(_described(connection, "marts", name) for name in MARTS),
            *(_described(connection, "views", name) for name in VIEWS),
        )
    finally:
        connection.close()


def _described(connection: duckdb.DuckDBPyConnection, folder: str, name: str) -> PublishedTable:
    found = model(folder, name)
    rows = connection.execute(f"describe {name}").fetchall()
    return PublishedTable(
        name=name,
        comment=found.comment,
        columns=tuple(
            PublishedColumn(column, kind, meaning(name, column)) for column, kind, *_ in rows
        ),
    )
