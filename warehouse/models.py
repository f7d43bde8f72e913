"""SQL files: numbered migrations of what is landed, views and macros over it.

Views and macros are made anew whenever their files changed; migrations run once each, and a
file that has seen more of them than this program knows is refused. The analysts' views stand in
the published file alone: binding them takes most of a second, whoever reads them asks for them.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Literal

import duckdb

from schema.errors import WarehouseError

MACROS = (
    "unit_text",
    "masked_text",
    "title_offset",
    "unit_type",
    "timeline_key",
    "days_up",
    "smallest_cell",
    "reach_devices",
    "community_week_key",
    "reach_device_count",
    "names_somebody",
    "weighted_mean",
    "above_usual",
    "audit_hash",
    "left_out_se",
    "t_quantile",
    "logit_end",
    "est_share",
    "est_contrast",
    "est_paired",
    "est_slope",
    "verdict",
)
INTERMEDIATE = (
    "first_seen",
    "latest_replies",
    "latest_quotes",
    "latest_codings",
    "latest_rulings",
    "open_gaps",
    "shareable",
    "cohorts",
)
MARTS = (
    "post",
    "community",
    "engagement_snapshot",
    "reply_edge",
    "interaction_edge",
    "thread_context",
    "post_link",
    "current_round",
    "sample_unit",
    "annotation",
    "evidence_span",
    "label",
    "second_opinion",
    "carried_unit",
    "persistence_tally",
    "duplicates",
    "coverage",
    "field_source",
    "collection_runs",
    "removals_audit",
    "language_disagreement",
    "post_labels",
    "wishes",
    "codebook",
    "agreement",
    "agreement_parts",
    "claims",
    "verdicts",
    "verdict_checks",
)
CLAIM_VIEWS = (
    "v_root",
    "v_post",
    "v_apost",
    "v_reply",
    "v_thread",
    "v_engage",
    "v_step",
    "v_past",
    "v_norm",
    "v_presence",
    "v_survival",
)
RESEARCH_VIEWS = (
    "v_computed",
    "threads",
    "author_timelines",
    "community_weeks",
    "engagement_curves",
    "gold",
    "prevalence",
    "persistence",
)
VIEWS = (*CLAIM_VIEWS, *RESEARCH_VIEWS)
ANALYST_MACROS = (
    "timeline_key",
    "community_week_key",
    "weighted_mean",
    "above_usual",
    "audit_hash",
    "left_out_se",
    "t_quantile",
    "logit_end",
    "est_share",
    "est_contrast",
    "est_paired",
    "est_slope",
    "verdict",
)
_MIGRATION = re.compile(r"^(\d{4})_([a-z_]+)\.sql$")


@dataclass(frozen=True, slots=True)
class Model:
    """One SQL file: its name and text."""

    folder: str
    name: str
    sql: str

    @property
    def comment(self) -> str:
        """What the file's header says of the table, without its columns."""
        lines = [line[3:] for line in self._header() if not line.startswith("-- @")]
        return " ".join(lines)

    @property
    def column_comments(self) -> dict[str, str]:
        """What the header's `@column` lines say."""
        lines = [line[4:] for line in self._header() if line.startswith("-- @")]
        return dict(line.split(" ", 1) for line in lines)

    def _header(self) -> list[str]:
        lines = self.sql.splitlines()
        end = next(n for n, line in enumerate(lines) if not line.startswith("--"))
        return lines[:end]


@cache
def models(folder: str) -> tuple[Model, ...]:
    """Read a folder of `warehouse/sql`, sorted by name."""
    found = (files("warehouse") / "sql" / folder).iterdir()
    return tuple(
        Model(folder, path.name.removesuffix(".sql"), path.read_text("utf-8"))
        for path in sorted(found, key=lambda path: path.name)
        if path.name.endswith(".sql")
    )


@cache
def model(folder: str, name: str) -> Model:
    """Read one SQL file."""
    return next(found for found in models(folder) if found.name == name)


def migrate(connection: duckdb.DuckDBPyConnection, *, now: datetime, compression: str) -> None:
    """Bring a store to this program's tables, each migration in a transaction of its own.

    `now` is naive UTC. Raises WarehouseError where a newer program wrote the file.
    """
    applied = _applied(connection)
    known = {int(found.name[:4]): found for found in models("landed")}
    if newer := applied - known.keys():
        raise WarehouseError(
            f"the warehouse was written by a newer version (migration {max(newer):04d}, this "
            f"version knows {max(known):04d}): update confide"
        )
    for number in sorted(known.keys() - applied):
        connection.execute("begin")
        connection.execute(known[number].sql)
        if number == 1:
            connection.execute("insert into landed.store values (?, ?, null)", [now, compression])
            connection.execute("insert into landed.models values ('')")
        connection.execute(
            "insert into landed.migrations values (?, ?, ?)", [number, known[number].name, now]
        )
        connection.execute("commit")


def _applied(connection: duckdb.DuckDBPyConnection) -> set[int]:
    try:
        rows = connection.execute("select number from landed.migrations").fetchall()
    except duckdb.CatalogException:  # a new store
        return set()
    return {number for (number,) in rows}


def refresh_models(connection: duckdb.DuckDBPyConnection) -> None:
    """Make every view and macro anew where one of their files changed."""
    wanted = digest()
    [(stored,)] = connection.execute("select digest from landed.models").fetchall()
    if stored == wanted:
        return
    connection.execute("begin")
    for name in reversed(VIEWS):  # earlier versions kept them here
        connection.execute(f"drop view if exists {name}")
    for found in in_order():
        connection.execute(found.sql)
    connection.execute("update landed.models set digest = ?", [wanted])
    connection.execute("commit")


def make_views(
    connection: duckdb.DuckDBPyConnection,
    names: Sequence[str] = VIEWS,
    *,
    kind: Literal["view", "temp view", "temp table"] = "view",
) -> None:
    """Make analysts' views over the marts, in the order given; each may use those before it."""
    for name in names:
        sql = model("views", name).sql
        connection.execute(sql.replace("create or replace view", f"create or replace {kind}", 1))


def in_order() -> Iterator[Model]:
    """Yield macros and views so that each stands after what it uses."""
    yield from (model("macros", name) for name in MACROS)
    yield from models("staging")
    yield from (model("intermediate", name) for name in INTERMEDIATE)
    yield from (model("marts", name) for name in MARTS)


@cache
def digest() -> str:
    """Hash every view and macro: a store whose own differs gets them anew."""
    return sha256("\0".join(found.sql for found in in_order()).encode()).hexdigest()
