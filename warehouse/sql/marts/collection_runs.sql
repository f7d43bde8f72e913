-- Passes over sources. Grain: one row per pass, numbered in time.
-- @run number of the pass
-- @source name in study.toml
-- @route under which permission
-- @started_at UTC
-- @finished_at UTC; null where it died
-- @status running, completed, failed or interrupted
-- @error kind of error, no text
-- @counts JSON: what the pass did
create or replace view collection_runs as
select
    row_number() over (order by started_at, source, finished_at, status, counts) as run,
    source,
    route,
    started_at,
    finished_at,
    status,
    error,
    counts
from staging.stg_collection_runs;
