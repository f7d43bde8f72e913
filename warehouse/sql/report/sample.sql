-- Posts drawn, by platform and whether they are roots. Cell: platform and part.
select
    posts.platform,
    case when posts.is_root then 'root posts' else 'replies' end as part,
    count(*) as n_units,
    count(distinct posts.author_key) as n_authors,
    min(units.incl_prob) as lowest_chance,
    max(units.incl_prob) as highest_chance,
    sum(units.weight) as stands_for,
    sum(units.weight) ^ 2 / sum(units.weight ^ 2) as n_effective
from sample_unit as units
inner join post as posts on units.unit_key = posts.post_key
where units.unit_type = 'post'
group by posts.platform, part
order by posts.platform, part;
