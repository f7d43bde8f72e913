-- What adjudicators decided, every revision. Grain: annotation_id, revised_at and
-- codebook_version, the version that a ruling counts under.
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
from landed.rulings
union all
select
    rulings.wave,
    rulings.round,
    rulings.unit_kind,
    rulings.unit_key,
    rulings.version_key,
    rulings.adjudicator,
    rulings.code_id,
    rulings.annotation_id,
    rulings.revised_at,
    rulings.value,
    rulings.rule,
    carried.codebook_version
from landed.rulings as rulings
inner join landed.carried_units as carried
    on
        rulings.wave = carried.wave
        and rulings.round = carried.round
        and rulings.unit_kind = carried.unit_kind
        and rulings.unit_key = carried.unit_key
        and rulings.codebook_version = carried.coded_version
        and list_contains(carried.codes, rulings.code_id);
