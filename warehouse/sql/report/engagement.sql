-- Reactions to coded root posts by age, with and without a struggle. Cell: group and age.
-- Ages and their bounds are those of the view engagement_curves, which reads every post.
with looks as (
    select
        posts.author_key,
        posts.struggleposting >= 1 as shares_a_struggle,
        snapshots.likes + snapshots.reposts + snapshots.quotes as reactions,
        case
            when snapshots.age_hours between 0.25 and 3 then 1
            when snapshots.age_hours > 3 and snapshots.age_hours <= 12 then 6
            when snapshots.age_hours > 12 and snapshots.age_hours <= 30 then 24
            when snapshots.age_hours > 30 and snapshots.age_hours <= 48 then 36
            when snapshots.age_hours between 120 and 240 then 168
            when snapshots.age_hours between 600 and 960 then 720
        end as age
    from engagement_snapshot as snapshots
    inner join v_post as posts on snapshots.post_key = posts.post_key
    where posts.struggleposting is not null
)

select
    case when shares_a_struggle then 'shares a struggle' else 'other' end as part,
    age,
    count(*) as n_looks,
    count(distinct author_key) as n_authors,
    quantile_cont(reactions, 0.25) as low,
    median(reactions) as middle,
    quantile_cont(reactions, 0.75) as high
from looks
where reactions is not null and age is not null
group by shares_a_struggle, age
order by shares_a_struggle desc, age asc;
