-- Passes over each source, and what they brought.
select
    source,
    count(*) as n_passes,
    count(*) filter (where status in ('failed', 'interrupted')) as n_failed,
    max(finished_at) filter (where status = 'completed') as last_completed_at,
    arg_max(error, started_at) filter (where error is not null) as last_error,
    cast(coalesce(sum(cast(counts ->> 'new_count' as bigint)), 0) as bigint) as n_new,
    cast(coalesce(sum(cast(counts ->> 'set_aside_count' as bigint)), 0) as bigint) as n_set_aside,
    cast(coalesce(sum(cast(counts ->> 'removed_count' as bigint)), 0) as bigint) as n_removed
from collection_runs
group by source
order by source;
