-- A verdict's estimate on parts of the data. Replaced as a whole, with the verdicts.
create or replace view staging.stg_verdict_checks as
select
    wave,
    round,
    codebook_version,
    claim_id,
    part,
    verdict,
    estimate,
    interval_low,
    interval_high,
    n,
    clusters
from landed.verdict_checks;
