-- Counts of a post at one instant. Grain: one row per post_key and observed_at.
create or replace view staging.stg_engagement_snapshots as
select
    post_key,
    observed_at,
    replies_count,
    reddit_score,
    reddit_crossposts_count,
    bluesky_likes_count,
    bluesky_reposts_count,
    bluesky_quotes_count,
    source,
    route
from landed.engagement_snapshots
where post_key not in (select hidden.post_key from staging.hidden_posts as hidden);
