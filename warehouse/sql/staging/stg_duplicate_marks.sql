-- Duplicates. Grain: one row per marked post. Replaced as a whole by each pass.
create or replace view staging.stg_duplicate_marks as
select
    post_key,
    cluster_key,
    canonical_key,
    kind,
    match,
    similarity
from landed.duplicate_marks;
