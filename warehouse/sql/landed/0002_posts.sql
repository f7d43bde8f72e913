-- Posts. Grain: one row per post, its latest wording. Key: post_key, no index, see checks.
-- Landed rows are append-only but for removals and edits, which destroy the old wording.
-- thread_key is null where the thread's root was removed.
create table landed.post_versions (
    platform varchar not null,
    post_key ubigint not null,
    version_key ubigint not null,
    thread_key ubigint,
    parent_key ubigint,
    kind varchar not null,
    is_root boolean not null,
    author_pseudonym varchar not null,
    community_key varchar not null,
    title varchar,
    text varchar not null,
    alt_text varchar,
    quoted_text varchar,
    flair varchar,
    link_categories varchar[] not null,
    declared_languages varchar[] not null,
    language varchar,
    words_count bigint not null,
    hashtags_count bigint not null,
    masks struct(mask varchar, "count" bigint)[] not null,
    scrubber_version integer not null,
    created_at timestamp not null,
    is_created_at_plausible boolean not null,
    indexed_at timestamp,
    observed_at timestamp not null,
    edited_at timestamp,
    is_edited boolean not null,
    is_nsfw boolean not null,
    is_visible_logged_out boolean not null,
    run_id varchar not null,
    source varchar not null,
    stream varchar not null,
    route varchar not null
);

-- Wordings that an edit replaced. Grain: one row per post and wording. No text, by design.
create table landed.superseded_versions (
    platform varchar not null,
    post_key ubigint not null,
    version_key ubigint not null,
    observed_at timestamp not null,
    superseded_at timestamp not null
);

-- Counts of a post at one instant. Grain: one row per post_key and observed_at.
create table landed.engagement_snapshots (
    post_key ubigint not null,
    observed_at timestamp not null,
    replies_count bigint,
    reddit_score bigint,
    reddit_crossposts_count bigint,
    bluesky_likes_count bigint,
    bluesky_reposts_count bigint,
    bluesky_quotes_count bigint
);

-- Duplicates. Grain: one row per marked post. Replaced as a whole by each pass.
create table landed.duplicate_marks (
    post_key ubigint not null,
    cluster_key ubigint not null,
    canonical_key ubigint not null,
    kind varchar not null,
    match varchar not null,
    similarity double not null
);

-- Removals in counts, each row hashed with the one before. Grain: one row per removal batch,
-- platform and reason. No key, no text.
create table landed.removals_audit (
    seq bigint not null,
    removed_at timestamp not null,
    platform varchar not null,
    reason varchar not null,
    posts_count bigint not null,
    rows_by_store varchar not null,
    previous_hash varchar not null,
    hash varchar not null
);

-- How long posts stay up, in counts per cell. Filled when posts are removed, at least 11 a cell.
create table landed.persistence_tally (
    platform varchar not null,
    cohort_week date not null,
    community_kind varchar not null,
    code_cell varchar not null,
    age_days integer not null,
    at_risk_count bigint not null,
    deleted_count bigint not null,
    edited_count bigint not null
);
