-- Codings, every revision. Grain: annotation_id, revised_at, code_id and codebook_version.
-- version_key: the wording that was drawn; a coding of an older wording counts no more.
-- codebook_version: the version a coding counts under; coded_version: the one its coder used.
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
    codebook_version as coded_version,
    coded_at,
    lead_seconds
from landed.codings
union all
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
    carried.codebook_version,
    carried.coded_version,
    codings.coded_at,
    codings.lead_seconds
from landed.codings as codings
inner join landed.carried_units as carried
    on
        codings.wave = carried.wave
        and codings.round = carried.round
        and codings.unit_kind = carried.unit_kind
        and codings.unit_key = carried.unit_key
        and codings.codebook_version = carried.coded_version
        and list_contains(carried.codes, codings.code_id);
