-- How many posts were removed, by platform and reason.
select
    platform,
    reason,
    cast(sum(posts_count) as bigint) as posts_count
from landed.removals_audit
group by platform, reason;
