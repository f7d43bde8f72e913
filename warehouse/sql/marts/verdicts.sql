-- What the data say of each claim, in the current round. Grain: claim_id.
-- Observational: a result goes with or is followed by, it never causes.
-- @claim_id claim
-- @codebook_version codebook in force
-- @wave wave of the study
-- @round coding round
-- @priority primary, secondary or none; secondary claims are exploratory
-- @kind share, contrast, paired, slope or none
-- @statement testable form
-- @verdict supported, not supported, inconclusive, no data, locked or not testable
-- @reason why it is locked, has no data, or is inconclusive though its interval is clear
-- @estimate of the measure; null where locked
-- @se standard error: each cluster left out in turn
-- @interval_low 95 percent
-- @interval_high 95 percent
-- @interval_kind closed form, or bootstrap over clusters where that is wider; primary claims only
-- @p_value one-sided, against the smallest effect, from the interval's width
-- @q_value p_value after Benjamini and Hochberg, over the primary claims that were tested
-- @family_count how many those are
-- @n observations
-- @n_eff effective number under the weights
-- @cells cells of like with like
-- @clusters independent clusters
-- @df degrees of freedom of the interval: effective clusters less one
-- @sesoi smallest effect worth calling a finding
-- @sign direction it predicts
-- @alpha_min the lowest alpha among the codes it rests on
-- @agreement alpha of each of these codes
-- @limits what the claim's data cannot say
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
    verdicts.interval_kind,
    verdicts.p_value,
    verdicts.q_value,
    verdicts.family_count,
    verdicts.n,
    verdicts.n_eff,
    verdicts.cells,
    verdicts.clusters,
    verdicts.df,
    claims.sesoi,
    claims.sign,
    verdicts.alpha_min,
    verdicts.agreement,
    claims.limits,
    verdicts.computed_at
from staging.stg_verdicts as verdicts
inner join staging.stg_claims as claims
    on
        verdicts.claim_id = claims.claim_id
        and verdicts.codebook_version = claims.codebook_version;
