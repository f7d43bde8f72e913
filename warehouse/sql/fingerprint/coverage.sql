-- What was read, as the union of its intervals, and what could not be.
select
    source,
    stream,
    kind,
    from_at,
    to_at,
    reason,
    at_most_count
from coverage;
