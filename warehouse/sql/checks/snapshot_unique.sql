-- A post has one row of counts an instant.
select
    post_key,
    observed_at,
    count(*) as rows_count
from landed.engagement_snapshots
group by post_key, observed_at
having count(*) > 1;
