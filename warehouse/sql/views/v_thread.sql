-- Threads with coded replies by others: weighted shares over the settled replies. Key: thread_key.
-- A share is null where no reply is settled for it.
-- @n_coded coded replies by others than the root's author
-- @n_repliers their authors
-- @supportive_share weighted share with emotional or esteem support
-- @emotional_share with emotional support
-- @esteem_share with esteem support
-- @info_share with informational support
-- @shared_share with an experience of their own
-- @harm_share hostile or intrusive
-- @help_share that take or name a step to help
-- @n_advisers repliers who inform
-- @reply_words median words of a reply
-- @n_returns coded replies of the root's author
-- @relief a return that tells of relief: 1, else 0; null without returns
-- @uptake a return that takes feedback up: 1, else 0
create or replace view v_thread as
with others as (
    select
        thread_key,
        count(*) as n_coded,
        count(distinct replier_key) as n_repliers,
        weighted_mean(
            cast(reply_emotional_support >= 1 or reply_esteem_validation >= 1 as integer), w
        ) as supportive_share,
        weighted_mean(cast(reply_emotional_support >= 1 as integer), w) as emotional_share,
        weighted_mean(cast(reply_esteem_validation >= 1 as integer), w) as esteem_share,
        weighted_mean(cast(reply_informational_support >= 1 as integer), w) as info_share,
        weighted_mean(cast(reply_shared_experience >= 1 as integer), w) as shared_share,
        weighted_mean(
            cast(reply_hostile_dismissive >= 1 or reply_privacy_intrusion >= 1 as integer), w
        ) as harm_share,
        weighted_mean(cast(help_seeking_step >= 1 as integer), w) as help_share,
        count(distinct case when reply_informational_support >= 1 then replier_key end)
            as n_advisers,
        median(n_words) as reply_words
    from v_reply
    where not is_self_reply
    group by thread_key
),

returns as (
    select
        thread_key,
        count(*) as n_returns,
        max(author_relief_followup) as relief,
        max(cast(feedback_uptake >= 1 as integer)) as uptake
    from v_reply
    where is_self_reply
    group by thread_key
)

select
    others.*,
    coalesce(returns.n_returns, 0) as n_returns,
    returns.relief,
    returns.uptake
from others
left join returns on others.thread_key = returns.thread_key;
