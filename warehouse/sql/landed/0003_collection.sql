-- Cursors. Grain: one row per stream; position is the connector's own JSON.
create table landed.cursors (
    stream varchar not null,
    position varchar not null,
    updated_by_run varchar not null
);

-- Intervals of creation times that were read (seen) or could not be (gap).
create table landed.coverage (
    stream varchar not null,
    source varchar not null,
    from_at timestamp not null,
    to_at timestamp not null,
    kind varchar not null,
    reason varchar,
    at_most_count bigint,
    run_id varchar not null
);

-- Runs. Grain: one row per pass over one source. counts: JSON.
create table landed.collection_runs (
    run_id varchar not null,
    source varchar not null,
    stream varchar not null,
    route varchar not null,
    started_at timestamp not null,
    finished_at timestamp,
    status varchar not null,
    error varchar,
    counts varchar
);

-- Items that broke a rule: the rule and the item's shape, never a value.
create table landed.set_aside (
    run_id varchar not null,
    source varchar not null,
    stream varchar not null,
    rule varchar not null,
    skeleton varchar not null,
    items_count bigint not null
);

-- Reply count of a root when its thread was last read. Grain: one row per root.
create table landed.thread_reads (
    post_key ubigint not null,
    replies_count bigint not null
);
