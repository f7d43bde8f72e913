-- The removal log is whole: every row carries its own hash and that of the row before, and the last
-- one is known beside it (R29).
with chain as (
    select
        *,
        lag(hash, 1, repeat('0', 64)) over (order by seq) as hash_before,
        row_number() over (order by seq) as place
    from landed.removals_audit
)

select seq
from chain
where
    seq <> place
    or previous_hash <> hash_before
    or hash
    <> audit_hash(seq, removed_at, platform, reason, posts_count, rows_by_store, previous_hash)
union all
select 0 as seq
from landed.taken_back
where
    audit_head is distinct from (
        select arg_max(log.hash, log.seq) from landed.removals_audit as log
    );
