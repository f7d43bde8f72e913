-- What share of posts is still up at each age. Grain: platform, cohort_week, community_kind,
-- code_cell and age_days. Kaplan and Meier's estimate with Greenwood's error, on the log-log scale.
-- @platform reddit or bluesky
-- @cohort_week Monday of the week the posts were created
-- @community_kind subreddit, feed or network
-- @code_cell struggle or other
-- @age_days age of the posts
-- @n_at_risk posts still up at that age
-- @n_deleted of these, deleted that day
-- @n_edited of these, edited that day
-- @survival_share share still up after that day
-- @interval_low 95 percent; null before anything was deleted
-- @interval_high 95 percent
create or replace view persistence as
with days as (
    select
        *,
        exp(sum(ln(1 - cast(least(n_deleted, n_at_risk - 1) as double) / n_at_risk)) over aged)
            as survival_share,
        sum(
            cast(least(n_deleted, n_at_risk - 1) as double)
            / (n_at_risk * (n_at_risk - least(n_deleted, n_at_risk - 1)))
        ) over aged as greenwood
    from persistence_tally
    where n_at_risk > 1
    window
        aged as (
            partition by platform, cohort_week, community_kind, code_cell
            order by age_days
        )
)

select
    platform,
    cohort_week,
    community_kind,
    code_cell,
    age_days,
    n_at_risk,
    n_deleted,
    n_edited,
    survival_share,
    case
        when greenwood > 0
            then pow(survival_share, exp(1.959964 * sqrt(greenwood) / -ln(survival_share)))
    end as interval_low,
    case
        when greenwood > 0
            then pow(survival_share, exp(-1.959964 * sqrt(greenwood) / -ln(survival_share)))
    end as interval_high
from days;
