"""Tables that a research programme hands over: CSV or Parquet, by the study's map of columns.

Source: Reddit for Researchers and the like; users are hashed there, so a person met here and on
another route has two pseudonyms. Limits: a table does not tell what it leaves out, so no coverage
is claimed; a comment whose root or parent is not mapped is set aside, as its thread is unknown.
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import polars as pl

from connectors import reddit_parse
from connectors.reddit_export_row import COUNTS, DATES, TARGETS, fault_of, in_our_words, thing
from schema.errors import BadInput
from schema.pages import CollectionQuery, ParsedPage, RawPage, SetAside

PAGE_ROWS: Final = 10_000
LONGEST_FIELD: Final = 1 << 20  # far above the longest post: beyond, a quote was never closed
REQUIRED: Final = ("native_id", "author", "created_at", "venue")
_FAULT: Final = "fault"  # a page's column beside the mapped ones: the rule that a line broke
_PARQUET: Final = ".parquet"
_SUFFIXES: Final = (".csv", _PARQUET)


def check_export(path: Path, columns: Mapping[str, str]) -> None:
    """Check the map of columns, and that the file has them.

    Raises:
        BadInput: names the file or the map, the column and the remedy.
    """
    for target in columns:
        if target not in TARGETS:
            raise BadInput(
                f"columns.{target} is nothing an export can hold: use {', '.join(TARGETS)}"
            )
    missing = [target for target in REQUIRED if target not in columns]
    if not {"text", "title"} & set(columns):
        missing.append("text")
    if missing:
        raise BadInput(f"columns.{missing[0]} is missing: name the export's column that holds it")
    present, nested = _header(path)
    for target, column in columns.items():
        if column in nested:
            raise BadInput(
                f"{path.name}: its column {column}, which columns.{target} names, holds lists or "
                "structures: export it as text, numbers or dates"
            )
        if column not in present:
            raise BadInput(
                f"{path.name} has no column {column}, which columns.{target} names: "
                "correct the map in study.toml or export that column too"
            )


def fetch_export_pages(
    path: Path, query: CollectionQuery, columns: Mapping[str, str]
) -> Iterator[RawPage]:
    """Yield the table's rows from `query.position` on; the last page is empty and ends the file.

    A page's `rows` has the mapped columns under our names. `position` is JSON: `row_at` rows and
    about `file_at` bytes are read, `is_end` of the whole file.

    Raises:
        BadInput: the file or the map of columns cannot be used.
    """
    check_export(path, columns)
    at = json.loads(query.position) if query.position else {"row_at": 0, "is_end": False}
    if at["is_end"]:
        return
    row_at = at["row_at"]
    for rows, file_at in _batches(path, columns, skip=row_at):
        row_at += rows.height
        yield _page(query, rows, row_at=row_at, file_at=file_at)
    end = pl.DataFrame(schema=dict.fromkeys([*columns, _FAULT], pl.String))
    yield _page(query, end, row_at=row_at, file_at=path.stat().st_size, is_end=True)


def parse_export_page(page: RawPage) -> ParsedPage:
    """Sort n rows into posts, removals and rows set aside, by the rules of Reddit's own answers."""
    items, faults = [], Counter[str]()
    for row in [] if page.rows is None else page.rows.iter_rows(named=True):
        if fault := row[_FAULT] or fault_of(row):
            faults[fault] += 1
        else:
            items.append(thing(row))
    parsed = reddit_parse.parse_page(replace(page, rows=None, items=tuple(items)))
    named = (replace(entry, rule=in_our_words(entry.rule)) for entry in parsed.set_aside)
    broken = (SetAside(rule=rule, skeleton="{}", count=count) for rule, count in faults.items())
    return replace(parsed, set_aside=(*named, *broken))


def export_native_ids(path: Path, columns: Mapping[str, str]) -> Iterator[list[str]]:
    """Yield the native ids a table holds, batch by batch, spelt as `parse_export_page` does."""
    telling = ("native_id", "kind", "title", "root_native_id")
    mapped = {target: columns[target] for target in telling if target in columns}
    for rows, _ in _batches(path, mapped):
        whole = rows.filter(pl.col(_FAULT).is_null()).drop_nulls("native_id")
        yield [thing(row)["data"]["name"] for row in whole.iter_rows(named=True)]


def _page(
    query: CollectionQuery, rows: pl.DataFrame, *, row_at: int, file_at: int, is_end: bool = False
) -> RawPage:
    return RawPage(
        platform="reddit",
        source=query.source,
        stream=query.stream,
        venue=query.venue,
        observed_at=query.now,
        rows=rows,
        position=json.dumps({"row_at": row_at, "file_at": file_at, "is_end": is_end}),
        requests_count=0,
    )


def _header(path: Path) -> tuple[list[str], list[str]]:
    """Name the file's columns, and those of them that hold nested values."""
    if path.suffix.lower() not in _SUFFIXES:
        raise BadInput(f"{path.name} is neither .csv nor .parquet: export it as one of the two")
    try:
        if path.suffix.lower() == _PARQUET:
            schema = pl.read_parquet_schema(path)
            return list(schema), [name for name, kind in schema.items() if kind.is_nested()]
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            return next(csv.reader(lines), []), []
    except (OSError, pl.exceptions.PolarsError, csv.Error) as error:
        raise BadInput(
            f"{path.name} cannot be read ({type(error).__name__}): export it again"
        ) from None


def _batches(
    path: Path, columns: Mapping[str, str], *, skip: int = 0
) -> Iterator[tuple[pl.DataFrame, int]]:
    """Yield the rows behind the first `skip`, with how many bytes of the file are read."""
    is_parquet = path.suffix.lower() == _PARQUET
    return (_parquet if is_parquet else _csv)(path, columns, skip)


def _parquet(
    path: Path, columns: Mapping[str, str], skip: int
) -> Iterator[tuple[pl.DataFrame, int]]:
    """Read row groups; the bytes are reckoned by the share of rows."""
    table = pl.scan_parquet(path)
    total = table.select(pl.len()).collect().item()
    size, row_at = path.stat().st_size, skip
    wanted = table.slice(skip).select(
        **{target: _as_value(target, column) for target, column in columns.items()},
        **{_FAULT: pl.lit(None, pl.String)},
    )
    for rows in wanted.collect_batches(chunk_size=PAGE_ROWS, maintain_order=True):
        row_at += rows.height
        yield rows, size * row_at // max(total, 1)


def _as_value(target: str, column: str) -> pl.Expr:
    """Read numbers as words where words are meant: some exports number their users."""
    value = pl.col(column)
    return value if target in (*DATES, *COUNTS, "is_nsfw") else value.cast(pl.String)


def _csv(path: Path, columns: Mapping[str, str], skip: int) -> Iterator[tuple[pl.DataFrame, int]]:
    """Read lines as words; one of another width keeps its fault and no value."""
    csv.field_size_limit(LONGEST_FIELD)
    schema = dict.fromkeys([*columns, _FAULT], pl.String)
    with path.open("rb") as file:
        text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="replace", newline="")
        lines = csv.reader(text)
        header = next(lines)
        places = [header.index(column) for column in columns.values()]
        records = islice(_records(lines, len(header), places), skip, None)
        while batch := list(islice(records, PAGE_ROWS)):
            yield pl.DataFrame(batch, schema=schema, orient="row"), file.tell()


def _records(
    lines: Iterator[list[str]], width: int, places: list[int]
) -> Iterator[list[str | None]]:
    nothing: list[Any] = [None] * len(places)
    while True:
        try:
            fields = next(lines)
        except StopIteration:
            return
        except csv.Error:
            yield [*nothing, "no line of CSV"]
            continue
        if len(fields) == width:
            yield [*(fields[place] for place in places), None]
        elif fields:
            yield [*nothing, "not as many fields as the header"]
