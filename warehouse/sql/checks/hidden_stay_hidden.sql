-- No table that analysts read holds a post of an account that closed, nor what it liked.
with hidden as (
    select posts.post_key
    from landed.post_versions as posts
    where (posts.platform, posts.author_pseudonym) in (
        select (authors.platform, authors.author_pseudonym)
        from landed.hidden_authors as authors
    )
)

select
    'post' as store,
    post_key
from post
where post_key in (select hidden.post_key from hidden)
union all
select
    'engagement_snapshot' as store,
    post_key
from engagement_snapshot
where post_key in (select hidden.post_key from hidden)
union all
select
    'reply_edge' as store,
    reply_key as post_key
from reply_edge
where reply_key in (select hidden.post_key from hidden)
union all
select
    'interaction_edge' as store,
    post_key
from interaction_edge
where
    post_key in (select hidden.post_key from hidden)
    or actor_key in (
        select authors.author_pseudonym
        from landed.hidden_authors as authors
        where authors.platform = 'bluesky'
    )
union all
select
    'duplicates' as store,
    post_key
from duplicates
where post_key in (select hidden.post_key from hidden)
union all
select
    'sample_unit' as store,
    unit_key as post_key
from sample_unit
where unit_key in (select hidden.post_key from hidden)
union all
select
    'annotation' as store,
    unit_key as post_key
from annotation
where unit_key in (select hidden.post_key from hidden);
