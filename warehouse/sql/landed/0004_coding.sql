-- Draws. Grain: one row per wave, round and unit kind. plan: JSON; frame_hash: of what was drawn
-- from, so that a draw can be checked.
create table landed.draws (
    wave varchar not null,
    round varchar not null,
    unit_kind varchar not null,
    seed bigint not null,
    plan varchar not null,
    frame_hash varchar not null,
    frame_count bigint not null,
    units_count bigint not null
);

-- Units of analysis. Grain: one row per wave, round, unit_kind and unit_key.
create table landed.units (
    wave varchar not null,
    round varchar not null,
    unit_kind varchar not null,
    unit_key ubigint not null,
    version_key ubigint not null,
    stratum varchar not null,
    inclusion_probability double not null,
    weight double not null,
    drawn_at timestamp not null
);

-- Units that left the sample. Grain: one row per unit_key.
create table landed.withheld_units (
    unit_key ubigint not null,
    withheld_at timestamp not null
);

-- Codings, every revision. Grain: annotation_id, revised_at and code_id.
-- version_key: the wording that was drawn; a coding of an older wording counts no more.
create table landed.codings (
    wave varchar not null,
    round varchar not null,
    unit_kind varchar not null,
    unit_key ubigint not null,
    version_key ubigint not null,
    coder varchar not null,
    code_id varchar not null,
    annotation_id bigint not null,
    revised_at timestamp not null,
    value integer not null,
    certainty integer not null,
    codebook_version varchar not null,
    coded_at timestamp not null,
    lead_seconds double
);

-- Where coders saw a code: code points of the unit's text, no text.
create table landed.evidence_spans (
    annotation_id bigint not null,
    revised_at timestamp not null,
    unit_key ubigint not null,
    code_id varchar not null,
    span_start bigint not null,
    span_end bigint not null
);

-- Annotations that were deleted in Label Studio.
create table landed.retracted_annotations (
    annotation_id bigint not null,
    retracted_at timestamp not null
);

-- Coders who adjudicate: their value settles a unit.
create table landed.adjudicators (coder varchar not null);

-- The one wave, round and codebook version that marts and views read. Grain: one row.
create table landed.current_round (
    wave varchar not null,
    round varchar not null,
    codebook_version varchar not null
);

-- Agreement. Grain: one row per wave, round, codebook_version and code_id, last measured.
create table landed.agreement (
    wave varchar not null,
    round varchar not null,
    codebook_version varchar not null,
    code_id varchar not null,
    level varchar not null,
    alpha double,
    alpha_low double,
    alpha_high double,
    n_units bigint not null,
    n_coders bigint not null,
    prevalence double,
    positive_agreement double,
    raw_agreement double,
    floor double,
    is_floor_met boolean,
    reason varchar,
    measured_at timestamp not null
);
