"""Coders' progress: what each has coded, how fast, how well, and the quiz that they sat."""

from datetime import datetime

import polars as pl

from warehouse.clock import naive
from warehouse.connection import Warehouse

_PROGRESS = """
with chosen as (select wave, round, codebook_version from staging.stg_current_round),

coded as (
    select
        codings.unit_kind,
        codings.unit_key,
        codings.coder,
        min(standing.coded_at) as coded_at,
        any_value(codings.lead_seconds) as lead_seconds
    from intermediate.latest_codings as standing
    inner join staging.stg_codings as codings
        using (
            annotation_id, revised_at, code_id, unit_kind, unit_key, coder, codebook_version
        )
    semi join chosen
        on
            standing.wave = chosen.wave
            and standing.round = chosen.round
            and standing.codebook_version = chosen.codebook_version
    group by codings.unit_kind, codings.unit_key, codings.coder
),

pairs as (
    select unnest(string_split(parts.part, ' x ')) as coder, parts.alpha
    from staging.stg_agreement_parts as parts
    semi join chosen using (wave, round, codebook_version)
    where parts.part_kind = 'coders' and parts.alpha is not null
),

drift as (
    select string_split(parts.part, ' ')[1] as coder, count(distinct parts.code_id) as codes
    from staging.stg_agreement_parts as parts
    semi join chosen using (wave, round, codebook_version)
    where parts.is_drifting
    group by coder
),

released as (
    select handed.coder, count(*) as units
    from landed.assignments as handed
    semi join chosen using (wave, round, codebook_version)
    group by handed.coder
),

paces as (
    select
        coded.coder,
        count(*) as units,
        round(median(coded.lead_seconds), 0) as median_seconds,
        count(*) filter (where coded.coded_at > (
            select max(newest.coded_at) - interval 7 day from coded as newest
        )) as last_week,
        max(coded.coded_at) as last_at
    from coded
    where coded.coder not in (select coder from landed.adjudicators)
    group by coded.coder
)

select
    coder,
    coalesce(released.units, 0) as released,
    coalesce(paces.units, 0) as coded,
    paces.median_seconds,
    coalesce(paces.last_week, 0) as last_week,
    paces.last_at,
    (select round(avg(pairs.alpha), 2) from pairs where pairs.coder = people.coder) as mean_alpha,
    coalesce((select drift.codes from drift where drift.coder = people.coder), 0)
        as drifting_codes,
    (
        select bool_or(sat.is_passed)
        from staging.stg_qualifications as sat
        inner join chosen
            on split_part(sat.codebook_version, '.', 1)
                = split_part(chosen.codebook_version, '.', 1)
        where sat.coder = people.coder
    ) as quiz_passed
from (
    select released.coder from released union select paces.coder from paces
) as people
left join released using (coder)
left join paces using (coder)
order by coder
"""


def read_progress_of_coders(warehouse: Warehouse) -> pl.DataFrame:
    """Return one row per coder of the current round.

    Units `released` and `coded`, `median_seconds` on one, those of the `last_week` of coding,
    `mean_alpha` with each other coder over all codes, `drifting_codes`, `quiz_passed`.
    """
    return warehouse.frame(_PROGRESS)


def qualified_coders(warehouse: Warehouse, codebook_version: str) -> set[str]:
    """Return who passed the quiz of this codebook: of any version with the same first number."""
    rows = warehouse.execute(
        "select distinct coder from landed.qualifications where is_passed "
        "and split_part(codebook_version, '.', 1) = split_part($1, '.', 1)",
        [codebook_version],
    )
    return {str(coder) for (coder,) in rows}


def save_qualifications(
    warehouse: Warehouse, scores: pl.DataFrame, *, codebook_version: str, now: datetime
) -> None:
    """Put these scores of the quiz in place of the coders' earlier ones under the version.

    Columns: coder, asked_count, answered_count, right_count, crisis_missed_count, is_passed.
    """
    rows = scores.with_columns(
        codebook_version=pl.lit(codebook_version), scored_at=pl.lit(naive(now))
    )
    with warehouse.transaction(), warehouse.showing("batch", rows):
        warehouse.execute(
            "delete from landed.qualifications where codebook_version = $1 "
            "and coder in (select coder from batch)",
            [codebook_version],
        )
        warehouse.execute("insert into landed.qualifications by name select * from batch")
