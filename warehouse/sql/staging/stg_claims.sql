-- Claims of the source text. position: their order there; sql: yields cluster, w, y and more.
create or replace view staging.stg_claims as
select
    codebook_version,
    position,
    claim_id,
    passage,
    statement,
    unit,
    measure,
    codes,
    kind,
    sign,
    sesoi,
    testability,
    priority,
    sql,
    limits
from landed.claims;
