-- What adjudicators decided, every revision. Grain: annotation_id and revised_at.
create or replace view staging.stg_rulings as
select
    wave,
    round,
    unit_kind,
    unit_key,
    version_key,
    adjudicator,
    code_id,
    annotation_id,
    revised_at,
    value,
    rule,
    codebook_version
from landed.rulings;
