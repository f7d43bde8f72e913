-- How common each code is among the posts it was asked of: weighted (Hájek), its standard error
-- robust to authors. Cell: code and whether it is present, so n_authors is the smaller of the two.
with asked as (
    select
        labels.code_id,
        posts.is_root,
        posts.author_key,
        units.weight as w,
        cast(labels.value >= 1 as integer) as y
    from label as labels
    inner join sample_unit as units
        on labels.unit_type = units.unit_type and labels.unit_key = units.unit_key
    inner join post as posts on labels.unit_key = posts.post_key
    where labels.unit_type = 'post' and labels.value is not null
),

means as (
    select
        code_id,
        is_root,
        sum(w * y) / sum(w) as share,
        sum(w) as sw,
        count(*) as n_units,
        sum(w) ^ 2 / sum(w * w) as n_effective,
        least(
            count(distinct case when y = 1 then author_key end),
            count(distinct case when y = 0 then author_key end)
        ) as n_authors
    from asked
    group by code_id, is_root
),

influences as (
    select
        asked.code_id,
        asked.is_root,
        sum(asked.w * (asked.y - means.share)) / any_value(means.sw) as u
    from asked
    inner join means on asked.code_id = means.code_id and asked.is_root = means.is_root
    group by asked.code_id, asked.is_root, asked.author_key
),

errors as (
    select
        code_id,
        is_root,
        sqrt(count(*) / nullif(count(*) - 1.0, 0) * sum(u * u)) as se
    from influences
    group by code_id, is_root
)

select
    means.code_id,
    codebook.name,
    case when means.is_root then 'root posts' else 'replies' end as part,
    means.share,
    greatest(means.share - 1.96 * errors.se, 0) as low,
    least(means.share + 1.96 * errors.se, 1) as high,
    means.n_units,
    means.n_effective,
    means.n_authors
from means
inner join errors on means.code_id = errors.code_id and means.is_root = errors.is_root
inner join current_round on true
inner join codebook
    on
        means.code_id = codebook.code_id
        and current_round.codebook_version = codebook.codebook_version
order by part desc, means.share desc, means.code_id asc;
