-- Codings that count: each coder's last revision of a unit, unless it was retracted, the unit
-- left the sample, or its wording has changed since it was drawn.
-- Grain: one row per wave, round, unit_kind, unit_key, coder, codebook_version and code_id.
create or replace view intermediate.latest_codings as
select
    codings.wave,
    codings.round,
    codings.unit_kind,
    codings.unit_key,
    codings.version_key,
    codings.coder,
    codings.code_id,
    codings.annotation_id,
    codings.revised_at,
    codings.value,
    codings.certainty,
    codings.codebook_version,
    codings.coded_version,
    codings.coded_at
from staging.stg_codings as codings
left join staging.stg_posts as posts on codings.unit_key = posts.post_key
where
    codings.annotation_id not in (
        select retracted.annotation_id from staging.stg_retracted_annotations as retracted
    )
    and codings.unit_key not in (
        select withheld.unit_key from staging.stg_withheld_units as withheld
    )
    and (
        codings.unit_kind in ('timeline', 'community')
        or codings.version_key = posts.version_key
    )
qualify
    dense_rank() over (
        partition by
            codings.wave,
            codings.round,
            codings.unit_kind,
            codings.unit_key,
            codings.coder,
            codings.codebook_version
        order by codings.revised_at desc, codings.annotation_id desc
    ) = 1;
