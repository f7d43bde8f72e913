"""The published file as an analyst opens it: read-only, whatever a flow is doing."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from schema.errors import BadInput
from warehouse.connection import SETTINGS


@contextmanager
def open_corpus(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published file for reading.

    Raises:
        BadInput: nothing was published, or the file is none of ours.
    """
    if not path.is_file():
        raise BadInput(f"{path.name} does not exist: run `confide publish` first")
    try:
        connection = duckdb.connect(str(path), read_only=True, config=dict(SETTINGS))
    except duckdb.Error as error:
        kind = type(error).__name__
        raise BadInput(f"{path.name} cannot be read ({kind}): publish it again") from None
    try:
        yield connection
    finally:
        connection.close()


def query(corpus: duckdb.DuckDBPyConnection, statement: str) -> list[dict[str, Any]]:
    """Run one statement; return its rows as dictionaries, none where it has no result.

    Raises:
        BadInput: the statement is not valid SQL for this file; tells DuckDB's own words, which
            quote the statement.
    """
    try:
        cursor = corpus.execute(statement)
        if cursor is None:
            raise BadInput("there is no statement: write one, between quotes")
        names = [column[0] for column in cursor.description or ()]
        rows = cursor.fetchall() if names else []
    except duckdb.Error as error:
        first = str(error).splitlines()[0]
        raise BadInput(f"the statement does not run: {first}") from None
    return [dict(zip(names, row, strict=True)) for row in rows]
