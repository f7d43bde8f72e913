-- What was removed, in counts; each row is hashed with the one before.
-- Grain: one row per removal batch, platform and reason. Key: seq.
-- @seq place in the chain
-- @removed_at UTC, when it was removed here
-- @platform reddit or bluesky
-- @reason what the platform said or let us see
-- @posts_count posts that went
-- @rows_by_store JSON: rows that went, by table
-- @previous_hash hash of the row before
-- @hash SHA-256 over this row and previous_hash
create or replace view removals_audit as
select
    seq,
    removed_at,
    platform,
    reason,
    posts_count,
    rows_by_store,
    previous_hash,
    hash
from staging.stg_removals_audit;
