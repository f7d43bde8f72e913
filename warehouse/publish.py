"""Publishing: the analysts' file, written beside and put in place at once.

Readers of the old file keep it until they close it, and never stand in a flow's way. Equal
input and clock give equal tables, in equal order.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from warehouse.clock import naive
from warehouse.connection import SETTINGS, UNFINISHED, Warehouse, open_warehouse, quoted, sweep
from warehouse.models import ANALYST_MACROS, MARTS, VIEWS, model
from warehouse.rewriting import sync
from warehouse.taken_back import published_follows, read_due
from warehouse.verdicts import make_claim_views

READABLE = 0o644
_README = (
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
    "Columns and tables carry comments: select table_name, column_name, comment from "
    "duckdb_columns().",
)


def publish(path: Path, target: Path, *, now: datetime) -> Mapping[str, int]:
    """Write the published file from the warehouse at `path`; return its rows by table.

    A crash on the way leaves the old file as it was.

    Raises:
        WarehouseError: another flow or program holds the warehouse, or a claim does not run.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with open_warehouse(path, now=now) as warehouse:
        sweep(target.parent)
        with TemporaryDirectory(prefix=UNFINISHED[2], dir=target.parent) as folder:
            fresh = Path(folder) / target.name  # it stands in the file: equal names, equal bytes
            _copy(warehouse, fresh)
            rows = _finish(fresh, now=naive(now))
            fresh.chmod(READABLE)
            sync(fresh)
            os.replace(fresh, target)
            sync(target.parent)
        published_follows(warehouse, read_due(warehouse).taken_count)
    return rows


def _copy(warehouse: Warehouse, fresh: Path) -> None:
    # several threads lay out equal rows differently; so do the methods that pack what the heap
    # happened to hold in the place of nulls
    warehouse.execute("set threads = 1")
    warehouse.execute("set disabled_compression_methods = 'fsst,dict_fsst,bitpacking'")
    warehouse.execute(f"attach {quoted(fresh)} as fresh")
    for name in MARTS:
        warehouse.execute(f"create table fresh.main.{name} as select * from {name} order by all")
    warehouse.execute("detach fresh")


def _finish(fresh: Path, *, now: datetime) -> dict[str, int]:
    """Add what explains the tables: comments, views, estimators, claims, a readme."""
    connection = duckdb.connect(str(fresh), config={**SETTINGS, "threads": 1})
    try:
        for name in MARTS:
            _comment(connection, name)
        for name in ANALYST_MACROS:
            connection.execute(model("macros", name).sql)
        for name in VIEWS:
            connection.execute(model("views", name).sql)
            comment = model("views", name).comment
            connection.execute(f"comment on view {name} is {_text(comment)}")
        make_claim_views(connection)
        connection.execute("create table readme (line integer, text varchar)")
        connection.execute(
            "comment on table readme is 'What this file is and how to read it, line by line.'"
        )
        for line, text in enumerate((*_README, f"Published {now:%Y-%m-%d %H:%M:%S} UTC."), start=1):
            connection.execute("insert into readme values (?, ?)", [line, text])
        return {
            name: connection.execute(f"select count(*) from {name}").fetchall()[0][0]
            for name in MARTS
        }
    finally:
        connection.close()


def _comment(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    mart = model("marts", name)
    connection.execute(f"comment on table {name} is {_text(mart.comment)}")
    for column, comment in mart.column_comments.items():
        connection.execute(f"comment on column {name}.{column} is {_text(comment)}")


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
