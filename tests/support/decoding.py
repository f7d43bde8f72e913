"""Every value that a file holds, whatever wraps or compresses it.

A byte search alone proves nothing about DuckDB, Parquet or zstd: compression hides text. What a
file is, its first bytes say, not its name.
"""

import base64
import contextlib
import gzip
import io
import json
import pickletools
import re
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import zstandard

Values = tuple[str, pl.Series]  # where they stand, and the values as strings

_SQLITE, _PARQUET, _ZSTD, _GZIP, _ZIP = (
    b"SQLite format 3\0", b"PAR1", b"\x28\xb5\x2f\xfd", b"\x1f\x8b", b"PK\x03\x04",
)  # fmt: skip
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
ROWS_AT_ONCE = 20_000
_DEEPEST = 6  # wrappers in wrappers; deeper is no file of ours
_UNREADABLE = (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, zstandard.ZstdError)


def values_of(path: Path) -> Iterator[Values]:
    """Yield the values of a file by column or part; of a database, of its catalog too."""
    with path.open("rb") as file:
        head = file.read(16)
    if head[8:12] == b"DUCK":
        yield from _duckdb(path)
    elif head == _SQLITE:
        yield from _sqlite(path)
    elif head.startswith(_PARQUET):
        yield from _frame("", pl.read_parquet(path))
    else:
        yield from unwrapped(path.read_bytes(), "", is_table=path.suffix in {".csv", ".tsv"})


def unwrapped(
    data: bytes, where: str, *, is_table: bool = False, depth: int = 0
) -> Iterator[Values]:
    """Yield the values in bytes: archives, documents, pickles, and what those hold."""
    if depth > _DEEPEST:
        return
    with contextlib.suppress(*_UNREADABLE):
        for inner, content in _members(data):
            yield f"{where}!{inner}", _texts([content.decode("utf-8", errors="ignore")])
            yield from unwrapped(content, f"{where}!{inner}", depth=depth + 1)
    if data.startswith(_PARQUET):
        yield from _frame(where, pl.read_parquet(io.BytesIO(data)))
    if data[:1] == b"\x80":
        yield f"{where}!pickle", _texts(_pickled(data))
    text = data.decode("utf-8", errors="ignore")
    strings = list(_documents(text))
    if is_table:
        strings += [field.strip("\"' ") for field in re.split(r"[,;\t\r\n]", text)]
    if strings:
        yield f"{where}!json" if not is_table else f"{where}!fields", _texts(strings)
    for blob in _decoded_base64(text):
        yield from unwrapped(blob, f"{where}!base64", depth=depth + 1)
        yield f"{where}!base64", _texts([blob.decode("utf-8", errors="ignore")])


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    if data.startswith(_ZSTD):
        reader = zstandard.ZstdDecompressor(max_window_size=2**31).stream_reader(
            data, read_across_frames=True
        )
        yield "zstd", reader.read()
    elif data.startswith(_GZIP):
        yield "gzip", gzip.decompress(data)
    elif data.startswith(_ZIP):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for number, name in enumerate(archive.namelist()):
                yield f"zip:{number}", name.encode() + b"\n" + archive.read(name)
                yield f"zip:{number}", archive.read(name)


def _pickled(data: bytes) -> Iterator[str]:
    """List a pickle's strings without running it."""
    with contextlib.suppress(Exception):  # a broken pickle is only bytes, and those are searched
        for _, argument, _ in pickletools.genops(data):
            if isinstance(argument, bytes):
                yield argument.decode("utf-8", errors="ignore")
            elif isinstance(argument, str):
                yield argument


def _documents(text: str) -> Iterator[str]:
    """List the strings, keys included, of a JSON document or of one a line."""
    if text.lstrip()[:1] not in {"{", "[", '"'}:
        return
    for document in [text] if _parsed(text) is not None else text.splitlines():
        yield from _strings(_parsed(document))


def _parsed(text: str) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(text)
    return None


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        yield from _documents(value)  # a document kept as text inside another
    elif isinstance(value, bytes):
        yield value.decode("utf-8", errors="ignore")
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)
    elif value is not None and not isinstance(value, bool):
        yield str(value)


def _decoded_base64(text: str) -> Iterator[bytes]:
    """Decode what looks like base64 and gives text or an archive; most words give neither."""
    for match in _BASE64.finditer(text):
        word = match[0].rstrip("=").replace("-", "+").replace("_", "/")
        with contextlib.suppress(ValueError):
            blob = base64.b64decode(word + "=" * (-len(word) % 4), validate=True)
            if not blob.startswith((b"\x80", _ZSTD, _GZIP, _ZIP, _PARQUET)):
                blob.decode("utf-8")
            yield blob


def _texts(values: Iterable[str]) -> pl.Series:
    return pl.Series(list(values), dtype=pl.String)


def _cells(place: str, cells: Iterable[Any]) -> Iterator[Values]:
    """Yield a column's strings, and what its documents, archives and encoded blobs hold."""
    cells = list(cells)
    distinct = _texts(_strings(cells)).unique()
    yield place, distinct
    for text in distinct.filter(distinct.str.contains(r'^\s*[\[{"]|[A-Za-z0-9+/_\-]{24}')):
        yield from unwrapped(text.encode(), place, depth=1)
    for blob in cells:
        if isinstance(blob, bytes):
            yield from unwrapped(blob, place, depth=1)


def _frame(where: str, frame: pl.DataFrame) -> Iterator[Values]:
    for column in frame.get_columns():
        yield from _cells(f"{where}.{column.name}", [column.name, *column.to_list()])


def _duckdb(path: Path) -> Iterator[Values]:
    with contextlib.closing(duckdb.connect(path, read_only=True)) as connection:
        for catalog in ("duckdb_tables()", "duckdb_views()", "duckdb_columns()"):
            yield from _query(
                connection, catalog, f"select * exclude (database_name) from {catalog}"
            )
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() order by all"
        ).fetchall()
        for schema, table in tables:
            quoted = ".".join('"' + name.replace('"', '""') + '"' for name in (schema, table))
            yield from _query(connection, f"{schema}.{table}", f"from {quoted}")


def _sqlite(path: Path) -> Iterator[Values]:
    """Read a copy, with its log, so that the scan leaves no trace in the study."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "copy.sqlite"
        for suffix in ("", "-wal", "-journal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
        with contextlib.closing(sqlite3.connect(copy)) as connection:
            connection.text_factory = lambda raw: raw.decode("utf-8", errors="ignore")
            yield from _query(connection, "sqlite_master", "select * from sqlite_master")
            tables = connection.execute("select name from sqlite_master where type = 'table'")
            for (table,) in tables.fetchall():
                quoted = table.replace('"', '""')
                with contextlib.suppress(sqlite3.OperationalError):  # its module is not here
                    yield from _query(connection, table, f'select * from "{quoted}"')


def _query(connection: Any, place: str, query: str) -> Iterator[Values]:
    cursor = connection.execute(query)
    names = [column[0] for column in cursor.description]
    while rows := cursor.fetchmany(ROWS_AT_ONCE):
        for name, cells in zip(names, zip(*rows, strict=True), strict=True):
            yield from _cells(f"{place}.{name}", cells)
