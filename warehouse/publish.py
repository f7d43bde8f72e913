"""Publishing: the analysts' file, written beside and put in place at once.

Readers of the old file keep it until they close it, and never stand in a flow's way. Equal
input and clock give equal tables, in equal order.
"""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import duckdb

from warehouse.clock import naive
from warehouse.connection import SETTINGS, UNFINISHED, Warehouse, open_warehouse, quoted, sweep
from warehouse.meanings import comment_on_all
from warehouse.models import ANALYST_MACROS, MARTS, make_views, model
from warehouse.readme import versions_of, write_readme
from warehouse.rewriting import replacing
from warehouse.taken_back import published_follows, read_due
from warehouse.verdicts import make_claim_views

READABLE, REACHABLE = 0o644, 0o755  # whatever the umask: these are to be shared
# Without the methods that pack what the heap happened to hold in the place of nulls: equal rows
# would not give equal bytes.
PACKING = "set disabled_compression_methods = 'fsst,dict_fsst,bitpacking'"
# Large tables are put in order by what is unique in them: to sort by every column costs twice.
_UNIQUE = {
    "post": "post_key",
    "engagement_snapshot": "post_key, observed_at",
    "reply_edge": "reply_key",
    "field_source": "post_key, fields",
}


def publish(path: Path, target: Path, *, now: datetime) -> Mapping[str, int]:
    """Write the published file from the warehouse at `path`; return its rows by table.

    A crash on the way leaves the old file as it was.

    Raises:
        WarehouseError: another flow or program holds the warehouse, or a claim does not run.
    """
    if not target.parent.exists():
        target.parent.mkdir(parents=True)
        target.parent.chmod(REACHABLE)
    with open_warehouse(path, now=now) as warehouse:
        sweep(target.parent)
        with replacing(target, prefix=UNFINISHED[2], mode=READABLE) as fresh:
            _copy(warehouse, fresh)
            rows = _finish(fresh, versions_of(warehouse), now=naive(now))
        published_follows(warehouse, read_due(warehouse).taken_count)
    return rows


def _copy(warehouse: Warehouse, fresh: Path) -> None:
    warehouse.execute("set threads = 1")  # several lay out equal rows differently
    warehouse.execute(PACKING)
    warehouse.execute(f"attach {quoted(fresh)} as fresh")
    for name in MARTS:
        order = _UNIQUE.get(name, "all")
        rows = f"select * from {name} order by {order}"
        warehouse.execute(f"create table fresh.main.{name} as {rows}")
    warehouse.execute("detach fresh")


def _finish(fresh: Path, versions: dict[str, str], *, now: datetime) -> dict[str, int]:
    """Add what explains the tables: views, estimators, claims, comments, a readme."""
    connection = duckdb.connect(str(fresh), config={**SETTINGS, "threads": 1})
    try:
        connection.execute("begin")  # hundreds of comments: one commit
        for name in ANALYST_MACROS:
            connection.execute(model("macros", name).sql)
        make_views(connection)
        make_claim_views(connection)
        comment_on_all(connection)
        write_readme(connection, versions, now=now)
        connection.execute("commit")
        return {
            name: connection.execute(f"select count(*) from {name}").fetchall()[0][0]
            for name in MARTS
        }
    finally:
        connection.close()
