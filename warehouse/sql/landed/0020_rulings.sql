-- What adjudicators decided, every revision. Grain: annotation_id and revised_at.
-- rule: the neighbouring code of the decision rule cited; null for a dispute, which asks for one.
-- version_key: the wording that was drawn; a ruling on an older wording counts no more.
create table landed.rulings (
    wave varchar not null,
    round varchar not null,
    unit_kind varchar not null,
    unit_key ubigint not null,
    version_key ubigint not null,
    adjudicator varchar not null,
    code_id varchar not null,
    annotation_id bigint not null,
    revised_at timestamp not null,
    value integer not null,
    rule varchar,
    codebook_version varchar not null
);

-- Dawid and Skene's estimate beside each label. Grain: wave, round, codebook_version, unit_kind,
-- unit_key and code_id. Replaced as a whole.
create table landed.second_opinions (
    wave varchar not null,
    round varchar not null,
    codebook_version varchar not null,
    unit_kind varchar not null,
    unit_key ubigint not null,
    code_id varchar not null,
    value integer not null,
    probability double not null
);

-- The quiz that coders sit. Grain: codebook_version and coder. Replaced when it is scored again.
create table landed.qualifications (
    codebook_version varchar not null,
    coder varchar not null,
    asked_count bigint not null,
    answered_count bigint not null,
    right_count bigint not null,
    crisis_missed_count bigint not null,
    is_passed boolean not null,
    scored_at timestamp not null
);
