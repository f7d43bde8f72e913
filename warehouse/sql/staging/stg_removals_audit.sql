-- Removals in counts, each row hashed with the one before. Grain: one row per removal batch,
-- platform and reason. No key, no text.
create or replace view staging.stg_removals_audit as
select
    seq,
    removed_at,
    platform,
    reason,
    posts_count,
    rows_by_store,
    previous_hash,
    hash
from landed.removals_audit;
