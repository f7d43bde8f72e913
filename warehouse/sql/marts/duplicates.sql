-- Posts that say what an earlier one said: marks, never a deletion. Grain: one row per mark.
-- A cluster's earliest post carries none. Never a link between accounts. A template is what three
-- authors or more filled in, each differently, leaving the same gaps in the canonical wording.
-- @post_key the marked post
-- @cluster_key smallest post_key of its cluster
-- @canonical_key the cluster's earliest post
-- @kind repost by its author, crosspost to another venue, copypasta by others, template, same_post
-- @match exact or near
-- @similarity of the wordings, 1 is exact
create or replace view duplicates as
select
    post_key,
    cluster_key,
    canonical_key,
    kind,
    match,
    similarity
from staging.stg_duplicate_marks;
