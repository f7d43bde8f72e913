"""Clearing a large file: row groups that held what went are moved, what they leave is overwritten.

DuckDB writes everything itself; this only asks it what stands where, moves rows from one place
of their table to another, and fills what is free. Where what it then tells does not prove that
nothing is left, the caller writes the whole file anew. Why this is enough: ADR 30.
"""

from collections import Counter
from collections.abc import Collection, Set
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl

from warehouse.blocks import BLOCK_BYTES, PART_BYTES, Group, Layout, checksums, read_layout
from warehouse.connection import ROW_GROUP_ROWS, connected

# Of the blocks in use. Where more is to move, writing the whole file costs less; where more is
# free, it makes a smaller one.
MOST_SHARE = 0.5
NUMBER_BYTES = 8
_IN_ORDER = frozenset({"landed.coverage", "landed.draws", "landed.collection_runs"})
_CLEAN = {"block_id": pl.Int64, "checksum": pl.UInt64, "offsets": pl.String}


def erase(path: Path) -> bool:
    """Let the bytes of what went go from a closed warehouse; tell whether they are proven gone.

    What it leaves undone or half done is a warehouse like any other, with the same rows.
    """
    sums = checksums(path)
    with connected(path) as connection:
        _settings(connection)
        before = read_layout(connection)
        if before is None or _has_gaps(connection, before):
            return False
        clean = _clean(connection, before, sums)
        deleted = _with_deleted(connection, before)
        doubtful = before.offsets.keys() - clean
        doubtful |= {block for group in deleted for block in group.blocks}
        moving = _to_move(before, deleted, doubtful)
        left = {block for group in moving for block in group.blocks}
        most = MOST_SHARE * len(before.offsets)
        if len(left) > most or len(before.free) > most:
            return False
        found = Found(before, clean, doubtful)
        large = {group.table for group in moving if group.first or group.rows >= ROW_GROUP_ROWS}
        for tables in (large, {group.table for group in moving} - large):
            _move(connection, [group for group in moving if group.table in tables])
            layout = read_layout(connection)
            if layout is None:
                return False
            found = found.then(layout)
        if found.doubtful or _misses_rows(connection, found.layout):
            return False
        if not _overwrite(connection, found.layout):
            return False
    note_clean(path, found.clean)
    return True


@dataclass(frozen=True, slots=True)
class Found:
    """Blocks that hold nothing else, and blocks that may: both in use, and neither changes."""

    layout: Layout
    clean: Set[int]
    doubtful: Set[int]

    def then(self, layout: Layout) -> "Found":
        """Say the same behind a checkpoint: it writes what was free, and frees what it left."""
        before, now = self.layout.offsets, layout.offsets
        unchanged = {block for block in self.clean if now.get(block) == before[block]}
        written = now.keys() - before.keys()
        return Found(layout, unchanged | written, self.doubtful & now.keys() & before.keys())


def note_clean(path: Path, blocks: Collection[int] | None = None) -> None:
    """Write down which blocks hold nothing else, all in use where none are named; end the due."""
    sums = checksums(path)
    with connected(path) as connection:
        layout = read_layout(connection)
        places = {} if layout is None else layout.offsets
        named = places.keys() if blocks is None else places.keys() & set(blocks)
        rows = [(block, sums[block], places[block]) for block in sorted(named)]
        connection.register("clean", pl.DataFrame(rows, schema=_CLEAN, orient="row"))
        connection.execute("begin")
        connection.execute("delete from landed.clean_blocks")
        connection.execute("insert into landed.clean_blocks from clean")
        connection.execute("update landed.store set rewrite_due_at = null")
        connection.execute("commit")
        connection.unregister("clean")


def _settings(connection: duckdb.DuckDBPyConnection) -> None:
    # merging writes anew what was written a moment before, and leaves it standing
    connection.execute("set max_vacuum_tasks = 0")
    connection.execute("set checkpoint_threshold = '1TB'")  # none but those asked for here
    [(compression,)] = connection.execute("select compression from landed.store").fetchall()
    if compression == "none":
        connection.execute("set force_compression = 'uncompressed'")
    connection.execute("drop view if exists main.filling")  # of a process that died
    connection.execute("drop table if exists main.filler")
    connection.execute("checkpoint")


def _clean(connection: duckdb.DuckDBPyConnection, layout: Layout, sums: list[int]) -> set[int]:
    """Name the blocks that are as the last clearing left them."""
    noted = connection.execute("select block_id, checksum, offsets from landed.clean_blocks")
    return {
        block
        for block, checksum, offsets in noted.fetchall()
        if layout.offsets.get(block) == offsets and sums[block] == checksum
    }


def _has_gaps(connection: duckdb.DuckDBPyConnection, layout: Layout) -> bool:
    """Tell whether rowids skip any: DuckDB 2 does not number rows anew behind a group that went."""
    return any(
        _count(connection, f"{table} where rowid >= {rows}")
        for table, rows in _written(layout).items()
    )


def _with_deleted(connection: duckdb.DuckDBPyConnection, layout: Layout) -> set[Group]:
    """Find the row groups in which fewer rows stand than were written."""
    missing = _misses_rows(connection, layout)
    return {
        group
        for group in layout.groups
        if group.table in missing
        and _count(connection, f"{group.table} where {group.rowids}") != group.rows
    }


def _misses_rows(connection: duckdb.DuckDBPyConnection, layout: Layout) -> set[str]:
    written = _written(layout).items()
    return {table for table, rows in written if _count(connection, table) != rows}


def _written(layout: Layout) -> Counter[str]:
    """Count each table's rows, deleted ones too."""
    rows = Counter[str]()
    for group in layout.groups:
        rows[group.table] += group.rows
    return rows


def _count(connection: duckdb.DuckDBPyConnection, rows: str) -> int:
    [(count,)] = connection.execute(f"select count(*) from {rows}").fetchall()
    return int(count)


def _to_move(layout: Layout, deleted: Set[Group], doubtful: Set[int]) -> list[Group]:
    moving = {group for group in layout.groups if group.blocks & doubtful} | deleted
    first = {
        table: min((g.first for g in moving if g.table == table), default=None)
        for table in _IN_ORDER
    }
    for group in layout.groups:  # where the order of rows tells something, all behind go too
        begin = first.get(group.table)
        if begin is not None and group.first >= begin:
            moving.add(group)
    return sorted(moving, key=lambda group: (group.table, group.first))


def _move(connection: duckdb.DuckDBPyConnection, moving: list[Group]) -> None:
    connection.execute("begin")
    for group in moving:
        connection.execute(f"insert into {group.table} from {group.table} where {group.rowids}")
    for group in moving:
        connection.execute(f"delete from {group.table} where {group.rowids}")
    connection.execute("commit")
    connection.execute("checkpoint")


def _overwrite(connection: duckdb.DuckDBPyConnection, layout: Layout) -> bool:
    """Fill what is free with numbers and a long text; tell whether all of it was written."""
    rows = (len(layout.free) + 2) * BLOCK_BYTES // NUMBER_BYTES
    letters = (len(layout.free_parts) + 2) * PART_BYTES
    connection.execute("set force_compression = 'uncompressed'")
    connection.execute(f"create table main.filler as select range as n from range({rows})")
    connection.execute(f"create view main.filling as select '{'0' * letters}' as letters")
    connection.execute("checkpoint")
    filled = read_layout(connection)
    connection.execute("drop view main.filling")
    connection.execute("drop table main.filler")
    connection.execute("checkpoint")
    if filled is None:
        return False
    return not (layout.free & filled.free or layout.free_parts & filled.free_parts)
