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
-- @negative_agreement specific agreement on absence
-- @raw_agreement share of pairs that agree
-- @floor alpha below which no claim may use the code
-- @is_floor_met it reached the floor, interval included
-- @span_f1_exact F1 of the same evidence spans, over pairs of coders
-- @span_f1 F1 of evidence spans that overlap
-- @span_f1_low lower end of its bootstrap interval
-- @span_f1_high upper end
-- @span_reason why the spans' F1 or its interval is not defined
-- @reason why alpha or its interval is not defined
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
    negative_agreement,
    raw_agreement,
    floor,
    is_floor_met,
    span_f1_exact,
    span_f1,
    span_f1_low,
    span_f1_high,
    span_reason,
    reason,
    measured_at
from staging.stg_agreement;
