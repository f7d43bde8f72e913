-- What kinds of page a post links to. Grain: one row per post and category; none without link.
-- @post_key the post
-- @link_category crowdfunding, tip_jar, subscription, merch, affiliate, news, other, …
create or replace view post_link as
select distinct
    post_key,
    unnest(link_categories) as link_category
from staging.stg_posts;
