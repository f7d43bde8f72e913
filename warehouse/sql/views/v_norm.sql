-- Communities by week: rates now and over the four weeks before. Key: community_key and week.
-- support_rate: reception of disclosures, so that more of them do not raise it by themselves.
-- What is called _prev4 is drawn towards the community's average by the sample's noise: see v_past.
-- @rate weighted share of posts with struggleposting
-- @stigma_rate with theme_stigma_openness
-- @support_rate weighted mean of supportive_share under posts with struggleposting
-- @rate_prev4 rate over the four weeks before
-- @stigma_prev4 stigma_rate over the four weeks before
-- @support_prev4 support_rate over the four weeks before
create or replace view v_norm as
with weeks as (
    select
        posts.community_key,
        posts.week,
        count(*) as n,
        weighted_mean(cast(posts.struggleposting >= 1 as integer), posts.w) as rate,
        weighted_mean(cast(posts.theme_stigma_openness >= 1 as integer), posts.w) as stigma_rate,
        weighted_mean(
            case when posts.struggleposting >= 1 then threads.supportive_share end, posts.w
        ) as support_rate
    from v_post as posts
    left join v_thread as threads on posts.thread_key = threads.thread_key
    group by posts.community_key, posts.week
),

past as (
    select
        community_key,
        week,
        max(case when measure = 'disclosure' then value end) as rate_prev4,
        max(case when measure = 'openness' then value end) as stigma_prev4,
        max(case when measure = 'reception' then value end) as support_prev4
    from v_past
    group by community_key, week
)

select
    weeks.community_key,
    weeks.week,
    weeks.n,
    weeks.rate,
    weeks.stigma_rate,
    weeks.support_rate,
    past.rate_prev4,
    past.stigma_prev4,
    past.support_prev4
from weeks
left join past on weeks.community_key = past.community_key and weeks.week = past.week;
