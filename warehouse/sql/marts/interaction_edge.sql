-- Who liked, reposted or quoted a Bluesky root, where the study asks. Grain: one row per post_key,
-- kind and actor_key. The newest of each kind as last read: what was withdrawn is gone.
-- @post_key the post it is towards
-- @kind like, repost or quote
-- @actor_key who did it; equals author_key in post
-- @post_author_key author of the post
-- @created_at UTC, as the record of the like or quote claims; null for a repost: nobody tells
-- @first_seen_at UTC, when Confide saw it first
-- @is_own the post's author did it
create or replace view interaction_edge as
select
    edges.post_key,
    edges.kind,
    edges.author_pseudonym as actor_key,
    posts.author_pseudonym as post_author_key,
    edges.created_at,
    edges.first_seen_at,
    edges.author_pseudonym = posts.author_pseudonym as is_own
from staging.stg_interactions as edges
inner join staging.stg_posts as posts on edges.post_key = posts.post_key;
