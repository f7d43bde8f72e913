-- Share of posts still up by age, cohorts together (Kaplan and Meier).
with ages as (
    select
        platform,
        code_cell,
        age_days,
        cast(sum(n_at_risk) as bigint) as n_at_risk,
        cast(sum(n_deleted) as bigint) as n_deleted
    from persistence_tally
    where n_at_risk > 0
    group by platform, code_cell, age_days
)

select
    platform || ', ' || code_cell as part,
    age_days,
    n_at_risk,
    exp(sum(ln(greatest(1 - n_deleted / n_at_risk, 1e-9))) over (
        partition by platform, code_cell
        order by age_days
    )) as up_share
from ages
order by part, age_days;
