-- How common each code is among coded posts, as the view prevalence says. Cell: code and whether
-- it is present, so n_authors is the smaller of the two.
with said as (
    select
        labels.code_id,
        posts.is_root,
        posts.author_key,
        labels.value,
        max(case when labels.code_id = 'out_of_scope' then labels.value else 0 end)
            over (partition by labels.unit_key) as out_of_scope
    from label as labels
    inner join sample_unit as units
        on labels.unit_type = units.unit_type and labels.unit_key = units.unit_key
    inner join post as posts on labels.unit_key = posts.post_key
    where labels.unit_type = 'post' and labels.value is not null
),

authors as (
    select
        code_id,
        case when is_root then 'root' else 'reply' end as kind,
        least(
            count(distinct case when value >= 1 then author_key end),
            count(distinct case when value = 0 then author_key end)
        ) as n_authors
    from said
    where out_of_scope = 0 or code_id = 'out_of_scope'
    group by code_id, is_root
)

select
    prevalence.code_id,
    codebook.name,
    case when prevalence.kind = 'root' then 'root posts' else 'replies' end as part,
    prevalence.share,
    prevalence.interval_low as low,
    prevalence.interval_high as high,
    prevalence.n as n_units,
    prevalence.n_eff as n_effective,
    authors.n_authors
from prevalence
inner join authors
    on prevalence.code_id = authors.code_id and prevalence.kind = authors.kind
inner join current_round on true
inner join codebook
    on
        prevalence.code_id = codebook.code_id
        and current_round.codebook_version = codebook.codebook_version
where prevalence.platform = 'all'
order by part desc, prevalence.share desc, prevalence.code_id asc;
