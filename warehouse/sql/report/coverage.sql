-- What was read, by source: runs of days alike, of weeks where the time is longer than $1 days.
-- state: gap where a gap falls into the day, else read; nothing was said of the days between runs.
with span as (
    select
        date_trunc('day', min(from_at)) as first_at,
        case when date_diff('day', min(from_at), max(to_at)) > $1 then 7 else 1 end as step,
        max(to_at) as last_at
    from coverage
),

days as (
    select
        unnest(generate_series(first_at, last_at, to_days(step))) as day_at,
        step
    from span
),

states as (
    select
        coverage.source,
        days.day_at,
        days.step,
        case when bool_or(coverage.kind = 'gap') then 'gap' else 'read' end as state
    from coverage
    inner join days
        on coverage.from_at < days.day_at + to_days(days.step) and coverage.to_at > days.day_at
    group by coverage.source, days.day_at, days.step
),

runs as (
    select
        *,
        day_at - to_days(
            cast(step * row_number() over (partition by source, state order by day_at) as integer)
        ) as run
    from states
)

select
    source,
    state,
    cast(min(day_at) as date) as from_on,
    cast(max(day_at) + to_days(any_value(step)) as date) as until_on
from runs
group by source, state, run
order by source, from_on;
