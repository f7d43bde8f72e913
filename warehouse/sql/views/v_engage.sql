-- Reactions near 1 hour and 24 hours, raw and against the author's own usual. Key: post_key.
-- Own usual: the mean log over the author's other posts; null where there is none (docs/adr/0026).
-- What was never observed is null, not 0; a Reddit score below 0 counts as 0.
-- @r1h likes, reposts and quotes at the look nearest 1 hour, between 0.25 and 3
-- @r24h the same nearest 24 hours, between 12 and 48
-- @f24h the same with replies
-- @reach_ratio (reposts and quotes + 1) / (likes + 1) near 24 hours
-- @r1h_own ln(1 + r1h) less its mean over the author's other posts
-- @r24h_own ln(1 + r24h) less its mean over the author's other posts
-- @fb ln(1 + f24h)
create or replace view v_engage as
with near as (
    select
        post_key,
        arg_min(likes + reposts + quotes, abs(age_hours - 1))
        filter (where age_hours between 0.25 and 3) as r1h,
        arg_min(likes + reposts + quotes, abs(age_hours - 24))
        filter (where age_hours between 12 and 48) as r24h,
        arg_min(likes + reposts + quotes + replies, abs(age_hours - 24))
        filter (where age_hours between 12 and 48) as f24h,
        arg_min((reposts + quotes + 1.0) / (likes + 1.0), abs(age_hours - 24))
        filter (where age_hours between 12 and 48 and likes >= 0) as reach_ratio
    from engagement_snapshot
    group by post_key
),

logs as (
    select
        near.*,
        posts.author_key,
        ln(1 + case when near.r1h < 0 then 0 else near.r1h end) as log_r1h,
        ln(1 + case when near.r24h < 0 then 0 else near.r24h end) as log_r24h,
        ln(1 + case when near.f24h < 0 then 0 else near.f24h end) as log_f24h
    from near
    inner join post as posts on near.post_key = posts.post_key
)

select
    post_key,
    r1h,
    r24h,
    f24h,
    reach_ratio,
    author_key,
    above_usual(log_r1h, sum(log_r1h) over own, count(log_r1h) over own) as r1h_own,
    above_usual(log_r24h, sum(log_r24h) over own, count(log_r24h) over own) as r24h_own,
    log_f24h as fb
from logs
window own as (partition by author_key);
