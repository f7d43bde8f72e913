"""The published file as an analyst opens it: read-only, whatever a flow is doing.

    from warehouse import open_corpus

    with open_corpus("my-study") as corpus:
        posts = corpus.table("post")
        weeks = corpus.frame("select week, count(*) as posts from post group by week")

A statement reads this file alone: no other file, no network, no variable of the program. Instants
come as UTC without a zone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import duckdb
import polars as pl

from schema.errors import BadInput
from warehouse.connection import SETTINGS, quoted

PLACE: Final = Path("published") / "corpus.duckdb"
BATCH_ROWS: Final = 10_000
Saved = Literal["csv", "json", "ndjson", "parquet"]
_OPTIONS: Final[dict[Saved, str]] = {
    "csv": "format csv, header true",
    "json": "format json, array true",
    "ndjson": "format json",
    "parquet": "format parquet, compression zstd",
}
_TABLES = """
with counted as (
    select table_name as name, estimated_size as rows, comment from duckdb_tables()
    union all
    select view_name as name, null as rows, comment from duckdb_views() where not internal
)
select name, rows, comment from counted where not starts_with(name, 'claim_') order by name
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """A result as it comes: the names of its columns, and its rows, read once."""

    names: tuple[str, ...]
    cursor: duckdb.DuckDBPyConnection | None

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        """Yield the rows; only some thousand are held at a time."""
        while self.cursor is not None and (batch := self._batch(self.cursor)):
            yield from batch

    def _batch(self, cursor: duckdb.DuckDBPyConnection) -> list[tuple[Any, ...]]:
        try:
            return cursor.fetchmany(BATCH_ROWS)
        except duckdb.Error as error:
            raise does_not_run(error) from None


class Corpus:
    """The open file. Close it, or use it in a `with` block; nothing can be written through it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Take over a connection."""
        self.connection = connection

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> duckdb.DuckDBPyConnection:
        """Run SQL as DuckDB itself does, with its errors and its cursor."""
        return self.connection.execute(statement, list(parameters))

    def frame(self, statement: str, parameters: Sequence[Any] = ()) -> pl.DataFrame:
        """Run SQL and return its rows; `$1`, `$2` … stand for the parameters.

        Raises:
            BadInput: the statement does not run; tells why in DuckDB's words, which quote it.
        """
        try:
            # None where a statement has no rows, whatever the stubs say
            relation: Any = self.connection.sql(statement, params=list(parameters))
            return pl.DataFrame() if relation is None else relation.pl()
        except duckdb.Error as error:
            raise does_not_run(error) from None

    def table(self, name: str) -> pl.DataFrame:
        """Return a whole table or view.

        Raises:
            BadInput: there is none of this name.
        """
        return self.frame('select * from "{}"'.format(name.replace('"', '""')))

    def tables(self) -> pl.DataFrame:
        """Return every table and view: name, rows (null for a view) and what it holds."""
        return self.frame(_TABLES)

    def columns(self, name: str) -> pl.DataFrame:
        """Return a table's columns: name, type and meaning.

        Raises:
            BadInput: there is none of this name.
        """
        found = self.frame(
            "select column_name as name, data_type as type, comment from duckdb_columns() "
            "where table_name = $1 order by column_index",
            [name],
        )
        if found.is_empty():
            raise BadInput(f"no table is called {name}: `show tables` lists them")
        return found

    def rows(self, statement: str) -> Rows:
        """Run SQL and return its rows one by one; the last statement's, where there are several.

        Raises:
            BadInput: there is no statement, or one does not run.
        """
        try:
            for one in self._statements(statement):
                cursor = self.connection.execute(one)
        except duckdb.Error as error:
            raise does_not_run(error) from None
        return Rows(tuple(column[0] for column in cursor.description or ()), cursor)

    def save(self, statement: str, target: Path, kind: Saved) -> int:
        """Write the last statement's rows to a file that `open_corpus` was told of; count them.

        Raises:
            BadInput: there is no statement, or one does not run.
        """
        try:
            *before, last = self._statements(statement)
            for one in before:
                self.connection.execute(one)
            selected = last.query.strip().rstrip(";")
            done = self.connection.execute(
                f"copy (\n{selected}\n) to {quoted(target)} ({_OPTIONS[kind]}, use_tmp_file false)"
            )
            return int(done.fetchall()[0][0])
        except duckdb.Error as error:
            raise does_not_run(error) from None

    def _statements(self, text: str) -> list[duckdb.Statement]:
        if statements := self.connection.extract_statements(text):
            return statements
        raise BadInput("there is no statement: write one, between quotes")

    def close(self) -> None:
        """Let go of the file; closing twice does no harm."""
        self.connection.close()

    def __enter__(self) -> Self:
        """Return the corpus itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self.close()


def open_corpus(path: Path | str, *, writes: Path | None = None) -> Corpus:
    """Open a published file, or the one of the study whose folder is given, for reading.

    A publication that comes meanwhile stands in nobody's way: this reader keeps the older file.
    `writes` is the one other file that a statement may write.

    Raises:
        BadInput: nothing was published, or the file is none of ours.
    """
    file = Path(path)
    file = file / PLACE if file.is_dir() else file
    if not file.is_file():
        raise BadInput(f"{file.name} does not exist: run `confide publish` first")
    try:
        connection = duckdb.connect(str(file), read_only=True, config=dict(SETTINGS))
    except duckdb.Error as error:
        kind = type(error).__name__
        raise BadInput(f"{file.name} cannot be read ({kind}): publish it again") from None
    if writes is not None:
        connection.execute(f"set allowed_paths = [{quoted(writes)}]")
    connection.execute("set python_enable_replacements = false")
    connection.execute("set enable_external_access = false")
    return Corpus(connection)


def query(corpus: Corpus, statement: str) -> list[dict[str, Any]]:
    """Run one statement; return its rows as dictionaries, none where it has no result.

    Raises:
        BadInput: the statement is not valid SQL for this file.
    """
    rows = corpus.rows(statement)
    return [dict(zip(rows.names, row, strict=True)) for row in rows]


def does_not_run(error: duckdb.Error) -> BadInput:
    """Tell in one line why a statement does not run, in DuckDB's own words."""
    lines = str(error).split("\nLINE ", 1)[0].split("\n\n")[0].splitlines()
    return BadInput(f"the statement does not run: {' '.join(line.strip() for line in lines)}")
