-- Who liked, reposted or quoted a post, as the last reading showed it. Grain: one row per post_key,
-- kind and author_pseudonym. created_at: as its record claims, null where nobody tells.
create table landed.interactions (
    platform varchar not null,
    post_key ubigint not null,
    kind varchar not null,
    author_pseudonym varchar not null,
    created_at timestamp,
    first_seen_at timestamp not null
);

-- A post's count of a kind when its accounts were last read, and when that was. Grain: one row per
-- post_key and kind.
create table landed.interaction_reads (
    post_key ubigint not null,
    kind varchar not null,
    interactions_count bigint not null,
    read_at timestamp not null
);

-- What happened on the way to pages: lines that broke and why, hosts that refused, never a value.
-- Grain: run_id, source, stream and note. noted_at: when it was counted last.
create table landed.page_notes (
    run_id varchar not null,
    source varchar not null,
    stream varchar not null,
    note varchar not null,
    notes_count bigint not null,
    noted_at timestamp not null
);
