-- What was read of each stream, and what could not be. Grain: one row per interval.
-- Seen intervals that touch are one. A gap is what no other source has read of its venue since.
-- @source name in study.toml
-- @stream the source, with a pseudonym behind a slash where it follows several accounts
-- @kind seen or gap
-- @from_at UTC, creation time
-- @to_at UTC, creation time
-- @reason why there is a gap
-- @at_most_count how many items a gap can hold, where that is known
create or replace view coverage as
with reached as (
    select
        *,
        max(to_at) over (
            partition by source, stream
            order by from_at, to_at
            rows between unbounded preceding and 1 preceding
        ) as reached_at
    from staging.stg_coverage
    where kind = 'seen'
),

islands as (
    select
        *,
        count(*) filter (where reached_at is null or from_at > reached_at) over (
            partition by source, stream
            order by from_at, to_at
            rows between unbounded preceding and current row
        ) as island
    from reached
)

select
    source,
    stream,
    'seen' as kind,
    min(from_at) as from_at,
    max(to_at) as to_at,
    cast(null as varchar) as reason,
    cast(null as bigint) as at_most_count
from islands
group by source, stream, island
union all
select
    source,
    stream,
    'gap' as kind,
    from_at,
    to_at,
    reason,
    at_most_count
from intermediate.open_gaps;
