-- Agreement. Grain: one row per wave, round, codebook_version and code_id, last measured.
create or replace view staging.stg_agreement as
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
    measured_at,
    negative_agreement,
    span_f1_exact,
    span_f1,
    span_f1_low,
    span_f1_high,
    span_reason
from landed.agreement;
