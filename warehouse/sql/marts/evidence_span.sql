-- Where coders saw a code. Grain: annotation_id, unit_key, code_id and span. No text.
-- @annotation_id Label Studio's id
-- @unit_key the post that is marked: the unit, or of a thread one of the replies shown in it
-- @code_id code of the codebook
-- @span_start first code point in text_masked
-- @span_end one past the last code point
create or replace view evidence_span as
select distinct
    spans.annotation_id,
    spans.unit_key,
    spans.code_id,
    spans.span_start + title_offset(posts.title) as span_start,
    spans.span_end + title_offset(posts.title) as span_end
from staging.stg_evidence_spans as spans
inner join intermediate.latest_codings as codings
    on
        spans.annotation_id = codings.annotation_id
        and spans.revised_at = codings.revised_at
        and spans.code_id = codings.code_id
left join staging.stg_posts as posts on spans.unit_key = posts.post_key;
