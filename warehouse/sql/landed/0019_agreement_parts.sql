-- Agreement on absence, and on evidence: F1 of spans, its interval, or why there is none.
alter table landed.agreement add column negative_agreement double;
alter table landed.agreement add column span_f1_exact double;
alter table landed.agreement add column span_f1 double;
alter table landed.agreement add column span_f1_low double;
alter table landed.agreement add column span_f1_high double;
alter table landed.agreement add column span_reason varchar;

-- Agreement taken apart. Grain: one row per wave, round, codebook_version, code_id, part_kind, part
-- and level, last measured.
create table landed.agreement_parts (
    wave varchar not null,
    round varchar not null,
    codebook_version varchar not null,
    code_id varchar not null,
    part_kind varchar not null,
    part varchar not null,
    level varchar not null,
    alpha double,
    alpha_low double,
    alpha_high double,
    n_units bigint not null,
    n_coders bigint not null,
    prevalence double,
    positive_agreement double,
    negative_agreement double,
    raw_agreement double,
    standard_errors double,
    is_drifting boolean,
    reason varchar,
    measured_at timestamp not null
);
