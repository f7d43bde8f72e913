"""What every table, view, column and macro of the published file means, for `comment on`.

A column's meaning stands in the header of its own model; a view's may also stand where the column
comes from: in an earlier view or in the first mart that has a column of this name. A column named
after a code holds that code.
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

import duckdb

from warehouse.models import ANALYST_MACROS, MARTS, VIEWS, model

CODE: Final = "the code of this name, settled: 0 absent, 1 or 2 present; null where not settled"
CLAIM: Final[Mapping[str, str]] = {
    "cluster": "what is independent of the rest: standard errors are robust to it",
    "cell": "like is compared with like within it",
    "grp": "1 the group that the claim is about, 0 the other",
    "x": "what the claim says it goes with",
    "y": "what is measured",
    "w": "design weight",
}
_CLAIM_VIEWS: Final = """
select views.view_name, claims.statement
from duckdb_views() as views
inner join claims on views.view_name = 'claim_' || lower(claims.claim_id)
inner join current_round using (codebook_version)
order by views.view_name
"""
_COLUMNS: Final = """
select table_name, list(column_name order by column_index)
from duckdb_columns() where not internal group by table_name
"""


def comment_on_all(connection: duckdb.DuckDBPyConnection) -> None:
    """Put every meaning into a file that holds the marts, views, macros and claims' views."""
    columns = dict(connection.execute(_COLUMNS).fetchall())
    for kind, folder, names in (("table", "marts", MARTS), ("view", "views", VIEWS)):
        for name in names:
            _say(connection, f"{kind} {name}", model(folder, name).comment)
            for column in columns[name]:
                _say(connection, f"column {name}.{column}", meaning(name, column))
    for name in ANALYST_MACROS:
        macro = model("macros", name)
        kind = "macro table" if ") as table" in macro.sql.lower() else "macro"
        _say(connection, f"{kind} {name}", macro.comment)
    for view, statement in connection.execute(_CLAIM_VIEWS).fetchall():
        _say(connection, f"view {view}", statement)
        for column in columns[view]:
            _say(connection, f"column {view}.{column}", CLAIM.get(column, "of this claim alone"))


@cache
def meaning(name: str, column: str) -> str:
    """Tell what a column of a mart or view means; nothing where nobody said."""
    if name in MARTS:
        return model("marts", name).column_comments.get(column, "")
    earlier = VIEWS[: VIEWS.index(name) + 1]
    origins = [("views", view) for view in (name, *earlier)] + [("marts", mart) for mart in MARTS]
    for folder, origin in origins:
        if said := model(folder, origin).column_comments.get(column):
            return said
    is_code = any(f"code_id = '{column}'" in model("views", view).sql for view in earlier)
    return CODE if is_code else ""


def _say(connection: duckdb.DuckDBPyConnection, what: str, text: str) -> None:
    quoted = text.replace("'", "''")
    connection.execute(f"comment on {what} is '{quoted}'")
