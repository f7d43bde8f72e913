-- What surrounds a post and is not shown. Grain: one row per post_key and relation.
-- A post that was removed from the corpus after its reply came in counts as not_found.
-- No row: it is shown, or nobody asked.
-- @post_key the post that answers, stands under or quotes another
-- @relation parent, root or quoted
-- @state not_found, blocked (between the authors), detached (its author left the quote)
-- @observed_at UTC, when it was first seen so; null where its removal says it
create or replace view thread_context as
with gone as (
    select
        post_key,
        'parent' as relation
    from staging.stg_posts
    where not is_root and parent_key is null
    union all
    select
        post_key,
        'root' as relation
    from staging.stg_posts
    where not is_root and thread_key is null
)

select
    told.post_key,
    told.relation,
    told.state,
    told.observed_at
from staging.stg_thread_context as told
inner join staging.stg_posts as posts on told.post_key = posts.post_key
union all
select
    gone.post_key,
    gone.relation,
    'not_found' as state,
    cast(null as timestamp) as observed_at
from gone
left join staging.stg_thread_context as told
    on gone.post_key = told.post_key and gone.relation = told.relation
where told.post_key is null;
