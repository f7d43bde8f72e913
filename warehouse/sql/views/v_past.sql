-- What a community was like in the four weeks before: disclosure, openness, reception.
-- Grain: measure, community_key and week. mean: as sampled. value: drawn towards the community's
-- own average by as much as the sample's noise would make weeks differ if all were alike.
-- A slope on `mean` would come out too flat by that share, one on `value` does not (docs/adr/0026).
-- Source: regression calibration; Carroll et al. 2006, Measurement Error in Nonlinear Models, 4.
-- @measure disclosure, openness or reception
-- @community_key platform/venue
-- @week Monday of the week that is looked back from
-- @mean weighted mean over the four weeks before, as sampled
-- @value that mean, drawn towards the community's own average; null under a reliability of 0.1
-- @reliability share of the spread between weeks that is no noise; 0 to 1, one per measure
create or replace view v_past as
with told as (
    select
        posts.community_key,
        posts.week,
        posts.author_key,
        posts.w,
        unnest(
            [
                {
                    'measure': 'disclosure',
                    'y': cast(posts.struggleposting >= 1 as double)
                },
                {
                    'measure': 'openness',
                    'y': cast(posts.theme_stigma_openness >= 1 as double)
                },
                {
                    'measure': 'reception',
                    'y': case when posts.struggleposting >= 1 then threads.supportive_share end
                }
            ]
        ) as said
    from v_post as posts
    left join v_thread as threads on posts.thread_key = threads.thread_key
),

seen as (
    select
        community_key,
        week,
        author_key,
        w,
        struct_extract(said, 'measure') as measure,
        struct_extract(said, 'y') as y
    from told
),

weeks as (
    select
        measure,
        community_key,
        week,
        sum(w) as sw,
        sum(w * y) as swy
    from seen
    where y is not null
    group by measure, community_key, week
),

persons as (
    select
        seen.measure,
        seen.community_key,
        seen.week,
        any_value(weeks.sw) as week_sw,
        sum(seen.w) as sw,
        sum(seen.w * (seen.y - weeks.swy / weeks.sw)) as apart
    from seen
    inner join weeks
        on
            seen.measure = weeks.measure
            and seen.community_key = weeks.community_key
            and seen.week = weeks.week
    where seen.y is not null
    group by seen.measure, seen.community_key, seen.week, seen.author_key
),

crowds as (
    select
        measure,
        community_key,
        week,
        sum(apart * apart) as apart_squares,
        sum(sw * sw) as squares,
        -- what the squares come to per unit of variance, since they are taken about the week's mean
        sum(sw * sw) - 2 * sum(pow(sw, 3)) / any_value(week_sw)
        + pow(sum(sw * sw) / any_value(week_sw), 2) as free_squares
    from persons
    group by measure, community_key, week
),

noise as (
    select
        measure,
        community_key,
        week,
        squares
        * sum(apart_squares) over (partition by measure, community_key)
        / nullif(sum(free_squares) over (partition by measure, community_key), 0) as variance
    from crowds
),

targets as (
    select distinct
        community_key,
        week
    from v_post
),

links as (
    select
        weeks.measure,
        targets.community_key,
        targets.week,
        weeks.week as past_week,
        weeks.sw,
        weeks.swy,
        sum(weeks.sw) over (partition by weeks.measure, targets.community_key, targets.week)
            as window_sw
    from targets
    inner join weeks
        on
            targets.community_key = weeks.community_key
            and weeks.week between targets.week - interval 28 day
            and targets.week - interval 7 day
),

means as (
    select
        measure,
        community_key,
        week,
        sum(swy) / sum(sw) as mean,
        avg(sum(swy) / sum(sw)) over (partition by measure, community_key) as own_mean,
        count(*) over (partition by measure, community_key) as windows
    from links
    group by measure, community_key, week
),

shares as (
    select
        links.measure,
        links.community_key,
        noise.variance
        * (
            sum(1 / (links.window_sw * links.window_sw))
            - pow(sum(1 / links.window_sw), 2) / any_value(means.windows)
        ) as noise_squares
    from links
    inner join means
        on
            links.measure = means.measure
            and links.community_key = means.community_key
            and links.week = means.week
    inner join noise
        on
            links.measure = noise.measure
            and links.community_key = noise.community_key
            and links.past_week = noise.week
    group by links.measure, links.community_key, links.past_week, noise.variance
),

noisy as (
    select
        measure,
        sum(noise_squares) as squares
    from shares
    group by measure
),

spread as (
    select
        measure,
        sum(pow(mean - own_mean, 2)) as squares
    from means
    group by measure
),

reliable as (
    select
        spread.measure,
        greatest(0, 1 - noisy.squares / nullif(spread.squares, 0)) as share
    from spread
    inner join noisy on spread.measure = noisy.measure
)

select
    means.measure,
    means.community_key,
    means.week,
    means.mean,
    case
        when reliable.share >= 0.1
            then means.own_mean + reliable.share * (means.mean - means.own_mean)
    end as value,
    reliable.share as reliability
from means
inner join reliable on means.measure = reliable.measure;
