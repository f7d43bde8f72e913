-- The safety code lives in the safety log alone (R8).
select
    code_id,
    unit_key
from landed.codings
where code_id = 'crisis_flag'
union all
select
    code_id,
    unit_key
from landed.evidence_spans
where code_id = 'crisis_flag';
