-- Rulings that count: the last on each code of a unit, unless it was retracted, the unit left the
-- sample, or its wording has changed since it was drawn.
-- Grain: wave, round, unit_kind, unit_key, codebook_version and code_id.
create or replace view intermediate.latest_rulings as
select
    rulings.wave,
    rulings.round,
    rulings.unit_kind,
    rulings.unit_key,
    rulings.code_id,
    rulings.codebook_version,
    rulings.adjudicator,
    rulings.value,
    rulings.rule,
    rulings.annotation_id,
    rulings.revised_at
from staging.stg_rulings as rulings
left join staging.stg_posts as posts on rulings.unit_key = posts.post_key
where
    rulings.annotation_id not in (
        select retracted.annotation_id from staging.stg_retracted_annotations as retracted
    )
    and rulings.unit_key not in (
        select withheld.unit_key from staging.stg_withheld_units as withheld
    )
    and (
        rulings.unit_kind in ('timeline', 'community')
        or rulings.version_key = posts.version_key
    )
qualify
    row_number() over (
        partition by
            rulings.wave,
            rulings.round,
            rulings.unit_kind,
            rulings.unit_key,
            rulings.codebook_version,
            rulings.code_id
        order by rulings.revised_at desc, rulings.annotation_id desc
    ) = 1;
