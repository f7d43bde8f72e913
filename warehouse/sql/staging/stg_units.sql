-- Units of analysis. Grain: one row per wave, round, unit_kind and unit_key.
create or replace view staging.stg_units as
select
    wave,
    round,
    unit_kind,
    unit_key,
    version_key,
    stratum,
    inclusion_probability,
    weight,
    drawn_at
from landed.units;
