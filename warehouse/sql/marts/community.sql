-- Communities that posts come from. Grain: one row per community. Key: community_key.
-- @community_key platform/venue
-- @platform reddit or bluesky
-- @kind subreddit, feed, or network for posts that no feed showed
-- @norm_disclosure_invited its rules invite disclosure; null until communities are coded
create or replace view community as
select
    community_key,
    any_value(platform) as platform,
    case
        when any_value(platform) = 'reddit' then 'subreddit'
        when community_key = 'bluesky/network' then 'network'
        else 'feed'
    end as kind,
    cast(null as boolean) as norm_disclosure_invited
from staging.stg_posts
group by community_key;
