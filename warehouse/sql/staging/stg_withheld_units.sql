-- Units that left the sample. Grain: one row per unit_key.
create or replace view staging.stg_withheld_units as
select
    unit_key,
    withheld_at
from landed.withheld_units;
