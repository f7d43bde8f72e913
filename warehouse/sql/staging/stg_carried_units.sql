-- Units whose codings under one codebook version count under a later one as well. Grain: wave,
-- round, unit_kind, unit_key, coded_version and codebook_version.
create or replace view staging.stg_carried_units as
select
    wave,
    round,
    unit_kind,
    unit_key,
    coded_version,
    codebook_version,
    codes,
    reason,
    carried_at
from landed.carried_units;
