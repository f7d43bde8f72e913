-- Engagement at fixed ages. Grain: one row per post and age at which it was looked at.
-- Key: post_key and age. The look nearest the age counts, within bounds that do not overlap.
-- @post_key the post
-- @author_key its author
-- @age 1h, 6h, 24h, 36h, 7d or 30d
-- @age_hours that age in hours
-- @looked_at_hours the post's age at the look
-- @likes as in engagement_snapshot
-- @replies as in engagement_snapshot
-- @reposts as in engagement_snapshot
-- @quotes as in engagement_snapshot
-- @reactions likes, reposts and quotes; on Reddit score and crossposts
-- @log_reactions ln(1 + reactions); reactions below 0 count as 0
-- @above_usual log_reactions less the mean over the author's other posts at that age
create or replace view engagement_curves as
with ages as (
    select
        post_key,
        observed_at,
        age_hours,
        likes,
        replies,
        reposts,
        quotes,
        case
            when age_hours between 0.25 and 3 then 1
            when age_hours > 3 and age_hours <= 12 then 6
            when age_hours > 12 and age_hours <= 30 then 24
            when age_hours > 30 and age_hours <= 48 then 36
            when age_hours between 120 and 240 then 168
            when age_hours between 600 and 960 then 720
        end as age
    from engagement_snapshot
),

nearest as (
    select
        post_key,
        age,
        arg_min(age_hours, (abs(age_hours - age), observed_at)) as looked_at_hours,
        arg_min(likes, (abs(age_hours - age), observed_at)) as likes,
        arg_min(replies, (abs(age_hours - age), observed_at)) as replies,
        arg_min(reposts, (abs(age_hours - age), observed_at)) as reposts,
        arg_min(quotes, (abs(age_hours - age), observed_at)) as quotes
    from ages
    where age is not null
    group by post_key, age
),

logs as (
    select
        nearest.*,
        posts.author_key,
        nearest.likes + nearest.reposts + nearest.quotes as reactions,
        ln(1 + greatest(nearest.likes + nearest.reposts + nearest.quotes, 0)) as log_reactions
    from nearest
    inner join post as posts on nearest.post_key = posts.post_key
)

select
    post_key,
    author_key,
    case age
        when 168 then '7d'
        when 720 then '30d'
        else age || 'h'
    end as age,
    age as age_hours,
    looked_at_hours,
    likes,
    replies,
    reposts,
    quotes,
    reactions,
    log_reactions,
    above_usual(log_reactions, sum(log_reactions) over own, count(log_reactions) over own)
        as above_usual
from logs
window own as (partition by author_key, age);
