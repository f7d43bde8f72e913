-- Each post's reply count as last observed. Grain: one row per post that has one.
create or replace view intermediate.latest_replies as
select
    post_key,
    arg_max(replies_count, observed_at) as replies_count
from staging.stg_engagement_snapshots
where replies_count is not null
group by post_key;
