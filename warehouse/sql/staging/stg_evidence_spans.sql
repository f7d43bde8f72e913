-- Where coders saw a code: code points of the unit's text, no text.
create or replace view staging.stg_evidence_spans as
select
    annotation_id,
    revised_at,
    unit_key,
    code_id,
    span_start,
    span_end
from landed.evidence_spans;
