-- Intervals of creation times that were read (seen) or could not be (gap).
create or replace view staging.stg_coverage as
select
    stream,
    source,
    from_at,
    to_at,
    kind,
    reason,
    at_most_count,
    run_id
from landed.coverage;
