-- Agreement taken apart, so that no figure over a whole round hides what it is made of.
-- Grain: wave, round, codebook_version, code_id, part_kind, part and level.
-- @wave wave of the study
-- @round coding round
-- @codebook_version codebook in force
-- @code_id code of the codebook; * for all codes of a unit taken as one set
-- @part_kind arm of the sample, coders (a pair), week, repeats (a planned blind one, with herself),
-- sentinels (a coder with the others, on units that went to all), drift or codes
-- @part random or enriched; two coders; a Monday; a coder; coder and Monday; a kind of unit
-- @level level of measurement; masi and jaccard of sets
-- @alpha Krippendorff's alpha; null where it is not defined, see reason
-- @alpha_low lower end of its bootstrap interval
-- @alpha_high upper end
-- @n_units units with two or more values; in drift, units of that coder and week
-- @n_coders coders, or takes of one coder
-- @prevalence share of values of 1 or 2
-- @positive_agreement specific agreement on presence
-- @negative_agreement specific agreement on absence
-- @raw_agreement share of pairs that agree
-- @standard_errors in drift: of the coder's share of positives from the team's, random arm
-- @is_drifting in drift: more than two of them; of sentinels: below the floor two weeks running
-- @reason why alpha, its interval or the standard errors are not defined
-- @measured_at UTC
create or replace view agreement_parts as
select
    wave,
    round,
    codebook_version,
    code_id,
    part_kind,
    part,
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
    standard_errors,
    is_drifting,
    reason,
    measured_at
from staging.stg_agreement_parts;
