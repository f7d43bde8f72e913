"""Reddit submissions and comments from monthly dumps.

Source: Pushshift and Arctic Shift dumps (RS_, RC_), see `reddit_dump`; an in-memory DuckDB reads
the JSON. Units: times are Unix seconds, UTC. Limits: a dump shows a post as it was when the
archive saw it, and its counts as of then.

Where subreddits or keywords are asked for, only lines that hold one are parsed. A number or a
truth value counts where it is written as a string, text where it is written as a number.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import duckdb
import polars as pl

from connectors.reddit_archive_filter import ArchiveFilter, is_wanted
from connectors.reddit_archive_parse import parse_archive_page
from connectors.reddit_archive_place import Place
from connectors.reddit_archive_rows import (
    META,
    NEITHER,
    ROWS,
)
from connectors.reddit_dump import TOO_LONG, read_blocks
from connectors.reddit_dump_search import Stretch, pattern_of, stretches
from schema.errors import BadInput
from schema.pages import CollectionQuery, RawPage, skeleton

__all__ = ["ArchiveFilter", "archive_id", "fetch_archive_pages", "parse_archive_page"]

PAGE_ROWS: Final = 10_000
PAGE_SCANNED_BYTES: Final = 2**28
_HEAD_BYTES: Final = 2**20
_BLANK: Final = b" \t\r"
_KNOWN: Final = frozenset(ROWS)
_SQL_TYPES: Final[Mapping[pl.DataType, str]] = {
    pl.String(): "varchar",
    pl.Float64(): "double",
    pl.Boolean(): "boolean",
}


@dataclass(slots=True)
class _Gathered:
    """What a page will hold."""

    frames: list[pl.DataFrame] = field(default_factory=list)
    unread: Counter[tuple[str, str]] = field(default_factory=Counter)
    scanned_bytes: int = 0

    @property
    def is_enough(self) -> bool:
        rows_count = sum(frame.height for frame in self.frames)
        return rows_count >= PAGE_ROWS or self.scanned_bytes >= PAGE_SCANNED_BYTES


def archive_id(path: Path) -> str:
    """Return 16 hex digits that tell a file by its first MiB and its size, whatever its name.

    Raises:
        BadInput: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise BadInput(
            f"{path.name}: cannot be read ({type(error).__name__}); check the path and its mode"
        ) from None
    return hashlib.sha256(head + size.to_bytes(8, "big")).hexdigest()[:16]


def fetch_archive_pages(
    path: Path, query: CollectionQuery, wanted: ArchiveFilter
) -> Iterator[RawPage]:
    """Yield what is wanted of a dump, in its order, from `query.position` on.

    A page's position is where its last line ends. The last page of a whole file says what times
    it covers. Lines that cannot be read travel in `items`: rule, skeleton, count.

    Raises:
        BadInput: the file is not there, or is neither zstd nor lines of JSON.
    """
    place = Place.read(query.position)
    if place.is_end:
        return
    pattern = pattern_of(wanted.subreddits, wanted.keywords)
    gathered = _Gathered()
    with closing(read_blocks(path, place.line_at)) as blocks, json_reader() as reader:
        for stretch in stretches(blocks, pattern):
            rows = _rows(reader, stretch, gathered)
            if (broken := stretch.block.broken) and broken != place.broken:  # else told before
                gathered.unread[broken, "{}"] += 1
            place = place.after(stretch.block, rows, query.now)
            gathered.frames.append(rows.filter(is_wanted(rows, query, wanted)))
            if gathered.is_enough or stretch.block.is_end:
                yield _page(query, wanted, gathered, place)
                gathered = _Gathered()


def _page(
    query: CollectionQuery, wanted: ArchiveFilter, gathered: _Gathered, place: Place
) -> RawPage:
    return RawPage(
        platform="reddit",
        source=query.source,
        stream=query.stream,
        venue=query.venue,
        observed_at=query.now,
        items=tuple(
            {"rule": rule, "skeleton": shape, "count": count}
            for (rule, shape), count in gathered.unread.items()
        ),
        rows=pl.concat(gathered.frames),
        position=place.position(),
        covered=place.covered(query, sorted(wanted.subreddits), is_picked=wanted.picks),
        requests_count=0,
    )


@contextmanager
def json_reader() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB that has no file and may make none."""
    with duckdb.connect(":memory:", config={"temp_directory": "", "threads": 1}) as reader:
        reader.execute("set enable_external_file_cache = false")
        yield reader


def _rows(reader: duckdb.DuckDBPyConnection, stretch: Stretch, gathered: _Gathered) -> pl.DataFrame:
    """Read a stretch's lines; count what cannot be read."""
    gathered.scanned_bytes += stretch.scanned_bytes
    if stretch.too_long_count:
        gathered.unread[TOO_LONG, "{}"] += stretch.too_long_count
    path, chosen = stretch.block.path, stretch.chosen
    try:
        rows = _read(reader, path) if chosen is None else _read_bytes(reader, chosen)
        if not _is_unread(rows).any():
            return rows
    except duckdb.Error:  # of one line; which one, is found out below
        rows = pl.DataFrame(schema=ROWS)
    lines = [line for line in stretch.read().split(b"\n") if line.strip(_BLANK)]
    if rows.height != len(lines):
        rows = read_lines(reader, lines)
    return _without_unread(reader, rows, lines, gathered.unread)


def _without_unread(
    reader: duckdb.DuckDBPyConnection,
    rows: pl.DataFrame,
    lines: list[bytes],
    unread: Counter[tuple[str, str]],
) -> pl.DataFrame:
    """Count the lines that are no rows; one that only stood beside such a line is read again."""
    is_unread = _is_unread(rows)
    why = {row: _why_unread(lines[row]) for row in is_unread.arg_true()}
    doubtful = [row for row, (rule, _) in why.items() if rule == NEITHER]
    again = read_lines(reader, [lines[row] for row in doubtful])
    again = again.with_columns(row=pl.Series(doubtful, dtype=pl.get_index_type()))
    again = again.filter(~_is_unread(again.drop("row")))
    unread.update(told for row, told in why.items() if row not in set(again["row"]))
    read = rows.with_row_index("row").filter(~is_unread)
    return pl.concat([read, again.select(read.columns)]).sort("row").drop("row")


def _columns() -> str:
    """Spell the rows' columns and types in DuckDB's words."""
    meta = ", ".join(f'"{name}" {_SQL_TYPES[kind]}' for name, kind in META.items())
    types = {name: _SQL_TYPES.get(kind, f"struct({meta})") for name, kind in ROWS.items()}
    return ", ".join(f"\"{name}\": '{kind}'" for name, kind in types.items())


def _read(reader: duckdb.DuckDBPyConnection, path: str) -> pl.DataFrame:
    """Read a file of lines: a row each but for blank ones, all null where it is no object."""
    return reader.sql(
        f"from read_json('{path}', format = 'newline_delimited', records = true, "
        f"ignore_errors = true, columns = {{{_columns()}}})"
    ).pl()


def _read_bytes(reader: duckdb.DuckDBPyConnection, lines: bytes) -> pl.DataFrame:
    with open(os.memfd_create("lines", os.MFD_CLOEXEC), "wb", buffering=0) as file:
        file.write(lines)
        return _read(reader, f"/proc/self/fd/{file.fileno()}")


def read_lines(reader: duckdb.DuckDBPyConnection, lines: list[bytes]) -> pl.DataFrame:
    """Read lines of which one may stop the reader: by halves, until that one stands alone."""
    if not lines:
        return pl.DataFrame(schema=ROWS)
    try:
        rows = _read_bytes(reader, b"\n".join(lines))
        if rows.height == len(lines):
            return rows
    except duckdb.Error:
        pass
    if len(lines) == 1:
        return pl.DataFrame([{}], schema=ROWS)
    middle = len(lines) // 2
    halves = (lines[:middle], lines[middle:])
    return pl.concat([read_lines(reader, half) for half in halves])


def _is_unread(rows: pl.DataFrame) -> pl.Series:
    return rows.select(pl.all_horizontal(pl.all().is_null()).alias("unread")).to_series()


def _why_unread(line: bytes) -> tuple[str, str]:
    """Name the rule a line breaks, and describe the line without any value."""
    try:
        item = json.loads(line.decode())
    except (ValueError, RecursionError):
        return "line is no JSON", skeleton(line, known=_KNOWN)
    shape = skeleton(item, known=_KNOWN)
    if not isinstance(item, dict):
        return "line is no object", shape
    try:
        json.dumps(item, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return "half a surrogate pair", shape
    return NEITHER, shape
