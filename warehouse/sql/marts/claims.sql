-- Claims of the source text in testable form. Grain: codebook_version and claim_id.
-- @codebook_version version of the codebook
-- @claim_id claim
-- @passage where the source text makes it
-- @statement testable form, in our words
-- @unit unit of analysis
-- @measure what is measured
-- @codes codes it rests on
-- @kind share, contrast, paired, slope or none
-- @sign direction it predicts
-- @sesoi smallest effect worth calling a finding, fixed before data were seen
-- @testability direct, proxy or not_testable
-- @priority primary, secondary or none
-- @sql yields one row per observation; also the view claim_ and its id in lower case
-- @limits what it cannot say
create or replace view claims as
select
    codebook_version,
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
from staging.stg_claims;
