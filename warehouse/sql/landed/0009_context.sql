-- What a post answers (parent), stands under (root) or quotes, where that is not shown. Grain: one
-- row per post_key and relation; none while it is shown. Nothing here leads to the other post.
create table landed.thread_context (
    post_key ubigint not null,
    relation varchar not null,
    state varchar not null,
    observed_at timestamp not null
);

-- Quote count of a root when its quotes were last read. Grain: one row per root.
create table landed.quote_reads (
    post_key ubigint not null,
    quotes_count bigint not null
);
