-- Agreement taken apart. Grain: wave, round, codebook_version, code_id, part_kind, part and level.
create or replace view staging.stg_agreement_parts as
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
from landed.agreement_parts;
