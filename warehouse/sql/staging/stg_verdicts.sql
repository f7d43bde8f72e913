-- Verdicts of the current round. Replaced as a whole.
create or replace view staging.stg_verdicts as
select
    wave,
    round,
    codebook_version,
    claim_id,
    verdict,
    reason,
    estimate,
    se,
    interval_low,
    interval_high,
    interval_kind,
    p_value,
    q_value,
    family_count,
    n,
    n_eff,
    cells,
    clusters,
    df,
    alpha_min,
    agreement,
    computed_at
from landed.verdicts;
