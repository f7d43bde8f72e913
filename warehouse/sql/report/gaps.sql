-- The longest gaps.
select
    source,
    from_at,
    to_at,
    date_diff('hour', from_at, to_at) as hours,
    reason
from coverage
where kind = 'gap'
order by hours desc, source asc, from_at asc
limit 10;
