-- Claims with their verdicts; without a round, as the codebook states them.
select
    verdicts.claim_id,
    claims.passage,
    verdicts.statement,
    verdicts.priority,
    verdicts.kind,
    verdicts.verdict,
    verdicts.reason,
    verdicts.estimate,
    verdicts.interval_low,
    verdicts.interval_high,
    verdicts.sesoi,
    verdicts.sign,
    verdicts.q_value,
    verdicts.n,
    verdicts.clusters,
    verdicts.limits
from verdicts
inner join claims
    on
        verdicts.claim_id = claims.claim_id
        and verdicts.codebook_version = claims.codebook_version
order by
    case verdicts.priority when 'primary' then 1 when 'secondary' then 2 else 3 end,
    verdicts.claim_id;
