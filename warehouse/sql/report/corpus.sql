-- The corpus in one row.
select
    count(*) as n_posts,
    count(*) filter (where is_root) as n_threads,
    count(distinct author_key) as n_authors,
    cast(min(created_at) filter (where is_created_at_plausible) as date) as first_on,
    cast(max(created_at) filter (where is_created_at_plausible) as date) as last_on,
    coalesce(bool_or(source_route in ('synthetic', 'fixture')), false) as is_invented
from post;
