-- What was put before which coder, in which batch. Grain: one row per wave, round, unit_kind,
-- unit_key, coder and codebook_version. released_at: by the task server's clock.
create table landed.assignments (
    wave varchar not null,
    round varchar not null,
    unit_kind varchar not null,
    unit_key ubigint not null,
    coder varchar not null,
    codebook_version varchar not null,
    batch integer not null,
    is_intense boolean not null,
    released_at timestamp not null
);
