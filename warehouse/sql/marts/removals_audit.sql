-- What was removed, in counts; each row is hashed with the one before.
-- Grain: one row per removal batch, platform and reason, and one per act. Key: seq.
-- @seq place in the chain
-- @removed_at UTC, when it was removed here
-- @platform reddit, bluesky, or study where an act on it as a whole is told
-- @reason what the platform said or let us see; of an act forget, retain or shred
-- @posts_count posts that went; 0 of an act, whose posts have rows of their own
-- @rows_by_store JSON: rows that went, by table; of an act its counts, of shred the id of the key
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
