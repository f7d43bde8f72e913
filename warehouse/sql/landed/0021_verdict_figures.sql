-- What stands beside a verdict. interval: closed form or bootstrap, the wider of the two.
-- p_value: one-sided, against the smallest effect; q_value: corrected over the primary claims.
-- Verdicts are replaced as a whole, so the rows of before need no values.
alter table landed.verdicts add column df double;
alter table landed.verdicts add column interval_kind varchar;
alter table landed.verdicts add column p_value double;
alter table landed.verdicts add column q_value double;
alter table landed.verdicts add column family_count bigint;
alter table landed.verdicts add column alpha_min double;
alter table landed.verdicts add column agreement varchar;

-- The same estimate on a part: one platform, or without the decisions coders were unsure of.
create table landed.verdict_checks (
    wave varchar not null,
    round varchar not null,
    codebook_version varchar not null,
    claim_id varchar not null,
    part varchar not null,
    verdict varchar not null,
    estimate double,
    interval_low double,
    interval_high double,
    n bigint,
    clusters bigint
);
