-- Every coding leads to a drawn unit, and every span to a coding.
select
    codings.annotation_id,
    codings.unit_key
from landed.codings as codings
left join landed.units as units
    on
        codings.wave = units.wave
        and codings.round = units.round
        and codings.unit_kind = units.unit_kind
        and codings.unit_key = units.unit_key
where units.unit_key is null
union all
select
    spans.annotation_id,
    spans.unit_key
from landed.evidence_spans as spans
left join landed.codings as codings
    on
        spans.annotation_id = codings.annotation_id
        and spans.revised_at = codings.revised_at
        and spans.code_id = codings.code_id
where codings.annotation_id is null;
