-- Who answers whom. Grain: one row per reply. Key: reply_key.
-- @reply_key post_key of the reply
-- @thread_key post_key of the thread's root; null where the root was removed
-- @parent_key post_key of what it answers; null where that was removed
-- @replier_key author of the reply
-- @root_author_key author of the root; null where the corpus does not hold it
-- @minutes_since_root between root and reply; null where either date is false or unknown
-- @depth 1 answers the root; null where the way up is broken
-- @is_self_reply the root's author answers in their own thread; null where unknown
create or replace view reply_edge as
with recursive tree as (
    select
        post_key,
        0 as depth
    from staging.stg_posts
    where is_root
    union all
    select
        replies.post_key,
        tree.depth + 1 as depth
    from staging.stg_posts as replies
    inner join tree on replies.parent_key = tree.post_key
    where not replies.is_root
)

select
    replies.post_key as reply_key,
    replies.thread_key,
    replies.parent_key,
    replies.author_pseudonym as replier_key,
    roots.author_pseudonym as root_author_key,
    case
        when replies.is_created_at_plausible and roots.is_created_at_plausible
            then epoch(replies.created_at - roots.created_at) / 60.0
    end as minutes_since_root,
    tree.depth,
    replies.author_pseudonym = roots.author_pseudonym as is_self_reply
from staging.stg_posts as replies
left join staging.stg_posts as roots on replies.thread_key = roots.post_key
left join tree on replies.post_key = tree.post_key
where not replies.is_root;
