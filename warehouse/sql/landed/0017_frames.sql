-- What a round's units were drawn from, so that a draw can be repeated. Grain: one row per wave,
-- round, unit_kind and unit_key. bands: a digit per word list, 0 no phrase of it, 1 one, 2 more.
create table landed.frames (
    wave varchar not null,
    round varchar not null,
    unit_kind varchar not null,
    unit_key ubigint not null,
    version_key ubigint not null,
    thread_key ubigint,
    platform varchar not null,
    week date not null,
    community_kind varchar not null,
    volume varchar not null,
    author_pseudonym varchar not null,
    cluster_key ubigint not null,
    bands varchar not null
);

-- Units that a coder said cannot be coded, and why. Grain: annotation_id and revised_at.
create table landed.not_codable (
    wave varchar not null,
    round varchar not null,
    unit_kind varchar not null,
    unit_key ubigint not null,
    coder varchar not null,
    annotation_id bigint not null,
    revised_at timestamp not null,
    codebook_version varchar not null,
    reason varchar not null
);
