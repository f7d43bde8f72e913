-- Codes of every codebook version in use, but for the safety code, which is no variable.
create table landed.codebook_codes (
    codebook_version varchar not null,
    code_id varchar not null,
    name varchar not null,
    layer varchar not null,
    unit varchar not null,
    tier varchar not null,
    floor double,
    is_sensitive boolean not null,
    definition varchar not null
);

-- Claims of the source text. position: their order there; sql: yields cluster, w, y and more.
create table landed.claims (
    codebook_version varchar not null,
    position integer not null,
    claim_id varchar not null,
    passage varchar not null,
    statement varchar not null,
    unit varchar not null,
    measure varchar not null,
    codes varchar[] not null,
    kind varchar not null,
    sign integer not null,
    sesoi double,
    testability varchar not null,
    priority varchar not null,
    sql varchar,
    limits varchar
);

-- Verdicts of the current round. Replaced as a whole.
create table landed.verdicts (
    wave varchar not null,
    round varchar not null,
    codebook_version varchar not null,
    claim_id varchar not null,
    verdict varchar not null,
    reason varchar,
    estimate double,
    se double,
    interval_low double,
    interval_high double,
    n bigint,
    n_eff double,
    cells bigint,
    clusters bigint,
    computed_at timestamp not null
);
