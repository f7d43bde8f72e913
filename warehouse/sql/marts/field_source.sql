-- Where a post's fields come from, and from when. Grain: one row per post and group of fields.
-- @post_key the post
-- @fields wording: title, text, flair and what else its author wrote; counts: engagement
-- @source_route permission under which these fields stand
-- @source name in study.toml
-- @observed_at UTC: first sight of the wording, last sight of the counts
create or replace view field_source as
select
    posts.post_key,
    'wording' as fields,
    posts.route as source_route,
    coalesce(runs.source, posts.source) as source,
    posts.observed_at
from staging.stg_posts as posts
left join staging.stg_collection_runs as runs on posts.run_id = runs.run_id
union all
select
    post_key,
    'counts' as fields,
    arg_max(route, (observed_at, route)) as source_route,
    arg_max(source, (observed_at, route)) as source,
    max(observed_at) as observed_at
from staging.stg_engagement_snapshots
group by post_key;
