-- Threads and how they were answered, coded or not. Grain: one row per root post. Key: thread_key.
-- A thread whose root was removed has no row; its replies stand in reply_edge.
-- @thread_key post_key of the root
-- @platform reddit or bluesky
-- @community_key platform/venue of the root
-- @author_key author of the root
-- @created_at UTC, of the root
-- @week Monday of that week
-- @n_replies replies held, the author's own too
-- @n_own_replies of these, the root author's
-- @n_repliers distinct others who replied
-- @max_depth the longest chain of replies; 0 where there is none
-- @first_reply_minutes from the root to the first reply by another; null where there is none
-- @last_reply_minutes from the root to the last reply
create or replace view threads as
with answers as (
    select
        thread_key,
        count(*) as n_replies,
        count(*) filter (where is_self_reply) as n_own_replies,
        count(distinct case when not is_self_reply then replier_key end) as n_repliers,
        max(depth) as max_depth,
        min(case when not is_self_reply then minutes_since_root end) as first_reply_minutes,
        max(minutes_since_root) as last_reply_minutes
    from reply_edge
    where thread_key is not null
    group by thread_key
)

select
    posts.post_key as thread_key,
    posts.platform,
    posts.community_key,
    posts.author_key,
    posts.created_at,
    posts.week,
    coalesce(answers.n_replies, 0) as n_replies,
    coalesce(answers.n_own_replies, 0) as n_own_replies,
    coalesce(answers.n_repliers, 0) as n_repliers,
    coalesce(answers.max_depth, 0) as max_depth,
    answers.first_reply_minutes,
    answers.last_reply_minutes
from post as posts
left join answers on posts.post_key = answers.thread_key
where posts.is_root;
