-- Gaps less what another source read of the same venue since. Grain: one row per piece left.
create or replace view intermediate.open_gaps as
with gaps as (
    select distinct
        source,
        stream,
        from_at,
        to_at,
        reason,
        at_most_count,
        community_key
    from staging.stg_coverage
    where kind = 'gap'
),

-- what was read within each gap, and an end mark
cuts as (
    select
        gaps.*,
        seen.from_at as cut_from_at,
        seen.to_at as cut_to_at
    from gaps
    inner join staging.stg_coverage as seen
        on
            gaps.from_at < seen.to_at
            and gaps.to_at > seen.from_at
            and seen.kind = 'seen'
            and (
                gaps.community_key = seen.community_key
                or split_part(gaps.community_key, '/', 1) || '/*' = seen.community_key
            )
    union all
    select
        *,
        to_at as cut_from_at,
        to_at as cut_to_at
    from gaps
),

pieces as (
    select
        * exclude (from_at, to_at, cut_from_at, cut_to_at),
        coalesce(
            max(cut_to_at) over (
                partition by source, stream, from_at, to_at, reason, at_most_count, community_key
                order by cut_from_at, cut_to_at
                rows between unbounded preceding and 1 preceding
            ),
            from_at
        ) as from_at,
        cut_from_at as to_at
    from cuts
)

select
    source,
    stream,
    from_at,
    to_at,
    reason,
    at_most_count
from pieces
where from_at < to_at;
