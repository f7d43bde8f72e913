-- A unit is drawn once a round.
select
    wave,
    round,
    unit_kind,
    unit_key,
    count(*) as rows_count
from landed.units
group by wave, round, unit_kind, unit_key
having count(*) > 1;
