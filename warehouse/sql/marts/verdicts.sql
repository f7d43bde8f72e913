-- What the data say of each claim, in the current round. Grain: claim_id.
-- Observational: a result goes with or is followed by, it never causes.
-- @claim_id claim
-- @codebook_version codebook in force
-- @wave wave of the study
-- @round coding round
-- @priority primary, secondary or none
-- @kind share, contrast, paired, slope or none
-- @statement testable form
-- @verdict supported, not supported, inconclusive, no data, locked or not testable
-- @reason why it is locked or has no data
-- @estimate of the measure; null where locked
-- @se standard error, robust to clusters
-- @interval_low 95 percent, closed form
-- @interval_high 95 percent, closed form
-- @n observations
-- @n_eff effective number under the weights
-- @cells cells of like with like
-- @clusters independent clusters
-- @sesoi smallest effect worth calling a finding
-- @sign direction it predicts
-- @computed_at UTC
create or replace view verdicts as
select
    verdicts.claim_id,
    verdicts.codebook_version,
    verdicts.wave,
    verdicts.round,
    claims.priority,
    claims.kind,
    claims.statement,
    verdicts.verdict,
    verdicts.reason,
    verdicts.estimate,
    verdicts.se,
    verdicts.interval_low,
    verdicts.interval_high,
    verdicts.n,
    verdicts.n_eff,
    verdicts.cells,
    verdicts.clusters,
    claims.sesoi,
    claims.sign,
    verdicts.computed_at
from staging.stg_verdicts as verdicts
inner join staging.stg_claims as claims
    on
        verdicts.claim_id = claims.claim_id
        and verdicts.codebook_version = claims.codebook_version;
