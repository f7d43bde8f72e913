"""What the published file says of itself: how to read it, and which versions made it."""

from datetime import datetime
from importlib.metadata import version
from typing import Final

import duckdb

from warehouse.connection import Warehouse

LINES: Final = (
    "What a row is: post holds one row per public post, masked and keyed; nobody is named, and "
    "nobody may try to find out who wrote one.",
    "Never quote a text verbatim, never join across platforms by author, never publish a cell "
    "of fewer than 11 authors.",
    "label holds settled codes of current_round; views v_post, v_reply, v_thread put them in "
    "columns with the design weight w; null means not settled, not absent.",
    "Each claim of the source text is a view claim_… ; try: select * from est_share('claim_c01').",
    "verdicts holds what the data say of each claim; a claim is locked while coders do not "
    "agree well enough on its codes.",
    "Instants are UTC without a zone. coverage says what was read and where gaps are.",
    "Every table, view, column and macro carries a comment: select table_name, column_name, "
    "comment from duckdb_columns() where not internal.",
    "Twenty questions with their SQL are in docs/cookbook.md; codebook holds the codes, claims "
    "the claims, versions what made this file.",
)
WITHDRAWN: Final = "Posts removed since were taken out"
_MADE_FROM = """
select 'warehouse' as part, cast(max(number) as varchar) as version from landed.migrations
union all
select 'masking rules' as part, string_agg(distinct scrubber_version, ', ') as version
from landed.post_versions
having count(*) > 0
union all
select 'codebook' as part, codebook_version as version from landed.current_round
"""
_TABLES = """
create table readme (line integer, text varchar);
comment on table readme is 'What this file is and how to read it. Grain: one row per line.';
comment on column readme.line is 'its place';
comment on column readme.text is 'what it says';
create table versions (part varchar, version varchar);
comment on table versions is 'What this file was made by and from. Grain: one row per part.';
comment on column versions.part is
'confide, duckdb, warehouse (its last migration), masking rules of the texts, codebook in force';
comment on column versions.version is 'its version';
"""


def versions_of(warehouse: Warehouse) -> dict[str, str]:
    """Tell the versions of what a publication is made by and from, by part."""
    made_by = {"confide": version("confide"), "duckdb": duckdb.__version__}
    return made_by | dict(warehouse.execute(_MADE_FROM))


def write_readme(
    connection: duckdb.DuckDBPyConnection, versions: dict[str, str], *, now: datetime
) -> None:
    """Add the tables `readme` and `versions`, commented."""
    connection.execute(_TABLES)
    lines = (*LINES, f"Published {now:%Y-%m-%d %H:%M:%S} UTC.")
    connection.executemany("insert into readme values (?, ?)", list(enumerate(lines, start=1)))
    connection.executemany("insert into versions values (?, ?)", list(versions.items()))


def note_withdrawal(connection: duckdb.DuckDBPyConnection, *, now: datetime) -> None:
    """Say in a published file when posts that are gone since were last taken out of it."""
    connection.execute("delete from readme where text like ?", [f"{WITHDRAWN}%"])
    connection.execute(
        "insert into readme select max(line) + 1, ? from readme",
        [f"{WITHDRAWN} {now:%Y-%m-%d %H:%M:%S} UTC; counts and figures are older."],
    )
