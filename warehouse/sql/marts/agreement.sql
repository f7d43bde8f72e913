-- Agreement between coders. Grain: wave, round, codebook_version and code_id.
-- @wave wave of the study
-- @round coding round
-- @codebook_version codebook in force
-- @code_id code of the codebook
-- @level level of measurement
-- @alpha Krippendorff's alpha; null where it is not defined, see reason
-- @alpha_low lower end of its bootstrap interval
-- @alpha_high upper end
-- @n_units units with two or more coders
-- @n_coders coders
-- @prevalence share of values of 1 or 2
-- @positive_agreement specific agreement on presence
-- @raw_agreement share of pairs that agree
-- @floor alpha below which no claim may use the code
-- @is_floor_met it reached the floor, interval included
-- @reason why alpha is not defined
-- @measured_at UTC
create or replace view agreement as
select
    wave,
    round,
    codebook_version,
    code_id,
    level,
    alpha,
    alpha_low,
    alpha_high,
    n_units,
    n_coders,
    prevalence,
    positive_agreement,
    raw_agreement,
    floor,
    is_floor_met,
    reason,
    measured_at
from staging.stg_agreement;
