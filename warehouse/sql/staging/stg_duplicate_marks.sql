-- Duplicates. Grain: one row per marked post. Replaced as a whole by each pass.
-- A cluster that holds a hidden post is left out until the next pass.
create or replace view staging.stg_duplicate_marks as
select
    post_key,
    cluster_key,
    canonical_key,
    kind,
    match,
    similarity
from landed.duplicate_marks
where cluster_key not in (
    select marks.cluster_key
    from landed.duplicate_marks as marks
    inner join staging.hidden_posts as hidden
        on hidden.post_key in (marks.post_key, marks.canonical_key, marks.cluster_key)
);
