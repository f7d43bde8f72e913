"""What stands in which block of a DuckDB file, as DuckDB itself tells.

A block holds one large segment of a column, or several small ones of any tables; or metadata, in
parts of 4 KiB. What a segment held stays in its block until the block is written anew, and a
block is written anew only once no segment in it is in use.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb

from warehouse.connection import ATTACHED

HEADER_BYTES = 3 * 4096
BLOCK_BYTES = 262_144  # the default; each begins with its checksum
CHECKSUM_BYTES = 8
PART_BYTES = 4096
_IN_SEVERAL = -1  # the place of a segment in a block that is all its own


@dataclass(frozen=True, slots=True)
class Group:
    """A row group: its table, the rowid it begins at, its rows as written, its blocks."""

    table: str
    first: int
    rows: int
    blocks: frozenset[int]

    @property
    def rowids(self) -> str:
        """The rowids of its rows, as an SQL condition."""
        return f"rowid between {self.first} and {self.first + self.rows - 1}"


@dataclass(frozen=True, slots=True)
class Layout:
    """A file's row groups; at which offsets segments begin in a block; what is not in use."""

    groups: tuple[Group, ...]
    offsets: Mapping[int, str]
    free: frozenset[int]
    free_parts: frozenset[tuple[int, int]]


def read_layout(connection: duckdb.DuckDBPyConnection) -> Layout | None:
    """Say what stands where in the attached file; None where blocks are left unaccounted for."""
    tables = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where database_name = current_database() order by all"
    ).fetchall()
    groups: list[Group] = []
    offsets: defaultdict[int, list[int]] = defaultdict(list)
    for (table,) in tables:
        groups += _groups(connection, table, offsets)
    parts = connection.execute(
        f"select block_id, free_list from pragma_metadata_info('{ATTACHED}')"
    ).fetchall()
    [(total, used)] = connection.execute(
        "select total_blocks, used_blocks from pragma_database_size() "
        "where database_name = current_database()"
    ).fetchall()
    in_use = offsets.keys() | {block for block, _ in parts}
    if len(in_use) != used or not in_use <= set(range(total)):
        return None
    return Layout(
        tuple(groups),
        {block: ",".join(map(str, sorted(places))) for block, places in offsets.items()},
        frozenset(range(total)) - in_use,
        frozenset((block, part) for block, free in parts for part in free or ()),
    )


def _groups(
    connection: duckdb.DuckDBPyConnection, table: str, offsets: defaultdict[int, list[int]]
) -> Iterator[Group]:
    rows: defaultdict[int, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    blocks: defaultdict[int, set[int]] = defaultdict(set)
    segments = connection.execute(
        "select row_group_id, column_path, count, block_id, block_offset, additional_block_ids "
        f"from pragma_storage_info('{table}')"
    ).fetchall()
    for group, column, count, block, offset, others in segments:
        if "," not in column:  # of the column itself, not of its nulls or its lists' elements
            rows[group][column] += count
        where = [(other, _IN_SEVERAL) for other in others or ()]
        if block is not None and block >= 0:  # a constant stands in no block
            where.append((block, offset))
        for number, place in where:
            blocks[group].add(number)
            offsets[number].append(place)
    counts = [max(rows[group].values()) for group in sorted(rows)]
    firsts = [0]
    for count in counts:
        firsts.append(firsts[-1] + count)
    for group, (first, end) in zip(sorted(rows), pairwise(firsts), strict=True):
        yield Group(table, first, end - first, frozenset(blocks[group]))


def checksums(path: Path) -> list[int]:
    """Read each block's checksum from a file that nobody has open."""
    found = []
    with path.open("rb") as file:
        for start in range(HEADER_BYTES, path.stat().st_size, BLOCK_BYTES):
            file.seek(start)
            found.append(int.from_bytes(file.read(CHECKSUM_BYTES), "little"))
    return found
