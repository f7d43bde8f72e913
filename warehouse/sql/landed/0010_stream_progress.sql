-- How far each stream is followed, for `status`. Grain: one row per stream.
-- heard_at: when the following process last said that it lives. committed_at: when rows and cursor
-- were last stored. Counts are of the last run; events_per_second of its last minutes.
create table landed.stream_progress (
    stream varchar not null,
    source varchar not null,
    run_id varchar not null,
    heard_at timestamp not null,
    committed_at timestamp,
    scanned_count bigint not null,
    events_per_second double,
    trouble varchar
);
