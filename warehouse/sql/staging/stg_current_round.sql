-- The one wave, round and codebook version that marts and views read. Grain: one row.
create or replace view staging.stg_current_round as
select
    wave,
    round,
    codebook_version
from landed.current_round;
