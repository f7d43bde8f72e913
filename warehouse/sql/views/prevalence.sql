-- How common each code is, as the design's weights say. Grain: code_id, kind and platform.
-- A Hajek-weighted share; its interval leaves each cluster out in turn, on the logit scale; where
-- no unit or every unit has the code, its far end is the exact binomial's for n_eff units.
-- Clusters: a root's author, a reply's thread, else the unit itself. Out-of-scope units are left
-- out, but for the code that says so.
-- @code_id code of the codebook
-- @kind root, reply, thread, author_timeline or community
-- @platform reddit, bluesky or all
-- @n units with a settled value
-- @n_eff effective number under the weights
-- @clusters independent clusters
-- @n_present units with a value of 1 or 2, unweighted
-- @share weighted share with a value of 1 or 2
-- @focal_share weighted share with a value of 2; binary codes have none
-- @se standard error of share
-- @interval_low 95 percent
-- @interval_high 95 percent
create or replace view prevalence as
with settled as (
    select
        labels.unit_type,
        labels.unit_key,
        labels.code_id,
        labels.value,
        units.weight as w,
        max(case when labels.code_id = 'out_of_scope' then labels.value else 0 end)
            over (partition by labels.unit_type, labels.unit_key) as out_of_scope
    from label as labels
    inner join current_round as chosen on labels.codebook_version = chosen.codebook_version
    inner join sample_unit as units
        on
            labels.unit_type = units.unit_type
            and labels.unit_key = units.unit_key
            and chosen.wave = units.wave
    where labels.value is not null
),

seen as (
    select
        settled.code_id,
        case
            when settled.unit_type != 'post' then settled.unit_type
            when posts.is_root then 'root'
            else 'reply'
        end as kind,
        unnest([posts.platform, 'all']) as platform,
        case
            when posts.is_root then posts.author_key
            else cast(coalesce(posts.thread_key, settled.unit_key) as varchar)
        end as cluster,
        cast(settled.value >= 1 as integer) as y,
        cast(settled.value = 2 as integer) as focal,
        settled.w
    from settled
    -- one equality: with a second condition on the left side alone every pair is looked at
    left join post as posts
        on
            case when settled.unit_type in ('post', 'thread') then settled.unit_key end
            = posts.post_key
    where settled.out_of_scope = 0 or settled.code_id = 'out_of_scope'
),

parts as (
    select
        code_id,
        kind,
        platform,
        cluster,
        count(*) as n,
        sum(y) as n_present,
        sum(w) as sw,
        sum(w * w) as sww,
        sum(w * y) as swy,
        sum(w * focal) as sw_focal
    from seen
    where platform is not null
    group by code_id, kind, platform, cluster
),

whole as (
    select
        code_id,
        kind,
        platform,
        cast(sum(n) as bigint) as n,
        cast(sum(n_present) as bigint) as n_present,
        count(*) as clusters,
        pow(sum(sw), 2) / sum(sw * sw) - 1 as df,
        pow(sum(sw), 2) / sum(sww) as n_eff,
        sum(sw) as sw,
        sum(swy) as swy,
        sum(swy) / sum(sw) as share,
        sum(sw_focal) / sum(sw) as focal_share
    from parts
    group by code_id, kind, platform
),

estimated as (
    select
        whole.code_id,
        whole.kind,
        whole.platform,
        any_value(whole.n) as n,
        any_value(whole.n_eff) as n_eff,
        any_value(whole.clusters) as clusters,
        any_value(whole.n_present) as n_present,
        any_value(whole.share) as share,
        any_value(whole.focal_share) as focal_share,
        any_value(whole.df) as df,
        left_out_se(
            (whole.swy - parts.swy) / nullif(whole.sw - parts.sw, 0) - whole.share
        ) as se
    from whole
    inner join parts
        on
            whole.code_id = parts.code_id
            and whole.kind = parts.kind
            and whole.platform = parts.platform
    group by whole.code_id, whole.kind, whole.platform
)

select
    code_id,
    kind,
    platform,
    n,
    n_eff,
    clusters,
    n_present,
    share,
    focal_share,
    se,
    logit_end(share, se, n_eff, -t_quantile(df)) as interval_low,
    logit_end(share, se, n_eff, t_quantile(df)) as interval_high
from estimated;
