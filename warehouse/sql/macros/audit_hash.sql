-- Hash of one row of the removal log, chained to the row before.
create or replace macro audit_hash(
    seq, removed_at, platform, reason, posts_count, rows_by_store, previous_hash
) as
sha256(concat_ws(
    '|',
    previous_hash,
    cast(seq as varchar),
    strftime(removed_at, '%Y-%m-%dT%H:%M:%S.%f'),
    platform,
    reason,
    cast(posts_count as varchar),
    rows_by_store
));
