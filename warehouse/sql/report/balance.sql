-- The corpus' root posts by week beside the sample's, unweighted and weighted. Cell: week.
with chosen as (
    select
        posts.week,
        posts.author_key,
        units.weight
    from post as posts
    left join sample_unit as units
        on posts.post_key = units.unit_key and units.unit_type = 'post'
    where posts.is_root and posts.is_created_at_plausible
)

select
    week,
    count(*) / sum(count(*)) over () as corpus_share,
    count(weight) / sum(count(weight)) over () as unweighted_share,
    sum(weight) / sum(sum(weight)) over () as weighted_share,
    count(distinct case when weight is not null then author_key end) as n_authors
from chosen
group by week
order by week;
