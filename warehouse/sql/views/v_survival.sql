-- Share of a cohort still up after 30 and 180 days. Key: platform, cohort_week, community_kind
-- and code_cell.
-- @n0 posts at the start
-- @s30 share still up after 30 days
-- @s180 share still up after 180 days
-- @followed_days oldest age seen, days
create or replace view v_survival as
select
    platform,
    cohort_week,
    community_kind,
    code_cell,
    max(n_at_risk) as n0,
    exp(
        sum(ln(1 - cast(least(n_deleted, n_at_risk - 1) as double) / n_at_risk))
        filter (where age_days <= 30)
    ) as s30,
    exp(
        sum(ln(1 - cast(least(n_deleted, n_at_risk - 1) as double) / n_at_risk))
        filter (where age_days <= 180)
    ) as s180,
    max(age_days) as followed_days
from persistence_tally
where n_at_risk > 1
group by all;
