-- Codebooks whole, as JSON, so that a later version can be held against the one coded under.
-- Grain: codebook_version.
create table landed.codebooks (
    codebook_version varchar not null,
    stated varchar not null
);

-- Units whose codings under one codebook version count under a later one as well, since nothing
-- that they use changed. Grain: wave, round, unit_kind, unit_key, coded_version and
-- codebook_version. codes: those asked of such a unit under both.
create table landed.carried_units (
    wave varchar not null,
    round varchar not null,
    unit_kind varchar not null,
    unit_key ubigint not null,
    coded_version varchar not null,
    codebook_version varchar not null,
    codes varchar[] not null,
    reason varchar not null,
    carried_at timestamp not null
);
