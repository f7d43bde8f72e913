-- Dawid and Skene's estimates. Grain: wave, round, codebook_version, unit_kind, unit_key, code_id.
create or replace view staging.stg_second_opinions as
select
    wave,
    round,
    codebook_version,
    unit_kind,
    unit_key,
    code_id,
    value,
    probability
from landed.second_opinions;
