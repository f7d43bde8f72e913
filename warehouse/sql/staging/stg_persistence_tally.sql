-- How long posts stay up, in counts per cell. Filled when posts are removed, at least 11 a cell.
create or replace view staging.stg_persistence_tally as
select
    platform,
    cohort_week,
    community_kind,
    code_cell,
    age_days,
    at_risk_count,
    deleted_count,
    edited_count
from landed.persistence_tally;
