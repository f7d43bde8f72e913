-- Runs. Grain: one row per pass over one source. counts: JSON.
create or replace view staging.stg_collection_runs as
select
    run_id,
    source,
    stream,
    route,
    started_at,
    finished_at,
    status,
    error,
    counts
from landed.collection_runs;
