-- Intervals of creation times that were read (seen) or could not be (gap).
-- community_key in lower case: the venue an interval holds whole; null where it holds a selection.
create or replace view staging.stg_coverage as
select
    stream,
    source,
    from_at,
    to_at,
    kind,
    reason,
    at_most_count,
    lower(community_key) as community_key,
    run_id
from landed.coverage;
