-- A span of a wording that was replaced since it was drawn is void, and gone (R18).
select
    spans.annotation_id,
    spans.unit_key
from landed.evidence_spans as spans
inner join landed.codings as codings
    on
        spans.annotation_id = codings.annotation_id
        and spans.revised_at = codings.revised_at
        and spans.code_id = codings.code_id
        and spans.unit_key = codings.unit_key
inner join landed.superseded_versions as replaced
    on
        codings.unit_key = replaced.post_key
        and codings.version_key = replaced.version_key;
