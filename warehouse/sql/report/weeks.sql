-- Posts by week and platform. Cell: week and platform.
select
    week,
    platform,
    count(*) as n_posts,
    count(distinct author_key) as n_authors
from post
where is_created_at_plausible
group by week, platform
order by week, platform;
