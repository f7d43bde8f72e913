-- How often rows were removed, hidden or reworded, and up to which of these times Label Studio's
-- tasks and the published file follow. Counts alone: nothing here says whose rows they were.
alter table landed.store add column taken_count bigint default 0;
alter table landed.store add column tasks_follow_count bigint default 0;
alter table landed.store add column published_follows_count bigint default 0;

-- Hash of the last line of the audit log: a log whose end was cut off shows.
alter table landed.store add column audit_head varchar;
update landed.store set audit_head = (select arg_max(hash, seq) from landed.removals_audit);

-- What an earlier version removed may still stand elsewhere.
update landed.store set taken_count = 1
where audit_head is not null;

-- Posts whose text is not kept any more; their row stays. Grain: one row per post.
create table landed.expired_texts (
    post_key ubigint not null,
    expired_at timestamp not null
);
