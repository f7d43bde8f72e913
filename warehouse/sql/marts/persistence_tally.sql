-- How long posts stay up, in counts only: a life table. Grain: one row per cell and age at which
-- something happened, and the first and last age. A cell shows 11 posts or more, or as many as
-- policy.minimum_cell asks for; it ends where fewer are left. Of posts seen within a day of their
-- creation. A struggle cell under that is merged into other.
-- @platform reddit or bluesky
-- @cohort_week Monday of the week the posts were created
-- @community_kind subreddit, feed or network
-- @code_cell struggle where a coder of the current round saw one, or other
-- @age_days age of the posts
-- @n_at_risk posts still up and looked at, at that age
-- @n_deleted of these, deleted or taken down that day
-- @n_edited of these, edited that day; edits of posts that were deleted later are not counted
create or replace view persistence_tally as
with moments as (
    select
        platform,
        cohort_week,
        community_kind,
        code_cell,
        followed_days as age_days,
        1 as leaving_count,
        0 as deleted_count,
        0 as edited_count
    from intermediate.cohorts
    union all
    select
        platform,
        cohort_week,
        community_kind,
        code_cell,
        age_days,
        deleted_count as leaving_count,
        deleted_count,
        edited_count
    from staging.stg_persistence_tally
    union all
    select
        posts.platform,
        posts.cohort_week,
        posts.community_kind,
        posts.code_cell,
        days_up(posts.created_at, edits.superseded_at) as age_days,
        0 as leaving_count,
        0 as deleted_count,
        1 as edited_count
    from intermediate.cohorts as posts
    inner join staging.stg_superseded_versions as edits on posts.post_key = edits.post_key
    union all
    select distinct
        platform,
        cohort_week,
        community_kind,
        code_cell,
        0 as age_days,
        0 as leaving_count,
        0 as deleted_count,
        0 as edited_count
    from intermediate.cohorts
),

merged as (
    select
        * replace (
            case
                when
                    sum(leaving_count) over (
                        partition by platform, cohort_week, community_kind, code_cell
                    ) < smallest_cell()
                    then 'other'
                else code_cell
            end as code_cell
        )
    from moments
),

ages as (
    select
        platform,
        cohort_week,
        community_kind,
        code_cell,
        age_days,
        sum(sum(leaving_count)) over (
            partition by platform, cohort_week, community_kind, code_cell
            order by age_days desc
        ) as at_risk_count,
        sum(deleted_count) as deleted_count,
        sum(edited_count) as edited_count
    from merged
    group by platform, cohort_week, community_kind, code_cell, age_days
),

large as (
    select
        *,
        max(age_days) over (
            partition by platform, cohort_week, community_kind, code_cell
        ) as last_age_days
    from ages
    where at_risk_count >= smallest_cell()
)

select
    platform,
    cohort_week,
    community_kind,
    code_cell,
    age_days,
    cast(at_risk_count as bigint) as n_at_risk,
    cast(deleted_count as bigint) as n_deleted,
    cast(edited_count as bigint) as n_edited
from large
where deleted_count > 0 or edited_count > 0 or age_days in (0, last_age_days);
