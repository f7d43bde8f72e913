"""Plain tables read and written by the piece: .parquet, .csv and .ndjson, whatever their size.

A piece is some thousand rows: the texts of one column, and the rows they are from. Columns that
are not asked for come through as they are. The file is written beside its name and takes it only
when it is whole.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from flows.plain_paths import kind_of, whole
from flows.progress import told
from schema.errors import BadInput

ROWS: Final = 10_000
Added = dict[str, Sequence[Any]]
Texts = list[str | None]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows: their texts, and `put`, which writes them with columns replaced or added."""

    texts: Texts
    put: Callable[[Added], None]


@contextmanager
def rewritten(
    source: Path, target: Path, column: str, *, added: str | None
) -> Iterator[Iterator[Piece]]:
    """Give a table's pieces; what they put stands in `target` once the block has ended well.

    `added` is the name of a column that the block will add, or None.

    Raises:
        BadInput: a file is missing, of another kind or in the way, a column is missing, in the
            way or no text, or a row cannot be read.
    """
    kind = kind_of(source, target)
    with whole(target) as part:
        yield _PIECES[kind](source, part, column, added)


def _check_columns(source: Path, columns: Sequence[str], column: str, added: str | None) -> None:
    if column not in columns:
        raise BadInput(f"{source.name}: has no column {column}; --column takes one that it has")
    if added in columns:
        raise BadInput(f"{source.name}: has a column {added} already; rename it first")


def _parquet(source: Path, part: Path, column: str, added: str | None) -> Iterator[Piece]:
    try:
        file = pq.ParquetFile(source)
    except pa.ArrowInvalid:
        raise BadInput(f"{source.name}: is no Parquet file") from None
    schema = file.schema_arrow
    _check_columns(source, schema.names, column, added)
    at = schema.get_field_index(column)
    if not (pa.types.is_string(schema.types[at]) or pa.types.is_large_string(schema.types[at])):
        raise BadInput(
            f"{source.name}: column {column} holds no text; --column takes one that does"
        )
    size, done = source.stat().st_size, 0
    whole = schema if added is None else schema.append(pa.field(added, _SPANS))
    with pq.ParquetWriter(part, whole) as writer:
        for batch in file.iter_batches(ROWS):
            table = pa.Table.from_batches([batch], schema)
            yield Piece(table[column].to_pylist(), partial(_put_table, writer, table, at, whole))
            done += batch.num_rows
            told(source.name, size * done // max(file.metadata.num_rows, 1))


_SPANS: Final = pa.list_(
    pa.struct([("start", pa.int64()), ("end", pa.int64()), ("class", pa.string())])
)


def _put_table(
    writer: pq.ParquetWriter, table: pa.Table, at: int, whole: pa.Schema, added: Added
) -> None:
    arrays = list(table.columns)
    for name, values in added.items():
        if name == whole.names[at]:
            arrays[at] = pa.array(values, whole.types[at])
        else:
            spans = [
                [dict(zip(("start", "end", "class"), span, strict=True)) for span in found]
                for found in values
            ]
            arrays.append(pa.array(spans, _SPANS))
    writer.write_table(pa.Table.from_arrays(arrays, schema=whole))


def _ndjson(source: Path, part: Path, column: str, added: str | None) -> Iterator[Piece]:
    with source.open("rb") as lines, part.open("wb") as out:
        number = 0
        while some := list(islice(lines, ROWS)):
            rows: list[dict[str, Any]] = []
            for line in some:
                number += 1
                if line.strip():
                    rows.append(_object(source, number, line, column, added))
            yield Piece([row[column] for row in rows], partial(_put_lines, out, rows))
            told(source.name, lines.tell())


def _object(
    source: Path, number: int, line: bytes, column: str, added: str | None
) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError:
        row = None
    if not isinstance(row, dict):
        raise BadInput(f"{source.name}: line {number} is no JSON object; mend or remove it")
    _check_columns(source, list(row), column, added)
    if not isinstance(row[column], str | None):
        raise BadInput(f"{source.name}: line {number} has no text in {column}; mend or remove it")
    return row


def _put_lines(out: Any, rows: list[dict[str, Any]], added: Added) -> None:
    for place, row in enumerate(rows):
        changed = row | {name: values[place] for name, values in added.items()}
        out.write(orjson.dumps(changed, option=orjson.OPT_APPEND_NEWLINE))


def _csv(source: Path, part: Path, column: str, added: str | None) -> Iterator[Piece]:
    csv.field_size_limit(2**31 - 1)
    with (
        source.open(encoding="utf-8-sig", newline="") as lines,
        part.open("w", encoding="utf-8", newline="") as out,
    ):
        reader = csv.reader(lines, strict=True)
        try:
            header = next(reader, [])
            _check_columns(source, header, column, added)
            writer = csv.writer(out)
            writer.writerow([*header, *([added] if added else [])])
            at = header.index(column)
            while rows := list(islice(reader, ROWS)):
                _check_widths(source, rows, len(header))
                yield Piece([row[at] for row in rows], partial(_put_rows, writer, rows, at, column))
                told(source.name, _place(lines))
        except (csv.Error, UnicodeDecodeError):
            raise BadInput(
                f"{source.name}: line {reader.line_num} is no CSV in UTF-8; mend it"
            ) from None


def _check_widths(source: Path, rows: list[list[str]], width: int) -> None:
    wrong = sum(len(row) != width for row in rows)
    if wrong:
        raise BadInput(
            f"{source.name}: {wrong} rows have not the header's {width} fields; mend them"
        )


def _place(lines: TextIO) -> int:
    return lines.buffer.tell()  # a reader of rows has run ahead by a block at most


def _put_rows(writer: Any, rows: list[list[str]], at: int, column: str, added: Added) -> None:
    beside = [values for name, values in added.items() if name != column]
    for place, row in enumerate(rows):
        row[at] = added[column][place]
        writer.writerow([*row, *(orjson.dumps(values[place]).decode() for values in beside)])


_PIECES: Final[dict[str, Callable[[Path, Path, str, str | None], Iterator[Piece]]]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".ndjson": _ndjson,
}
