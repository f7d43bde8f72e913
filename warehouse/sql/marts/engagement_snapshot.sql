-- Counts of a post at one instant. Grain: post_key and observed_at. Never overwritten.
-- @post_key the post
-- @observed_at UTC, when the platform was asked
-- @age_hours since the post was created; since the platform took it in where that date is false
-- @likes Bluesky: likes. Reddit: the score, ups less downs, fuzzed by the platform
-- @replies replies or comments as the platform counts them
-- @reposts Bluesky: reposts. Reddit: crossposts
-- @quotes Bluesky: quote posts. Reddit: 0, it has none
create or replace view engagement_snapshot as
select
    snapshots.post_key,
    snapshots.observed_at,
    epoch(snapshots.observed_at - posts.known_at) / 3600.0 as age_hours,
    coalesce(snapshots.reddit_score, snapshots.bluesky_likes_count) as likes,
    snapshots.replies_count as replies,
    coalesce(snapshots.reddit_crossposts_count, snapshots.bluesky_reposts_count) as reposts,
    case when posts.platform = 'reddit' then 0 else snapshots.bluesky_quotes_count end as quotes
from staging.stg_engagement_snapshots as snapshots
inner join staging.stg_posts as posts on snapshots.post_key = posts.post_key;
