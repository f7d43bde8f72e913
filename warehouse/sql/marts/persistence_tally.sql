-- How long posts stay up, in counts only. Grain: one row per cell and age.
-- Cells under 11 are merged before they are written.
-- @platform reddit or bluesky
-- @cohort_week Monday of the week the posts were created
-- @community_kind subreddit, feed or network
-- @code_cell struggle or other
-- @age_days age of the posts
-- @n_at_risk posts still up at that age
-- @n_deleted of these, deleted that day
-- @n_edited of these, edited that day
create or replace view persistence_tally as
select
    platform,
    cohort_week,
    community_kind,
    code_cell,
    age_days,
    at_risk_count as n_at_risk,
    deleted_count as n_deleted,
    edited_count as n_edited
from staging.stg_persistence_tally;
