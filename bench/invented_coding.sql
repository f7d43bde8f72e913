-- What coders said of an invented corpus: whole threads drawn with unequal chances, three
-- coders who err, the third more as time goes by; and what else a study comes to hold. `codes` is a table of
-- code_id, is_reply, is_binary, rate and error; `units` is how many posts are drawn.
create or replace temp table drawn as
with threads as (
    select
        *,
        chance(thread_key, 'struggle') as struggle,
        least(1, getvariable('units') / getvariable('posts')
        * case when platform = 'reddit' then 0.8 else 1.3 end) as p
    from landed.post_versions
)

select
    *,
    row_number() over (order by post_key) as unit,
    count(*) over () as units
from threads
where chance(thread_key, 'draw') < p;

insert into landed.units by name
select
    'W1' as wave,
    'R1' as round,
    case when is_root then 'root' else 'reply' end as unit_kind,
    post_key as unit_key,
    version_key,
    platform || '|' || cast(date_trunc('week', created_at) as date) as stratum,
    p as inclusion_probability,
    1 / p as weight,
    timestamp '2026-03-30 09:00' as drawn_at
from drawn;

insert into landed.units by name
select
    'W1' as wave,
    'R1' as round,
    'timeline' as unit_kind,
    timeline_key(author_pseudonym) as unit_key,
    0 as version_key,
    min(platform) as stratum,
    0.5 as inclusion_probability,
    2.0 as weight,
    timestamp '2026-03-30 09:00' as drawn_at
from drawn
where is_root
group by author_pseudonym
having count(*) >= 3;

insert into landed.codings by name
with truths as (
    select
        drawn.*,
        codes.code_id,
        codes.is_binary,
        codes.error,
        chance(drawn.post_key, codes.code_id) as u,
        case
            when codes.code_id = 'struggleposting' then 0.6
            when codes.code_id = 'out_of_scope' then 0.03
            when drawn.struggle < 0.6 then codes.rate
            else codes.rate * case when codes.is_reply then 0.45 else 0.15 end
        end as rate,
        case when codes.code_id = 'struggleposting' then drawn.struggle end as own
    from drawn
    inner join codes on codes.is_reply <> drawn.is_root or codes.code_id = 'out_of_scope'
),

valued as (
    select
        *,
        case
            when coalesce(own, u) >= rate then 0
            when is_binary or coalesce(own, u) >= rate * 0.5 then 1
            else 2
        end as truth
    from truths
)

select
    'W1' as wave,
    'R1' as round,
    case when is_root then 'root' else 'reply' end as unit_kind,
    post_key as unit_key,
    version_key,
    'coder-' || coder as coder,
    code_id,
    unit * 4 + coder as annotation_id,
    coded_at as revised_at,
    case
        when chance(post_key + coder, code_id || 'slip')
        < error * case when coder = 3 then 0.5 + 3.0 * unit / units else 1 end
            then case when truth = 0 then 1 else 0 end
        else truth
    end as value,
    1 + cast(floor(chance(post_key + coder, 'sure') * 3) as integer) as certainty,
    getvariable('codebook_version') as codebook_version,
    coded_at,
    20 + 90 * chance(post_key + coder, 'seconds') as lead_seconds
from (
    select
        valued.*,
        coders.coder,
        timestamp '2026-03-31 08:00'
        + to_seconds(cast(20 * 86400.0 * valued.unit / valued.units as bigint)) as coded_at
    from valued
    cross join range(1, 4) as coders (coder)
);

insert into landed.agreement by name
select
    'W1' as wave,
    'R1' as round,
    getvariable('codebook_version') as codebook_version,
    code_id,
    case when is_binary then 'nominal' else 'ordinal' end as level,
    1 - 2.4 * error as alpha,
    1 - 2.4 * error - 0.05 as alpha_low,
    1 - 2.4 * error + 0.04 as alpha_high,
    (select count(*) from drawn where is_root <> is_reply) as n_units,
    3 as n_coders,
    rate as prevalence,
    1 - 2 * error as positive_agreement,
    1 - error as raw_agreement,
    stg_codes.floor,
    1 - 2.4 * error >= stg_codes.floor and 1 - 2.4 * error - 0.05 > 0.6 as is_floor_met,
    timestamp '2026-04-20 12:00' as measured_at
from codes
inner join staging.stg_codebook_codes as stg_codes using (code_id)
where stg_codes.floor is not null;

insert into landed.coverage by name
with spans (from_day, to_day, kind, reason, at_most_count) as (
    values
    (0, 23, 'seen', null, null),
    (23, 25, 'gap', 'the listing does not reach back to the last pass', 1000),
    (25, 61, 'seen', null, null),
    (61, 62, 'gap', 'the stream was cut off', null),
    (62, 85, 'seen', null, null)
)

select
    sources.source as stream,
    sources.source,
    timestamp '2026-01-05' + to_days(spans.from_day + sources.shift) as from_at,
    timestamp '2026-01-05' + to_days(spans.to_day + sources.shift) as to_at,
    spans.kind,
    spans.reason,
    spans.at_most_count,
    sources.community_key,
    'run' as run_id
from spans
cross join (
    values
    ('quiet-porch', 0, 'reddit/quietporch'),
    ('small-hours', 7, 'reddit/smallhours'),
    ('words', 3, null)
) as sources (source, shift, community_key);

insert into landed.collection_runs by name
select
    source || '-' || day as run_id,
    source,
    source as stream,
    'synthetic' as route,
    timestamp '2026-01-05 06:00' + to_days(day) as started_at,
    timestamp '2026-01-05 06:00' + to_days(day) + to_seconds(30 + day) as finished_at,
    case when (day * 7 + len(source)) % 29 = 0 then 'failed' else 'completed' end as status,
    case when (day * 7 + len(source)) % 29 = 0 then 'SourceUnavailable' end as error,
    format(
        '{{"new_count": {}, "known_count": {}, "removed_count": {}, "set_aside_count": {}}}',
        40 + day % 9 * 5, day % 4, day % 3, day % 11 // 10
    ) as counts
from range(84) as days (day)
cross join (values ('quiet-porch'), ('small-hours'), ('words')) as sources (source);

insert into landed.persistence_tally by name
select
    platform,
    cast(date '2026-01-05' + to_days(7 * week) as date) as cohort_week,
    community_kind,
    code_cell,
    age as age_days,
    cast(floor(4000 * exp(-age * hazard)) as bigint) as at_risk_count,
    cast(floor(4000 * exp(-age * hazard) * hazard) as bigint) as deleted_count,
    11 as edited_count
from range(8) as weeks (week)
cross join range(1, 31) as ages (age)
cross join (
    values
    ('reddit', 'subreddit', 'struggle', 0.009),
    ('reddit', 'subreddit', 'other', 0.005),
    ('bluesky', 'network', 'struggle', 0.006),
    ('bluesky', 'network', 'other', 0.004)
) as cells (platform, community_kind, code_cell, hazard);
