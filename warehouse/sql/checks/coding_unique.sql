-- A revision of an annotation gives a code one value.
select
    annotation_id,
    revised_at,
    code_id,
    unit_key,
    count(*) as rows_count
from landed.codings
group by annotation_id, revised_at, code_id, unit_key
having count(*) > 1;
