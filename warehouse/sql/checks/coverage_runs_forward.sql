-- An interval ends no earlier than it begins, and a gap says why.
select
    stream,
    from_at
from landed.coverage
where to_at < from_at or (kind = 'gap' and reason is null) or kind not in ('seen', 'gap');
