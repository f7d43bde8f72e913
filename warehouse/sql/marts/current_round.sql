-- The wave, round and codebook version that labels, samples and views read. Grain: one row.
-- @wave wave of the study
-- @round coding round
-- @codebook_version codebook in force
create or replace view current_round as
select
    wave,
    round,
    codebook_version
from staging.stg_current_round;
