-- Codes attach to messages, threads, timelines and communities, and no column rates a person (R8).
select
    unit_kind as what,
    unit_key
from landed.units
where unit_kind not in ('root', 'reply', 'thread', 'timeline', 'community')
union all
select
    unit_kind as what,
    unit_key
from landed.codings
where unit_kind not in ('root', 'reply', 'thread', 'timeline', 'community')
union all
select
    column_name as what,
    null as unit_key
from information_schema.columns
where
    regexp_matches(
        column_name,
        '^(author|person|account|user)_.*(health|risk|identity|diagnos|illness|disorder|score)'
    )
    and table_schema in ('landed', 'staging', 'intermediate', 'main');
