"""Codings as they come back, and the round that is read."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import dataframely as dy
import polars as pl

from schema.coding import Coding, EvidenceSpan
from schema.errors import WarehouseError
from schema.vocabulary import UnitKind
from warehouse.clock import naive
from warehouse.connection import Warehouse
from warehouse.frames import admitted
from warehouse.saving import move_cursor
from warehouse.taken_back import mark_rewrite_due

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SAFETY_CODE = "crisis_flag"
_SAVE = """
insert into landed.codings by name
select batch.*, units.version_key
from batch
inner join landed.units
    on batch.wave = units.wave
    and batch.round = units.round
    and batch.unit_kind = units.unit_kind
    and batch.unit_key = units.unit_key
where batch.unit_key not in (select unit_key from staging.stg_withheld_units)
    and (batch.annotation_id, batch.revised_at, batch.code_id) not in (
        select (annotation_id, revised_at, code_id) from landed.codings
    )
"""
_SAVE_SPANS = """
insert into landed.evidence_spans by name
select * from batch
where exists (
        select 1 from landed.codings as codings
        where codings.annotation_id = batch.annotation_id
            and codings.revised_at = batch.revised_at
            and codings.code_id = batch.code_id
            and (
                codings.unit_key = batch.unit_key
                or codings.unit_kind = 'thread' and exists (
                    select 1 from landed.units as replies
                    where replies.wave = codings.wave and replies.round = codings.round
                        and replies.unit_kind = 'reply' and replies.unit_key = batch.unit_key
                )
            )
    )
    and (annotation_id, revised_at, unit_key, code_id, span_start, span_end) not in (
        select (annotation_id, revised_at, unit_key, code_id, span_start, span_end)
        from landed.evidence_spans
    )
    and unit_key not in (
        select units.unit_key
        from landed.units
        inner join landed.post_versions as posts on units.unit_key = posts.post_key
        where units.version_key <> posts.version_key
    )
"""


def save_codings(
    warehouse: Warehouse,
    codings: dy.DataFrame[Coding],
    spans: dy.DataFrame[EvidenceSpan],
    *,
    retracted: Iterable[int] = (),
    stream: str | None = None,
    position: str | None = None,
    now: datetime,
) -> int:
    """Append revisions not stored yet, with their evidence; return how many values were new.

    `retracted` annotations count no more. `position` says where the next pull of `stream`
    begins. A coding is stamped with the wording that was drawn; one whose unit was removed or
    withheld is not stored, nor is evidence of a wording that an edit has replaced.

    Raises:
        WarehouseError: the safety code is among the rows; it belongs in the safety log alone.
    """
    rows, evidence = admitted(Coding, codings), admitted(EvidenceSpan, spans)
    if any((frame["code_id"] == SAFETY_CODE).any() for frame in (rows, evidence)):
        raise WarehouseError(
            f"{SAFETY_CODE} never enters the warehouse: record it in the safety log"
        )
    with warehouse.transaction():
        before = int(warehouse.scalar("select count(*) from landed.codings"))
        with warehouse.showing("batch", rows):
            warehouse.execute(_SAVE)
        with warehouse.showing("batch", evidence):
            warehouse.execute(_SAVE_SPANS)
        retract(warehouse, retracted, naive(now))
        if stream is not None and position is not None:
            move_cursor(warehouse, stream, position, run_id="")
        return int(warehouse.scalar("select count(*) from landed.codings")) - before


def save_not_codable(warehouse: Warehouse, rows: "Sequence[DataclassInstance]") -> None:
    """Note which units coders said cannot be coded; what was noted before stays once.

    Each row has the columns of `landed.not_codable`.
    """
    if not rows:
        return
    batch = pl.DataFrame([asdict(row) for row in rows], schema_overrides={"unit_key": pl.UInt64})
    batch = batch.with_columns(pl.col("revised_at").dt.convert_time_zone("UTC"))
    batch = batch.with_columns(pl.col("revised_at").dt.replace_time_zone(None))
    with warehouse.transaction(), warehouse.showing("batch", batch):
        warehouse.execute(
            "insert into landed.not_codable by name select * from batch "
            "semi join landed.units using (wave, round, unit_kind, unit_key) "
            "anti join landed.not_codable as noted using (annotation_id, revised_at)"
        )


def retract_annotations(
    warehouse: Warehouse, annotation_ids: Iterable[int], *, at: datetime
) -> int:
    """Let annotations that were deleted in Label Studio count no more; return how many."""
    with warehouse.transaction():
        return retract(warehouse, annotation_ids, naive(at))


def retract(warehouse: Warehouse, annotation_ids: Iterable[int], at: datetime) -> int:
    """Let annotations count no more, inside a transaction; `at` is naive UTC."""
    ids = sorted(set(annotation_ids))
    if not ids:
        return 0
    rows = pl.DataFrame({"annotation_id": ids}, schema={"annotation_id": pl.Int64})
    before = warehouse.scalar("select count(*) from landed.retracted_annotations")
    with warehouse.showing("batch", rows):
        warehouse.execute(
            "insert into landed.retracted_annotations "
            "select annotation_id, cast(? as timestamp) from batch where annotation_id in "
            "(select annotation_id from landed.codings union all "
            "select annotation_id from landed.rulings) and annotation_id not in "
            "(select annotation_id from landed.retracted_annotations)",
            [at],
        )
        warehouse.execute(
            "delete from landed.evidence_spans where annotation_id in "
            "(select annotation_id from batch)"
        )
    mark_rewrite_due(warehouse)
    return int(warehouse.scalar("select count(*) from landed.retracted_annotations") - before)


def known_annotations(
    warehouse: Warehouse, wave: str, round_: str, unit_kind: UnitKind, coder: str, version: str
) -> dict[int, set[int]]:
    """Map each unit's key to the coder's stored annotations of it that still count.

    Those made under another version of the codebook lie in another project.
    """
    rows = warehouse.execute(
        "select distinct unit_key, annotation_id from landed.codings "
        "where wave = ? and round = ? and unit_kind = ? and coder = ? and codebook_version = ? "
        "and annotation_id not in (select annotation_id from landed.retracted_annotations)",
        [wave, round_, unit_kind, coder, version],
    )
    known: dict[int, set[int]] = {}
    for unit_key, annotation_id in rows:
        known.setdefault(unit_key, set()).add(annotation_id)
    return known


def coded_units(
    warehouse: Warehouse, wave: str, round_: str, unit_kind: UnitKind, coder: str, version: str
) -> set[int]:
    """Return the units whose drawn wording the coder has coded under a codebook version.

    What the coder said cannot be coded counts as well, and what the version carries from another.
    """
    rows = warehouse.execute(
        "select distinct codings.unit_key from staging.stg_codings as codings "
        "semi join landed.units using (wave, round, unit_kind, unit_key, version_key) "
        "where codings.wave = $1 and codings.round = $2 and codings.unit_kind = $3 "
        "and codings.coder = $4 and codings.codebook_version = $5 and codings.annotation_id not in "
        "(select annotation_id from landed.retracted_annotations) "
        "union select unit_key from landed.not_codable where wave = $1 and round = $2 "
        "and unit_kind = $3 and coder = $4 and codebook_version = $5 "
        "union select carried.unit_key from landed.carried_units as carried semi join ("
        "select wave, round, unit_kind, unit_key, codebook_version from landed.not_codable "
        "where coder = $4) as said on carried.wave = said.wave and carried.round = said.round "
        "and carried.unit_kind = said.unit_kind and carried.unit_key = said.unit_key "
        "and carried.coded_version = said.codebook_version "
        "where carried.wave = $1 and carried.round = $2 and carried.unit_kind = $3 "
        "and carried.codebook_version = $5",
        [wave, round_, unit_kind, coder, version],
    )
    return {int(unit_key) for (unit_key,) in rows}


def set_current_round(
    warehouse: Warehouse,
    wave: str,
    round_: str,
    codebook_version: str,
    *,
    adjudicators: Sequence[str] = (),
) -> None:
    """Choose the wave, round and codebook version that labels and views read."""
    with warehouse.transaction():
        warehouse.execute("delete from landed.current_round")
        warehouse.execute(
            "insert into landed.current_round values (?, ?, ?)", [wave, round_, codebook_version]
        )
        for coder in adjudicators:
            warehouse.execute(
                "insert into landed.adjudicators select ? "
                "where ? not in (select coder from landed.adjudicators)",
                [coder, coder],
            )
