-- What follows removals. Grain: one row. taken_count: how often rows were removed, hidden or
-- reworded; the two others, up to which of these times Label Studio's tasks and the published file
-- follow. is_purge_due: Label Studio's files may hold bytes of tasks that were deleted.
-- audit_head: hash of the audit log's last line, so that a log whose end was cut off shows.
-- Counts alone: nothing here says whose rows they were.
create table landed.taken_back (
    taken_count bigint not null,
    tasks_follow_count bigint not null,
    published_follows_count bigint not null,
    is_purge_due boolean not null,
    audit_head varchar
);

-- What an earlier version removed may still stand elsewhere.
insert into landed.taken_back
select
    cast(count(*) > 0 as bigint) as taken_count,
    0 as tasks_follow_count,
    0 as published_follows_count,
    false as is_purge_due,
    arg_max(hash, seq) as audit_head
from landed.removals_audit;

-- Posts whose text is not kept any more; their row stays. Grain: one row per post.
create table landed.expired_texts (
    post_key ubigint not null,
    expired_at timestamp not null
);
