-- Codings, every revision. Grain: annotation_id, revised_at and code_id.
-- version_key: the wording that was drawn; a coding of an older wording counts no more.
create or replace view staging.stg_codings as
select
    wave,
    round,
    unit_kind,
    unit_key,
    version_key,
    coder,
    code_id,
    annotation_id,
    revised_at,
    value,
    certainty,
    codebook_version,
    coded_at,
    lead_seconds
from landed.codings;
