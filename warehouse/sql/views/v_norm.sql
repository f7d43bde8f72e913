-- Communities by week: rates now and over the four weeks before. Key: community_key and week.
-- @rate weighted share of posts with struggleposting
-- @stigma_rate with theme_stigma_openness
-- @support_rate weighted mean of supportive_share
-- @rate_prev4 rate over the four weeks before
-- @stigma_prev4 stigma_rate over the four weeks before
-- @support_prev4 support_rate over the four weeks before
create or replace view v_norm as
with weeks as (
    select
        posts.community_key,
        posts.week,
        count(*) as n,
        sum(posts.w) filter (where posts.struggleposting is not null) as sw,
        sum(posts.w * cast(posts.struggleposting >= 1 as integer)) as sd,
        sum(posts.w) filter (where posts.theme_stigma_openness is not null) as sow,
        sum(posts.w * cast(posts.theme_stigma_openness >= 1 as integer)) as so,
        sum(posts.w * threads.supportive_share) as ss,
        sum(posts.w) filter (where threads.supportive_share is not null) as sst
    from v_post as posts
    left join v_thread as threads on posts.thread_key = threads.thread_key
    group by posts.community_key, posts.week
)

select
    community_key,
    week,
    n,
    sd / sw as rate,
    so / sow as stigma_rate,
    ss / sst as support_rate,
    sum(sd) over past / sum(sw) over past as rate_prev4,
    sum(so) over past / sum(sow) over past as stigma_prev4,
    sum(ss) over past / sum(sst) over past as support_prev4
from weeks
window
    past as (
        partition by community_key
        order by week
        range between interval 28 day preceding and interval 7 day preceding
    );
