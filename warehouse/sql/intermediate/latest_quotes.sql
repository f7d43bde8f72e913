-- Each post's quote count as last observed. Grain: one row per post that has one.
create or replace view intermediate.latest_quotes as
select
    post_key,
    arg_max(bluesky_quotes_count, observed_at) as quotes_count
from staging.stg_engagement_snapshots
where bluesky_quotes_count is not null
group by post_key;
