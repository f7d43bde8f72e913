-- Duplicate marks.
select
    post_key,
    cluster_key,
    canonical_key,
    kind,
    match,
    similarity
from duplicates;
