-- When a post was first seen in any wording, and how often its wording was replaced.
create or replace view intermediate.first_seen as
select
    post_key,
    min(observed_at) as first_seen_at,
    count(*) - 1 as edits_count
from (
    select
        post_key,
        observed_at
    from staging.stg_posts
    union all
    select
        post_key,
        observed_at
    from staging.stg_superseded_versions
) as wordings
group by post_key;
