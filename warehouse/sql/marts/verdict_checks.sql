-- Whether a verdict holds on a part of the data. Grain: claim_id and part; none where locked.
-- A claim that one part supports and another refutes is inconclusive in verdicts.
-- @claim_id claim
-- @codebook_version codebook in force
-- @part reddit, bluesky, or certain: without the decisions whose coders were unsure of them
-- @verdict what this part alone would say, uncorrected
-- @estimate of the measure; null where there is no data
-- @interval_low 95 percent, closed form
-- @interval_high 95 percent, closed form
-- @n observations
-- @clusters independent clusters
create or replace view verdict_checks as
select
    claim_id,
    codebook_version,
    part,
    verdict,
    estimate,
    interval_low,
    interval_high,
    n,
    clusters
from staging.stg_verdict_checks;
